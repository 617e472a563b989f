"""Photographs of every kind: what data.images reads, and HEIC, camera raw files and transparency."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ..data.images import as_rgb, read_image
from ..data.images import is_raw as has_raw_thumbnail
from ..utils.picture_names import RAW_SUFFIXES

HEAD = 2**16  # bytes of a file in which its kind and its colours are stated
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
# How camera raw files begin that are not TIFF: Olympus, Panasonic, Fujifilm, Sigma, Minolta; Canon's CR3.
RAW_SIGNS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILM", b"FOVb", b"\0MRM", b"\0\0\0\x18ftypcrx ")
JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")
HDR = {16: "PQ", 18: "HLG"}  # transfer functions of ITU-T H.273 that 8-bit sRGB cannot show
SRGB_LIKE = (1, 2, 5, 6)  # colour primaries of H.273 close to sRGB's, or unspecified
PROFILES = (b"colrprof", b"colrrICC", b"iCCP")  # where HEIC, AVIF and PNG hold an ICC profile
GREY = 128  # level behind transparent pixels, for the network
Warn = Callable[[str], object]
SHARES = np.linspace(0, 1, 256, dtype=np.float32)  # of the levels of an alpha channel
ROWS = 256  # blended at a time: float weights of a large image would fill the memory


class Photo(NamedTuple):
    """A photograph, upright.

    Attributes:
        pixels: H x W x 3 uint8, RGB; transparent pixels are blended with grey, so hidden colours do not count.
        alpha: H x W uint8, 255 = opaque; None where all is opaque.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None


def read_photo(source: str | Path | BinaryIO, warn: Warn = warnings.warn) -> Photo:
    """Reads an image file, HEIC and camera raw files too, where pillow-heif and rawpy are installed.

    Args:
        source: a path or an open file.
        warn: gets a sentence about what may be wrong.

    Raises:
        ValueError: not an image, damaged, HDR, float values, or a package is missing; with the file's name.
    """
    name = str(getattr(source, "name", "an open file") if hasattr(source, "read") else source)
    try:
        file = in_memory(source)
        _check_colours(head := file.getvalue()[:HEAD], lambda text: warn(f"{name}: {text}"))
        if is_heic(head):
            return _with_alpha(as_rgb(image := open_heic(file)), image)
        if is_raw(file):
            return Photo(_develop(file))
    except MemoryError:
        raise
    except Exception as error:  # Pillow, libheif and LibRaw raise many kinds for a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{name}: not a readable image ({reason})") from None
    pixels = read_image(file)
    with Image.open(file) as image:
        return _with_alpha(pixels, image)


def read_pixels(source: str | Path | BinaryIO) -> np.ndarray:
    """The pixels of read_photo: what a Predictor reads files with."""
    return read_photo(source).pixels


def blend(above: np.ndarray, below: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """One image over another, H x W x 3 uint8; alpha, H x W uint8, is the share of the upper one."""
    result = np.empty(above.shape, np.uint8)
    for top in range(0, len(alpha), ROWS):
        rows = slice(top, top + ROWS)
        share = cv2.LUT(alpha[rows], SHARES)
        result[rows] = cv2.blendLinear(above[rows], np.ascontiguousarray(below[rows]), share, 1 - share)
    return result


def in_memory(source: Any) -> io.BytesIO:
    """The bytes of a path or an open file, with its name. Raises ValueError for a pipe, which may block."""
    if hasattr(source, "read"):
        source.seek(0)
        file = io.BytesIO(source.read())
    elif Path(source).exists() and not Path(source).is_file():
        raise ValueError("a folder, a pipe or the like")
    else:
        file = io.BytesIO(Path(source).read_bytes())
    file.name = str(getattr(source, "name", "an open file") if hasattr(source, "read") else source)
    return file


def is_heic(head: bytes) -> bool:
    """Whether a file is HEIC by its first bytes, whatever its suffix; AVIF, which Pillow reads, is not."""
    brands = head[8 : min(64, int.from_bytes(head[:4], "big"))]
    return head[4:8] == b"ftyp" and b"avif" not in brands and any(brand in brands for brand in HEIC_BRANDS)


def open_heic(file: io.BytesIO) -> Image.Image:
    """A HEIC image as Pillow's, upright. Raises ValueError: pillow-heif is not installed, or the file is damaged."""
    try:
        import pillow_heif
    except ImportError:
        raise ValueError("HEIC needs another package: pip install pillow-heif") from None
    return pillow_heif.open_heif(file).to_pillow()


def is_raw(file: io.BytesIO) -> bool:
    """Whether a file of in_memory is a camera raw file, by its suffix or its content."""
    head = file.getvalue()[:16]
    if Path(file.name).suffix.lower() in RAW_SUFFIXES or head.startswith(RAW_SIGNS):
        return True
    try:
        with Image.open(file, formats=("TIFF",)) as image:
            return has_raw_thumbnail(image)
    except (UnidentifiedImageError, Image.DecompressionBombError):  # read_image refuses it
        return False


def _develop(file: io.BytesIO) -> np.ndarray:
    """A camera raw file as the camera would develop it: its white balance, sRGB, 8 bits, upright."""
    try:
        import rawpy
    except ImportError:
        raise ValueError("a camera raw file needs another package: pip install rawpy") from None
    file.seek(0)
    try:
        with rawpy.imread(file) as raw:
            return raw.postprocess(use_camera_wb=True, output_bps=8)
    except rawpy.LibRawError as error:
        raise ValueError(f"a camera raw file that rawpy cannot read: {error}; save it as TIFF") from None


def _check_colours(head: bytes, warn: Warn) -> None:
    """Refuses HDR and JPEG XL, and warns of a wide gamut without profile; by the H.273 codes in HEIC, AVIF and PNG."""
    if head.startswith(JPEG_XL):
        raise ValueError("JPEG XL is not supported: save it as JPEG or PNG")
    primaries = transfer = 2  # unspecified
    if head[4:8] == b"ftyp" and (place := head.find(b"colrnclx")) > 0:
        primaries, transfer = head[place + 9], head[place + 11]
    elif head.startswith(b"\x89PNG") and (place := head.find(b"cICP")) > 0:
        primaries, transfer = head[place + 4], head[place + 5]
    if transfer in HDR:
        raise ValueError(f"an HDR image ({HDR[transfer]}): save it as 8-bit JPEG or PNG in sRGB")
    if primaries not in SRGB_LIKE and not any(profile in head for profile in PROFILES):
        warn("its colours have a wider gamut and no ICC profile; renderings show them paler, as sRGB")


def _with_alpha(pixels: np.ndarray, image: Image.Image) -> Photo:
    """Pixels with the transparency of the opened image."""
    if not image.has_transparency_data:
        return Photo(pixels)
    alpha = np.asarray(ImageOps.exif_transpose(image).convert("RGBA").getchannel("A"))
    if alpha.shape != pixels.shape[:2] or alpha.min() == 255:
        return Photo(pixels)
    return Photo(blend(pixels, np.full_like(pixels, GREY), alpha), alpha)
