"""Photographs of every usual kind, read as 8-bit arrays."""

import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageFile, ImagePalette

from . import tiff
from .depth import Warn, doubt, to_8_bit, turned
from .opening import opened
from .stated_depth import UNSIGNED, sample_format, stated_depth
from .tiff import Foreign

Made = TypeVar("Made")


def read_image(path: str | Path | BinaryIO, warn: Warn = warnings.warn) -> np.ndarray:
    """Reads a photograph: upright as its EXIF orientation says, grey as three equal channels, alpha left out.

    16-bit values are rounded to 8; CMYK and palettes become RGB; of several frames or pages the first full one counts.
    It may be an open file, which stays open.

    Args:
        warn: see imaging.depth.to_8_bit; a sentence begins with the path.

    Returns:
        H x W x 3 uint8, RGB.

    Raises:
        ValueError: not a picture that can be read, a damaged one, a camera raw file, or one of float values.
    """

    def convert(picture: Image.Image | np.ndarray) -> np.ndarray:
        if (picture.mode == "F") if isinstance(picture, Image.Image) else (picture.dtype.kind == "f"):
            raise ValueError("float values, whose brightness no header tells: save it as 8-bit PNG")
        return as_rgb(picture, warn=lambda text: warn(f"{path}: {text}"))

    def say(left: str) -> None:
        warn(f"{path}: {left} are not read")

    return read_as(path, convert, say)


def refuse_pages(left: str) -> None:
    """Of a mask or map nobody can know which page is meant; see read_as."""
    raise ValueError(f"{left.rstrip(',')}: save the one that is meant as a file of its own")


def read_as(
    path: str | Path | BinaryIO, convert: Callable[[Any], Made], more_pages: Callable[[str], None] | None = None
) -> Made:
    """What a function makes of an opened picture (an array where Pillow does not read it); whatever goes wrong is a
    ValueError that names the file.

    Args:
        more_pages: called with what tiff.left_out says, if pages or frames are left out.
    """
    try:
        with opened(path) as picture:
            if more_pages and (left := tiff.left_out(picture)):
                more_pages(left)
            return convert(picture.decode() if isinstance(picture, Foreign) else picture)
    except MemoryError:
        raise
    except Exception as error:  # Pillow and its plug-ins raise many kinds for a damaged file
        # Its name is said once.
        reason = getattr(error, "strerror", None) or str(error).removesuffix(f" {str(path)!r}")
        if isinstance(error, Image.DecompressionBombError):
            reason = f"{str(error).partition(',')[0]}: make it smaller"
        raise ValueError(f"{path}: not a readable picture ({reason})") from None


def picture_size(path: str | Path) -> tuple[int, int]:
    """(height, width) as the file's header says, before any turning; (0, 0) of what is not readable."""
    try:
        with opened(path) as picture:
            return picture.size[::-1]
    except Exception:  # as in read_image, which tells
        return 0, 0


def orientation_at(path: str | Path) -> int:
    """EXIF orientation of a picture, 1 to 8, by its header; 1 of what is not readable."""
    try:
        with opened(path) as picture:
            return 1 if isinstance(picture, Foreign) else orientation_of(picture)
    except Exception:  # as in read_image, which tells
        return 1


def as_rgb(picture: Image.Image | np.ndarray, depth: int = 0, warn: Warn = warnings.warn) -> np.ndarray:
    """A picture in memory as H x W x 3 uint8, RGB.

    Args:
        picture: a Pillow image of any mode (upright as its EXIF orientation says), or an array, H x W or H x W x 1, 3
            or 4 (grey, RGB, RGB and alpha), of uint8, uint16 (0 to 65535, whatever it holds) or floats in [0, 1].
        depth, warn: see imaging.depth.to_8_bit.

    Raises:
        ValueError: another shape or type, no pixels, or values out of range.
    """
    if isinstance(picture, Image.Image):
        if lost := tiff.decoded_too_early(picture):
            warn(lost)
        stated = stated_depth(picture)
        array = _values(picture, depth or stated, warn)
        colours = array[..., :3] if array.ndim == 3 else array
        if stated and not depth and colours.max() < 2**stated:
            # The standard wants those of a PNG shifted up; they are not where one has lower bits than that leaves.
            shifted = picture.format == "PNG" and not (colours % 2 ** (16 - stated)).any()
            depth = 0 if shifted else stated
    else:
        array = np.asarray(picture)
        if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"an array of {array.dtype}: expected uint8, uint16 or floats in [0, 1]")
    shape = " x ".join(map(str, array.shape))
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        raise ValueError(f"an array of {shape}: expected H x W or H x W x 1, 3 or 4")
    array = array[..., :3]
    if array.dtype != np.uint8:
        array = to_8_bit(array, depth, warn)
    return np.ascontiguousarray(np.repeat(array, 3, 2) if array.shape[2] == 1 else array)


def _values(picture: Image.Image, bits: int = 0, warn: Warn | None = None) -> np.ndarray:
    """Upright: H x W x 3 uint8 (RGB) of a picture of 8 bits; at the depth of its file, H x W (x 3 or 4), of others.

    Args:
        bits, warn: see decode_deep.
    """
    if 0 in picture.size:
        raise ValueError("a picture without pixels")
    if tiff.shows_thumbnail(picture):
        raise ValueError("a camera raw file, of which this is the thumbnail: only `predict` and `serve` read its path")
    tiff.refuse_signed(picture)
    deep = decode_deep(picture, bits, warn)
    return turned(_pixels(picture) if deep is None else deep, orientation_of(picture))


def decode_deep(picture: Image.Image, bits: int = 0, warn: Warn | None = None) -> np.ndarray | None:
    """Decodes a picture. Returns its values where they have more than 8 bits, not turned but in a TIFF, black = 0.

    Args:
        bits: that values have where white is 0; 0 = as their type has.
        warn: gets a sentence where those bits are 0, but no level needs more than 12; see imaging.depth.doubt.
    """
    deep, tags = tiff.deep_values(picture), getattr(picture, "tag_v2", {})
    load(picture)
    if deep is None and picture.mode[0] in "IF":
        deep = np.asarray(picture)
        if picture.mode == "I" and sample_format(tags) == UNSIGNED and picture.format == "TIFF":
            deep = deep.view(np.uint32)  # Pillow knows signed ones alone
        if tags.get(tiff.PHOTOMETRIC) == 0:
            if warn and not bits and deep.dtype.kind != "f":
                doubt(deep.max(), warn, "bright")
            deep = tiff.black_is_0(deep, bits if deep.max() < 2**bits else 0)
    return deep


def load(picture: Image.Image) -> None:
    """Decodes a picture; a TIFF is turned upright by that."""
    _mend_bmp(picture)
    if isinstance(picture, ImageFile.ImageFile) and picture.format == "TIFF":
        picture.filename = ""  # or Pillow maps the file to memory, and takes width for height where it is turned by 90
    picture.load()


def _mend_bmp(picture: Image.Image) -> None:
    """Says how a BMP of 4 or 8 bits is decoded: with a palette of black and white Pillow takes its indices for bits.

    Raises:
        ValueError: it has no palette.
    """
    if picture.format != "BMP" or not isinstance(picture, ImageFile.ImageFile) or not picture.fp or not picture.tile:
        return
    picture.fp.seek(0)
    start, header, width, height, _, bits = struct.unpack("<10xIIiiHH", picture.fp.read(30))
    if header < 40 or bits not in (1, 4, 8):
        return
    end, rows = picture.fp.seek(0, 2), abs(height) * ((width * bits + 31) // 32 * 4)
    if start == 14 + header and not picture.info["compression"] and end <= start + rows:
        raise ValueError(f"a BMP of {bits} bits without the palette that it needs: save it as PNG, or as grey")
    if (picture.mode, bits) in (("1", 4), ("1", 8), ("L", 1), ("L", 4)):
        levels = (0, 255) if picture.mode == "1" else range(2**bits)  # the only palettes that Pillow drops
        picture.palette = ImagePalette.raw("RGB", bytes(level for level in levels for _ in "RGB"))
        picture._mode = "P"
        tile = picture.tile[0]
        more = tile.args[1:] if isinstance(tile.args, tuple) else ()
        picture.tile = [tile._replace(args=("P" if bits == 8 else f"P;{bits}", *more))]


def orientation_of(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where the EXIF is damaged."""
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged in one of many ways; the picture may be whole
        return 1
    return found if found in range(1, 9) else 1


def _pixels(picture: Image.Image) -> np.ndarray:
    """A picture as RGB, in strips: Pillow's own conversion holds a large picture three times more."""
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, 2**22 // width)
    for top in range(0, height, rows):
        pixels[top : top + rows] = np.asarray(picture.crop((0, top, width, min(top + rows, height))))
    return pixels


def grey_levels(picture: Image.Image | np.ndarray) -> np.ndarray:
    """Grey levels of a picture (as read_as gives it) at the depth of its file, H x W uint8 or uint16."""
    values = _values(picture) if isinstance(picture, Image.Image) else picture
    if values.ndim == 2 and values.dtype.kind != "f":
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"its values, {values.min()} to {values.max()}, are not between 0 and 65535")
        return values.astype(np.uint8 if values.dtype == np.uint8 else np.uint16)
    return cv2.cvtColor(as_rgb(values, 16), cv2.COLOR_RGB2GRAY)
