"""Images as arrays: 8-bit files by Pillow, 16-bit PNG and TIFF by OpenCV. All else is refused, nothing is guessed."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from ..utils.files import write_bytes

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")  # of Pillow, 8 bits or fewer
BITS, PHOTOMETRIC, PLANAR, EXTRA, SAMPLE_FORMAT = 258, 262, 284, 338, 339  # tags of TIFF
SUBFILE, SUB_IFDS, DNG_VERSION = 254, 330, 50706
WAY_OUT = "save it as 8-bit PNG"
DIM = 4096  # a 16-bit image without a level from here on may hold 10 or 12 bits: nobody can know
DEEP = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
JPEG_SIDE = 65_500  # pixels: libjpeg writes no longer side
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


def read_image(source: str | Path | BinaryIO) -> np.ndarray:
    """Reads an image, a path or an open file, as H x W x 3 uint8, RGB.

    EXIF turns it upright, grey becomes three equal channels, transparency is dropped, and 16-bit values are rounded to
    8 bits. Only the first frame of an animation is read.

    Raises ValueError: the file cannot be read, or its kind is not supported; with its name and the way out.
    """
    with opened(source) as (_, values):
        if values.dtype == np.uint16 and 0 < values.max() < DIM:
            raise ValueError(f"16 bits whose highest level is {values.max()} of 65535: {WAY_OUT}")
    return as_rgb(values)


@contextmanager
def in_memory(source: Any) -> Iterator[io.BytesIO]:
    """The bytes of a path or an open file. Any error in the block becomes a ValueError with the file's name."""
    is_open = hasattr(source, "read")
    name = getattr(source, "name", "an open file") if is_open else source
    try:
        if is_open:
            with suppress(OSError):  # an answer of the network has no beginning to go back to
                source.seek(0)
        elif Path(source).exists() and not Path(source).is_file():
            raise ValueError("a folder, a pipe or the like")
        file = io.BytesIO(source.read() if is_open else Path(source).read_bytes())
        file.name = str(name)
        yield file
    except Exception as error:  # Pillow, libheif and LibRaw raise many kinds for a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, Image.DecompressionBombError):
            reason = f"{reason.partition(',')[0]}: make it smaller"
        raise ValueError(f"{name}: not a readable image ({reason})") from None


@contextmanager
def opened(source: Any, formats: tuple[str, ...] = FORMATS) -> Iterator[tuple[Any, np.ndarray]]:
    """An image file by Pillow, and its values, upright, uint8 or uint16: H x W (grey) or H x W x 3 (RGB, no alpha).
    Any error in the block becomes a ValueError with the file's name.
    """
    with in_memory(source) as file:
        try:
            image: Any = Image.open(file, formats=formats)
        except UnidentifiedImageError:
            raise ValueError(f"damaged, or not one of {', '.join(formats)} of integers: {WAY_OUT}") from None
        _check_kind(image)
        by_opencv = image.format == "BMP" or ";16" in str(image.tile)
        image.load()  # raises where the file is damaged, which OpenCV may not notice
        if image.mode == "P" and np.asarray(image).max() >= len(image.getpalette("RGB")) // 3:
            raise ValueError("its palette lacks colours that its pixels use")
        if by_opencv:  # Pillow keeps the high byte of 16-bit colours, and mistakes some palettes of BMP
            values: Any = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), DEEP)
            if values is None:
                raise ValueError(f"damaged, or a kind that OpenCV cannot decode: {WAY_OUT}")
            values = values[..., ::-1] if values.ndim == 3 else values
        else:
            values = np.array(image.convert("L" if image.mode in ("1", "L") else "RGB"))
        yield image, upright(values, image)


def _check_kind(image: Any) -> None:
    """Refuses values whose black and white no header tells, and kinds that Pillow and OpenCV read wrong."""
    if is_raw(image):
        raise ValueError("a camera raw file; only `predict` and `serve` read these")
    if image.format == "TIFF":
        tags, pages = image.tag_v2, image.n_frames
        bits, kinds = set(tags.get(BITS, (1,))), set(tags.get(SAMPLE_FORMAT, (1,)))
        colours = (1, 2) if bits == {16} else range(7)  # grey and RGB; else also palettes, CMYK and YCbCr, but no LAB
        usual = bits in ({1}, {8}, {16}) and tags.get(PHOTOMETRIC) in colours and tags.get(PLANAR, 1) == 1
        if pages > 1 or kinds != {1} or not usual or 1 in tags.get(EXTRA, ()):
            found = f"{pages} page(s) of {'/'.join(map(str, bits))} bits"
            expected = "1 page of 1, 8 or 16 unsigned bits, no LAB, no separate planes, no premultiplied alpha"
            raise ValueError(f"a TIFF of {found}; expected {expected}, with 16 bits 0 = black: {WAY_OUT}")


def is_raw(image: Any) -> bool:
    """Whether a file that Pillow has opened is a camera raw file like DNG or NEF, of which it sees a thumbnail."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    return DNG_VERSION in tags or bool(tags.get(SUBFILE, 0) & 1 and SUB_IFDS in tags)


def upright(values: np.ndarray, image: Any) -> np.ndarray:
    """Values, H x W (x C), turned by the EXIF of their image. A damaged EXIF turns nothing: the image may be whole."""
    orientation = 1
    with suppress(Exception):  # damaged in one of many ways
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    turned = np.rot90(values, {3: 2, 4: 2, 5: 3, 6: 3, 7: 1, 8: 1}.get(orientation, 0))
    return np.ascontiguousarray(turned[:, ::-1] if orientation in (2, 4, 5, 7) else turned)


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """uint8, uint16, or floats in [0, 1], H x W (x C), rounded to uint8. Raises ValueError for other values."""
    if values.dtype == np.uint16:
        return cv2.convertScaleAbs(values, alpha=1 / 257)
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "f" or not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"values of type {values.dtype}: expected uint8, uint16, or floats between 0 and 1")
    return np.round(values * 255).astype(np.uint8)


def as_rgb(image: Any, read: Callable[[Any], np.ndarray] = read_image) -> np.ndarray:
    """An image of any kind as H x W x 3 uint8, RGB.

    Args:
        image: a path, a file's bytes or an open file, which `read` reads; a Pillow image of 8 bits, made upright; an
            array, H x W or H x W x 1, 3 or 4 (grey, RGB, RGB and alpha), or a tensor, 3 x H x W, of uint8, uint16 or
            floats in [0, 1].

    Raises ValueError: not an image; another mode, shape or type; no pixels; or values out of range.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        image = io.BytesIO(image)
    if isinstance(image, (str, os.PathLike)) or hasattr(image, "read"):
        return read(image)
    if isinstance(image, Image.Image):
        if image.mode not in MODES:
            raise ValueError(f"an image of mode {image.mode}: give its path, or an image of 8 bits")
        return upright(np.array(image.convert("RGB")), image)
    if hasattr(image, "requires_grad") and image.ndim == 3:  # a tensor of torch, which is not needed otherwise
        image = image.detach().cpu().permute(1, 2, 0)
    array: Any = np.asarray(image)
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or not array.size:
        kinds = "a path, a file's bytes, an open file, a Pillow image, a tensor, 3 x H x W, or an array"
        raise ValueError(f"{type(image).__name__} of shape {array.shape}: expected {kinds}, H x W or H x W x 1, 3 or 4")
    array = to_8_bit(array if array.ndim == 2 else array[..., :3])
    return np.ascontiguousarray(array) if array.shape[2:] == (3,) else cv2.cvtColor(array, cv2.COLOR_GRAY2RGB)


def write_image(path: Path, image: np.ndarray, metadata: dict[int, bytes] | None = None) -> None:
    """Writes a PNG or a JPEG, by the path's suffix, whole or not at all.

    Args:
        image: H x W (grey) or H x W x 3 (RGB) uint8; as PNG also H x W x 4 (and alpha), and H x W uint16.
        metadata: EXIF and colour profile by OpenCV's cv2.IMAGE_METADATA_ numbers.

    Raises ValueError: a side that the format cannot hold, 65,500 pixels in JPEG, a million in PNG.
    """
    kinds, settings = metadata or {}, JPEG if path.suffix == ".jpg" else []
    if settings and max(image.shape) > JPEG_SIDE:  # else OpenCV prints a message of its own
        raise ValueError(f"{path.name}: JPEG holds at most {JPEG_SIDE} pixels a side")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    chunks = [np.frombuffer(data, np.uint8) for data in kinds.values()]
    done, packed = cv2.imencodeWithMetadata(path.suffix, image, list(kinds), chunks, settings)
    if not done:
        raise ValueError(f"{path}: OpenCV cannot write it")
    write_bytes(path, packed.data)
