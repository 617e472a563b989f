"""TIFF files of several pages or more than 8 bits, and PNG files of 16: what Pillow alone would get wrong or refuse."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageFile

from .depth import GUESSES, turned

BITS, PHOTOMETRIC, ORIENTATION, CHANNELS, HIGHEST, PLANAR, EXTRA = 258, 262, 274, 277, 281, 284, 338  # tags
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
COLOURS = ("RGB", "RGBA", "RGBX")  # modes of Pillow
logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # an error says what is wrong with a file


class Foreign(NamedTuple):
    """A picture that Pillow does not open: its size (width, height), what decodes it, upright, and pages left out."""

    size: tuple[int, int]
    decode: Callable[[], np.ndarray]
    more: int = 0


def is_tiff(path: str | Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in MAGIC


def is_reduced(picture: Image.Image) -> bool:
    """Whether the page of a TIFF says that it is a smaller version of another one (NewSubfileType, SubfileType)."""
    tags = getattr(picture, "tag_v2", {})
    return bool(tags.get(254, 0) & 1) or tags.get(255) == 2


def seek_full_page(picture: Image.Image) -> None:
    """Goes from a TIFF's reduced first page to the first full one, and back where there is none.

    Raises:
        SyntaxError: Pillow does not know that page.
    """
    page = 0
    try:
        while picture.format == "TIFF" and is_reduced(picture):
            page += 1
            picture.seek(page)
    except EOFError:
        picture.seek(0)


def stated_depth(picture: Image.Image) -> int:
    """Bits, 9 to 15, that the values of a 16-bit file have by what it says; 0 where it says no such thing.

    That is a TIFF's BitsPerSample, or MaxSampleValue where it is 1023, 4095 or the like, and the sBIT of a PNG.
    """
    if picture.format == "PNG":
        bits = _significant_bits(picture)
        return bits if 8 < bits < 16 else 0
    tags = getattr(picture, "tag_v2", {})
    if 8 < (bits := _bits(tags)) < 16:
        return bits
    highest = int(np.ravel(tags.get(HIGHEST, 0))[0])
    bits = highest.bit_length()
    return bits if 8 < bits < 16 and highest == 2**bits - 1 else 0


def _significant_bits(picture: Image.Image) -> int:
    """The sBIT of a PNG that is not decoded yet, which Pillow skips; 0 without one."""
    if (file := getattr(picture, "fp", None)) is None or file.closed:
        return 0
    position = file.tell()
    file.seek(8)
    bits = b"\0"
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        length = int.from_bytes(head[:4], "big")
        if head[4:] == b"sBIT":
            bits = file.read(3 if picture.mode in COLOURS else 1) or bits
            break
        file.seek(length + 4, 1)
    file.seek(position)
    return max(bits)


def deep_values(picture: Image.Image) -> np.ndarray | None:
    """Values of a PNG or TIFF at its depth, where Pillow keeps the high byte alone, mixes planes or turns bytes round.

    The picture must not be decoded yet; of one that is, Pillow does not know the file's depth.

    Returns:
        H x W or H x W x 3 (RGB; 4 with alpha) uint16 or floats; upright where the file is a TIFF; None for others.
    """
    if not isinstance(picture, ImageFile.ImageFile) or picture.fp is None or picture.format not in ("PNG", "TIFF"):
        return None
    decoding = picture.tile[0][3] if picture.tile else ""
    layout = str(decoding[0] if isinstance(decoding, tuple) and decoding else decoding)
    tags = getattr(picture, "tag_v2", {})
    planes = _has_planes(tags) and _bits(tags) > 8
    if planes and picture.mode not in COLOURS:
        raise ValueError(f"planes of 16-bit {picture.mode}: save it with interleaved channels")
    deep = picture.mode in COLOURS and (planes or ";16" in layout) and not layout.startswith("RGBa")
    inks = picture.mode == "CMYK" and ";16" in layout
    if not deep and not inks and not (picture.format == "TIFF" and picture.mode == "F"):
        return None
    position = picture.fp.tell()
    picture.fp.seek(0)
    data = picture.fp.read()
    picture.fp.seek(position)
    if picture.format == "PNG":
        return _by_opencv(data)
    if inks:
        _check_inks(data, picture.tell())
        return None
    return _decoded(data, picture.tell(), tags)


def _check_inks(data: bytes, page: int) -> None:
    """Refuses 16-bit inks without high bits: Pillow converts the high byte alone, which is right for others."""
    highest = int(_by_tifffile(data, page).max())
    if 0 < highest < 2 ** GUESSES[-1]:
        raise ValueError(f"16-bit CMYK whose highest level is {highest}: save it as RGB, or with 8 bits")


def left_out_pages(picture: Any) -> int:
    """Pages of a TIFF beside the one it stands at, but smaller versions; frames of an animation beside the first."""
    if isinstance(picture, Foreign):
        return picture.more
    if not getattr(picture, "is_animated", False) or picture.format not in ("TIFF", "GIF", "WEBP", "PNG"):
        return 0
    if picture.format != "TIFF":
        return picture.n_frames - 1
    here, whole = picture.tell(), 0
    for page in range(picture.n_frames):
        try:
            picture.seek(page)
            whole += not is_reduced(picture)
        except SyntaxError:  # a page that Pillow does not know
            whole += 1
    picture.seek(here)
    return max(0, whole - 1)


def decoded_too_early(picture: Any) -> str:
    """What may be wrong with a PNG or TIFF that was decoded before it was given; empty where nothing is.

    Pillow keeps the high byte of 16-bit colours, which is nearly nothing where their values have 12 bits.

    Raises:
        ValueError: it mixes the planes of such a TIFF.
    """
    if not isinstance(picture, ImageFile.ImageFile) or picture.format not in ("PNG", "TIFF") or picture.tile:
        return ""
    tags = getattr(picture, "tag_v2", {})
    if picture.mode not in COLOURS or (picture.format == "TIFF" and _bits(tags) <= 8):
        return ""
    if _has_planes(tags):
        raise ValueError("planes of 16 bits, mixed up when it was decoded: give the file's path instead")
    highest = np.array(picture.getextrema())[:3].max()
    if not 0 < highest < 2 ** (GUESSES[-1] - 8):
        return ""
    return f"its highest level is {highest} of 255, nearly black: of a file with 10 or 12 bits give the path instead"


def open_tiff(path: str | Path) -> Foreign:
    """A TIFF that Pillow does not identify, such as one of colours as floats; its first full page.

    Raises:
        ValueError: neither OpenCV nor tifffile reads it.
    """
    import tifffile

    with open(path, "rb") as opened, tifffile.TiffFile(opened) as file:
        pages: list[Any] = list(file.pages)
        page = next((page for page in pages if not page.is_reduced), pages[0])
        if page.photometric not in (0, 1, 2):
            raise ValueError(f"a TIFF whose PhotometricInterpretation is {int(page.photometric)}")
        tags, index = {tag.code: tag.value for tag in page.tags}, page.index
        more = max(0, sum(not page.is_reduced for page in pages) - 1)
        return Foreign(
            (page.imagewidth, page.imagelength), lambda: _decoded(Path(path).read_bytes(), index, tags), more
        )


def _bits(tags: Any) -> int:
    return int(max(np.ravel(tags.get(BITS, 1))))


def _has_planes(tags: Any) -> bool:
    return tags.get(PLANAR) == 2 and tags.get(CHANNELS, 1) > 1


def _decoded(data: bytes, page: int, tags: Any) -> np.ndarray:
    """A page, upright, black = 0.

    OpenCV knows more compressions, but mixes planes, and alpha into 8-bit colours; grey loses its alpha there.
    """
    values: np.ndarray | None
    if page or _has_planes(tags) or _bits(tags) <= 8 or tags.get(CHANNELS) == 2:
        values = _by_tifffile(data, page)
        values = turned(np.moveaxis(values, 0, -1) if _has_planes(tags) else values, tags.get(ORIENTATION, 1))
        if tags.get(CHANNELS) == 2:
            return _grey_and_alpha(values, tags)
    elif (values := _by_opencv(data)) is None:
        raise ValueError("truncated, damaged, or a TIFF of a kind that OpenCV does not decode")
    return black_is_0(values) if tags.get(PHOTOMETRIC) == 0 else values


def _grey_and_alpha(values: np.ndarray, tags: Any) -> np.ndarray:
    """Two samples a pixel as RGB and alpha, black = 0; as grey alone where the second is not said to be alpha."""
    grey = black_is_0(values[..., 0]) if tags.get(PHOTOMETRIC) == 0 else values[..., 0]
    return np.dstack([grey, grey, grey, values[..., 1]]) if np.ravel(tags.get(EXTRA, 0))[0] in (1, 2) else grey


def black_is_0(values: np.ndarray, depth: int = 0) -> np.ndarray:
    """Values where white is 0, turned round; of so many bits, 0 = as their type has."""
    highest = 2**depth - 1 if depth else np.iinfo(values.dtype).max if values.dtype.kind != "f" else 1
    return highest - values


def _by_tifffile(data: bytes, page: int) -> np.ndarray:
    """The values of a page as they lie in the file, not turned."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return np.asarray(file.pages[page].asarray())


@contextmanager
def silent_opencv() -> Iterator[None]:
    """OpenCV prints nothing of its own meanwhile: an error says what is wrong."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)


def _by_opencv(data: bytes) -> np.ndarray | None:
    """Grey, RGB or RGB and alpha at the file's depth; of a TIFF its first page, upright; None of a damaged file."""
    with silent_opencv():
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim == 2:
        return values
    return values[..., ::-1] if values.shape[2] == 3 else values[..., [2, 1, 0, 3]]
