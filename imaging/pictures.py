"""Photographs of every usual kind, read as 8-bit arrays; and picture files written."""

import struct
import warnings
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageFile, PngImagePlugin

from ..utils.files import atomic, write_bytes

warnings.filterwarnings("ignore", module="PIL")  # odd EXIF, transparent palettes: of nothing that is used here

HEIF_SUFFIXES = (".heic", ".heif")
# What makes a picture of each EXIF orientation upright.
TURNS = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
         5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}  # fmt: skip
# Every 16-bit level rounded to 8 bits; 65535 becomes 255. A file's depth decides, never what the picture holds.
BYTE_OF_16_BITS = ((np.arange(2**16) + 128) // 257).astype(np.uint8)


def read_image(path: str | Path | BinaryIO) -> np.ndarray:
    """Reads a photograph: upright as its EXIF orientation says, grey as three equal channels, alpha left out.

    16-bit values are rounded to 8, float values are taken as 0 to 1; CMYK and palettes become RGB; of several frames or
    pages the first counts. It may be an open file, which stays open.

    Returns:
        H x W x 3 uint8, RGB.

    Raises:
        ValueError: not a picture that Pillow can read, or a damaged one.
    """
    return read_as(path, as_rgb)


def read_small(path: str | Path, at_least: int = 64) -> np.ndarray:
    """Reads a photograph for a look at it: a JPEG at 1/2, 1/4 or 1/8 of its size where both sides stay >= at_least.

    Returns and raises as read_image; the pixels are not quite those of the whole picture shrunk.
    """

    def convert(picture: Image.Image) -> np.ndarray:
        picture.draft(None, (at_least, at_least))
        return as_rgb(picture)

    return read_as(path, convert)


def read_as(path: str | Path | BinaryIO, convert: Callable[[Image.Image], Any]) -> Any:
    """What a function makes of an opened picture; whatever goes wrong is a ValueError that names the file."""
    try:
        with _opened(path) as picture:
            return convert(picture)
    except MemoryError:
        raise
    except Exception as error:  # Pillow and its plug-ins raise many kinds for a damaged file
        reason: Exception | str = error
        if Path(str(path)).suffix.lower() in HEIF_SUFFIXES and not register_heif():
            reason = "HEIC needs another package: pip install pillow-heif"
        raise ValueError(f"{path}: not a readable picture ({reason})") from None


def picture_size(path: str | Path) -> tuple[int, int]:
    """(height, width) as the file's header says, before any turning; (0, 0) of what is not readable."""
    try:
        with _opened(path) as picture:
            return picture.size[::-1]
    except Exception:  # as in read_image, which tells
        return 0, 0


def orientation_at(path: str | Path) -> int:
    """EXIF orientation of a picture, 1 to 8, by its header; 1 of what is not readable."""
    try:
        with _opened(path) as picture:
            return orientation_of(picture)
    except Exception:  # as in read_image, which tells
        return 1


def _opened(path: str | Path | BinaryIO) -> Image.Image:
    """Opens a picture, but no pipe, where a reader may wait for ever, and no program for another one to run."""
    if isinstance(path, (str, Path)) and Path(path).exists() and not Path(path).is_file():
        raise OSError("no file, but a folder, a pipe or the like")
    register_heif()
    picture = Image.open(path)
    if picture.format == "EPS":  # Pillow would start Ghostscript
        picture.close()
        raise ValueError("EPS, which is a program, not a picture")
    return picture


@cache
def register_heif() -> bool:
    """Lets Pillow read HEIC, where pillow-heif is installed; whether it is."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def as_rgb(picture: Image.Image | np.ndarray) -> np.ndarray:
    """A picture in memory as H x W x 3 uint8, RGB.

    Args:
        picture: a Pillow image of any mode (upright as its EXIF orientation says), or an array, H x W or H x W x 1, 3
            or 4 (grey, RGB, RGB and alpha), of uint8, uint16 (0 to 65535, whatever it holds) or floats in [0, 1].

    Raises:
        ValueError: another shape or type, no pixels, or values out of range.
    """
    if isinstance(picture, Image.Image):
        return _pixels(_upright(picture))
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        shape = " x ".join(map(str, np.shape(picture)))
        raise ValueError(f"an array of {shape}: expected H x W or H x W x 1, 3 or 4")
    if array.dtype == np.uint16:
        array = BYTE_OF_16_BITS[array]
    elif array.dtype.kind == "f":
        array = float_to_8_bit(array)
    elif array.dtype != np.uint8:
        raise ValueError(f"an array of {array.dtype}: expected uint8, uint16 or floats in [0, 1]")
    return np.ascontiguousarray(np.repeat(array, 3, 2) if array.shape[2] == 1 else array[..., :3])


def _upright(picture: Image.Image) -> Image.Image:
    """The decoded picture, turned as its EXIF orientation says; colours of 16 bits are rounded to 8."""
    if 0 in picture.size:
        raise ValueError("a picture without pixels")
    deep = deep_pixels(picture)
    picture.load()  # which turns a TIFF already, as OpenCV does
    orientation = orientation_of(picture)
    if deep is not None:
        picture = Image.fromarray(BYTE_OF_16_BITS[deep[..., :3]])
    return picture.transpose(TURNS[orientation]) if orientation in TURNS else picture


def deep_pixels(picture: Image.Image) -> np.ndarray | None:
    """Colours, and alpha if any, of a PNG or TIFF that has 16 bits of them, H x W x 3 or 4 uint16, not turned.

    Pillow keeps their high byte alone. None for other pictures; the picture must not be decoded yet: of one that is,
    Pillow does not know the file's depth.
    """
    if not isinstance(picture, ImageFile.ImageFile) or picture.fp is None:
        return None
    decoding = picture.tile[0][3] if picture.tile else ""
    layout = str(decoding[0] if isinstance(decoding, tuple) and decoding else decoding)
    if picture.format not in ("PNG", "TIFF") or ";16" not in layout or layout.startswith("I"):
        return None
    position = picture.fp.tell()
    picture.fp.seek(0)
    data = np.frombuffer(picture.fp.read(), np.uint8)
    picture.fp.seek(position)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def orientation_of(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where the EXIF is damaged."""
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged in one of many ways; the picture may be whole
        return 1
    return found if found in range(1, 9) else 1


def _pixels(picture: Image.Image) -> np.ndarray:
    """An upright picture as RGB, in strips: Pillow's own conversion holds a large picture three times more."""
    if picture.mode[0] in "IF":
        picture = _to_8_bit(picture)
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, 2**22 // width)
    for top in range(0, height, rows):
        pixels[top : top + rows] = np.asarray(picture.crop((0, top, width, min(top + rows, height))))
    return pixels


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Grey values of 16 bits, of 32 bits (which hold 16), or floats; Pillow itself would clip them at 255."""
    values = np.asarray(picture)
    is_float = values.dtype.kind == "f"
    return Image.fromarray(float_to_8_bit(values) if is_float else BYTE_OF_16_BITS[of_16_bits(values)])


def of_16_bits(values: np.ndarray) -> np.ndarray:
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its values, {values.min()} to {values.max()}, are not between 0 and 65535")
    return values.astype(np.uint16)


def float_to_8_bit(values: np.ndarray) -> np.ndarray:
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("its float values are not between 0 and 1")
    return np.round(values * 255).astype(np.uint8)


def grey_levels(picture: Image.Image) -> np.ndarray:
    """Grey levels of a picture at the depth of its file, H x W uint8 or uint16."""
    picture = _upright(picture)
    if picture.mode[0] == "I":
        return of_16_bits(np.asarray(picture))
    return cv2.cvtColor(_pixels(picture), cv2.COLOR_RGB2GRAY)


def read_profile(path: str | Path) -> bytes | None:
    """The ICC profile of a readable picture; None where there is none, or where it is for CMYK or grey, not RGB."""
    with _opened(path) as picture:
        return picture.info.get("icc_profile") if picture.mode in ("RGB", "RGBA", "P") else None


def write_picture(path: Path, picture: np.ndarray, profile: bytes | None, comment: str = "") -> None:
    """Writes H x W x 3 or 4 uint8 (RGB, alpha) as JPEG or PNG, by the path's suffix, with ICC profile and comment."""
    with atomic(path) as temporary:
        if path.suffix == ".png":
            about = PngImagePlugin.PngInfo()
            if comment:
                about.add_text("Comment", comment)
            Image.fromarray(picture).save(temporary, icc_profile=profile, compress_level=1, pnginfo=about)
        else:
            Image.fromarray(picture).save(temporary, icc_profile=profile, quality=92, subsampling=0, comment=comment)


def write_png(path: Path, picture: np.ndarray, comment: str = "") -> None:
    """Writes H x W (grey) uint8 or uint16, or H x W x 3 (RGB) uint8, as PNG, with a comment in ASCII."""
    write_bytes(path, png(picture, comment))


def png(picture: np.ndarray, comment: str = "") -> bytes:
    """The bytes of write_png's file."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".png", picture)[1].tobytes()
    if not comment:
        return data
    text = b"tEXtComment\0" + comment.encode("ascii")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return data[:33] + chunk + data[33:]  # behind the header
