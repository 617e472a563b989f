"""TIFF files of several pages or more than 8 bits, PNG and JPEG 2000 files of more: what Pillow alone gets wrong."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageFile

from .depth import GUESSES, turned
from .stated_depth import SIGNED, precision, sample_format, tiff_bits

WIDTH, HEIGHT, PHOTOMETRIC, ORIENTATION, SUB_IFDS = 256, 257, 262, 274, 330  # tags
CHANNELS, PLANAR, EXTRA, DNG_VERSION = 277, 284, 338, 50706
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
FORMATS, COLOURS = ("PNG", "TIFF", "JPEG2000"), ("RGB", "RGBA", "RGBX")  # and modes, of Pillow


class Foreign(NamedTuple):
    """A picture that Pillow does not open: its size (width, height), what decodes it, upright, and what left_out says;
    where the tags of a TIFF's first page and of this one lie in the file."""

    size: tuple[int, int]
    decode: Callable[[], np.ndarray]
    more: str = ""
    directories: tuple[int, ...] = ()


def is_tiff(path: str | Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in MAGIC


def is_reduced(picture: Image.Image) -> bool:
    """Whether the page of a TIFF says that it is a smaller version of another one (NewSubfileType, SubfileType)."""
    tags = getattr(picture, "tag_v2", {})
    return bool(tags.get(254, 0) & 1) or tags.get(255) == 2


def shows_thumbnail(picture: Image.Image) -> bool:
    """Whether a TIFF that Pillow has opened is a camera raw file: DNG, Canon's CR2, or one like Nikon's and Sony's."""
    tags = getattr(picture, "tag_v2", {})
    if DNG_VERSION in tags or (is_reduced(picture) and SUB_IFDS in tags):
        return True
    file = getattr(picture, "fp", None)
    if file is None or file.closed:
        return False
    position = file.tell()
    file.seek(4)
    mark = file.read(6)
    file.seek(position)
    return picture.format == "TIFF" and mark == b"\x10\0\0\0CR"  # Canon's, before its first directory at 16


def seek_full_page(picture: Image.Image) -> None:
    """Goes from a TIFF's first page to the full one; of a camera raw file of kind DNG it is none of the pages.

    Raises:
        SyntaxError: Pillow does not know that page.
    """
    if picture.format == "TIFF" and DNG_VERSION not in getattr(picture, "tag_v2", {}):
        picture.seek(full_page(_sizes(picture)))


def full_page(sizes: list[tuple[int, int]]) -> int:
    """Index of the page that counts: the first full one, unless it is a thumbnail in all but name.

    That is one with a page of the same aspect after it, within a pixel, more than twice as wide; the widest counts.

    Args:
        sizes: (width, height) of all pages; (0, 0) of those that say that they are reduced.
    """
    first = next((page for page, (width, _) in enumerate(sizes) if width), 0)
    width, height = sizes[first]
    same = [page for page, (w, h) in enumerate(sizes) if w > 2 * width > 0 and abs(w * height - h * width) <= w + h]
    return max(same, key=lambda page: sizes[page][0], default=first)


def _sizes(picture: Any) -> list[tuple[int, int]]:
    """Sizes of a TIFF's pages, as for full_page; those that Pillow does not know count, too."""
    here, sizes = picture.tell(), []
    for page in range(picture.n_frames):
        with suppress(SyntaxError):
            picture.seek(page)
        tags = picture.tag_v2
        sizes.append((0, 0) if is_reduced(picture) else (int(tags.get(WIDTH, 0)), int(tags.get(HEIGHT, 0))))
    picture.seek(here)
    return sizes


def _others(sizes: list[tuple[int, int]], here: int) -> str:
    """Full pages beside one, in words; empty where there are none."""
    others = [size for page, size in enumerate(sizes) if page != here and size[0]]
    if not others:
        return ""
    width, height = max(others, key=np.prod)
    found = f"{len(others)} more page(s) or frame(s) in it"
    if width * height > np.prod(sizes[here]):
        return f"{found}, of up to {width} x {height} pixels,"
    return f"{found}, smaller than page {here + 1}," if any(width for width, _ in sizes[:here]) else found


def deep_values(picture: Image.Image) -> np.ndarray | None:
    """Values at a file's depth, where Pillow keeps the high byte alone, mixes planes, turns bytes round or wraps.

    The picture must not be decoded yet; of one that is, Pillow does not know the file's depth.

    Returns:
        H x W or H x W x 3 (RGB; 4 with alpha) uint8, uint16 or floats; upright where the file is a TIFF; None where
        Pillow is right.
    """
    if not isinstance(picture, ImageFile.ImageFile) or picture.fp is None or picture.format not in FORMATS:
        return None
    decoding = picture.tile[0][3] if picture.tile else ""
    layout = str(decoding[0] if isinstance(decoding, tuple) and decoding else decoding)
    tags = getattr(picture, "tag_v2", {})
    planes = _has_planes(tags) and tiff_bits(tags) > 8
    if _has_planes(tags) and (picture.mode == "LA" or (planes and picture.mode not in COLOURS)):
        what = f"{tiff_bits(tags)}-bit {'grey and alpha' if picture.mode == 'LA' else picture.mode}"
        raise ValueError(f"planes of {what}: save it with interleaved channels")
    deep = picture.mode in COLOURS and (planes or ";16" in layout) and not layout.startswith("RGBa")
    deep |= picture.format == "JPEG2000" and picture.mode in (*COLOURS, "LA") and precision(picture) > 8
    inks = picture.mode == "CMYK" and ";16" in layout
    if not deep and not inks and not (picture.format == "TIFF" and picture.mode == "F"):
        return None
    position = picture.fp.tell()
    picture.fp.seek(0)
    data = picture.fp.read()
    picture.fp.seek(position)
    if picture.format != "TIFF":
        if (values := _by_opencv(data)) is None and picture.format == "JPEG2000":
            raise ValueError(f"damaged, or {precision(picture)}-bit JPEG 2000 of a kind that OpenCV does not decode")
        return values
    if inks:
        _check_inks(data, picture.tell())
        return None
    return _decoded(data, picture.tell(), tags)


def refuse_signed(picture: Image.Image) -> None:
    """Refuses a TIFF of signed integers, whose black and white nobody knows; those of 32 bits may be 0 to 65535."""
    tags = getattr(picture, "tag_v2", {})
    if sample_format(tags) == SIGNED and (bits := tiff_bits(tags)) <= 16:
        raise ValueError(f"a TIFF of signed {bits}-bit integers: save it with unsigned ones, black = 0")


def _check_inks(data: bytes, page: int) -> None:
    """Refuses 16-bit inks without high bits: Pillow converts the high byte alone, which is right for others."""
    highest = int(_by_tifffile(data, page).max())
    if 0 < highest < 2 ** GUESSES[-1]:
        raise ValueError(f"16-bit CMYK whose highest level is {highest}: save it as RGB, or with 8 bits")


def left_out(picture: Any) -> str:
    """What is not read of a picture, in words: full pages of a TIFF beside the one it stands at, frames of an animation
    beside the first. Empty where nothing is; the previews of a camera's MPO, and the layers of a PSD, are nothing."""
    if isinstance(picture, Foreign):
        return picture.more
    if picture.format == "TIFF":
        return _others(_sizes(picture), picture.tell())
    frames = getattr(picture, "n_frames", 1) if picture.format not in ("MPO", "PSD") else 1
    return f"{frames - 1} more page(s) or frame(s) in it" if frames > 1 else ""


def decoded_too_early(picture: Any) -> str:
    """What may be wrong with a PNG or TIFF that was decoded before it was given; empty where nothing is.

    Pillow keeps the high byte of 16-bit colours, which is nearly nothing where their values have 12 bits.

    Raises:
        ValueError: it mixes the planes of such a TIFF.
    """
    if not isinstance(picture, ImageFile.ImageFile) or picture.format not in ("PNG", "TIFF") or picture.tile:
        return ""
    tags = getattr(picture, "tag_v2", {})
    if picture.mode not in COLOURS or (picture.format == "TIFF" and tiff_bits(tags) <= 8):
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
        sizes = [(0, 0) if page.is_reduced else (page.imagewidth, page.imagelength) for page in pages]
        page = pages[index := full_page(sizes)]
        if page.photometric not in (0, 1, 2):
            raise ValueError(f"a TIFF whose PhotometricInterpretation is {int(page.photometric)}")
        tags, size = {tag.code: tag.value for tag in page.tags}, (page.imagewidth, page.imagelength)
        directories = (pages[0].offset, page.offset)
        return Foreign(size, lambda: _decoded(Path(path).read_bytes(), index, tags), _others(sizes, index), directories)


def _has_planes(tags: Any) -> bool:
    return tags.get(PLANAR) == 2 and tags.get(CHANNELS, 1) > 1


def _decoded(data: bytes, page: int, tags: Any) -> np.ndarray:
    """A page, upright, black = 0.

    OpenCV knows more compressions, but mixes planes, and alpha into 8-bit colours; grey loses its alpha there.
    """
    values: np.ndarray | None
    white_is_0, two = tags.get(PHOTOMETRIC) == 0, tags.get(CHANNELS) == 2
    if page or two or _has_planes(tags) or tiff_bits(tags) <= 8:
        values = _by_tifffile(data, page)
        values = turned(np.moveaxis(values, 0, -1) if _has_planes(tags) else values, tags.get(ORIENTATION, 1))
    elif (values := _by_opencv(data)) is None:
        raise ValueError("truncated, damaged, or a TIFF of a kind that OpenCV does not decode")
    grey = values[..., 0] if (two := two and values.ndim == 3) else values
    if white_is_0:
        if grey.dtype == np.uint16 and 0 < (highest := grey.max()) < 2 ** GUESSES[-1]:
            raise ValueError(f"16-bit grey where 0 is white, of a highest level of {highest}: save it with black as 0")
        grey = black_is_0(grey)
    is_alpha = two and np.ravel(tags.get(EXTRA, 0))[0] in (1, 2)
    return np.dstack([grey, grey, grey, values[..., 1]]) if is_alpha else grey


def black_is_0(values: np.ndarray, depth: int = 0) -> np.ndarray:
    """Values where white is 0, turned round; of so many bits, 0 = as their type has."""
    return (2**depth - 1 if depth else np.iinfo(values.dtype).max if values.dtype.kind != "f" else 1) - values


def _by_tifffile(data: bytes, page: int) -> np.ndarray:
    """The values of a page as they lie in the file, not turned; of one bit 0 and 255."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        values = np.asarray(file.pages[page].asarray())
    return values * np.uint8(255) if values.dtype == bool else values


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
