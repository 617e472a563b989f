"""Images as arrays: 8-bit files by Pillow, 16-bit PNG and TIFF by OpenCV. All else is refused, nothing is guessed."""

import io
import os
import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from ..utils.files import write_bytes

Source = str | Path | BinaryIO
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "AVIF")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")  # of Pillow, 8 bits or fewer
WIDTH, HEIGHT = 256, 257  # tags of TIFF
BITS, PHOTOMETRIC, SAMPLES, PLANAR, EXTRA, SAMPLE_FORMAT = 258, 262, 277, 284, 338, 339
SUBFILE, SUB_IFDS, DNG_VERSION = 254, 330, 50706
WAY_OUT = "save it as 8-bit PNG"
DIM = 4096  # a 16-bit photograph without a level from here on may hold 10 or 12 bits: nobody can know
JPEG_SIDE = 65_500  # pixels: libjpeg writes no longer side
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


def read_image(source: Source, at_least: int = 0) -> np.ndarray:
    """Reads a photograph: upright as its EXIF says, grey as three equal channels, transparency dropped.

    16-bit values are rounded to 8 bits. Only the first frame of an animation is read.

    Args:
        source: a path or an open file.
        at_least: a JPEG is read at 1/2, 1/4 or 1/8 of its size where both sides stay as long as this; 0 = whole.

    Returns:
        H x W x 3 uint8, RGB.

    Raises:
        ValueError: the file cannot be read, or is of a kind that is not supported; with its name and the way out.
    """
    with opened(source) as image:
        if at_least:
            image.draft(None, (at_least, at_least))
        values = values_of(image)
        colours = values[..., :3] if values.ndim == 3 else values
        if values.dtype == np.uint16 and 0 < colours.max() < DIM:
            raise ValueError(f"16 bits whose highest level is {colours.max()} of 65535: {WAY_OUT}")
    return as_rgb(values)


def upright_size(source: Source) -> tuple[int, int]:
    """(height, width) by the file's header, upright. Raises as read_image."""
    with opened(source) as image:
        tags = getattr(image, "tag_v2", {})  # newer versions of Pillow have turned the size of a TIFF already
        width, height = tags.get(WIDTH, image.width), tags.get(HEIGHT, image.height)
        return (width, height) if orientation_of(image) >= 5 else (height, width)


@contextmanager
def opened(source: Any) -> Iterator[Any]:
    """Opens an image file by Pillow. Whatever goes wrong in the block becomes a ValueError with the file's name."""
    is_open = hasattr(source, "read")
    name = getattr(source, "name", "an open file") if is_open else source
    try:
        if not is_open and Path(str(source)).exists() and not Path(str(source)).is_file():
            raise ValueError("a folder, a pipe or the like")
        # From an open file: Pillow would map a path's TIFF to memory, and take width for height where it is turned.
        with nullcontext(source) if is_open else open(source, "rb") as file, Image.open(file, formats=FORMATS) as image:
            _check_kind(image)
            yield image
    except UnidentifiedImageError:
        reason = f"damaged, or none of {', '.join(FORMATS)}: {WAY_OUT}"
        raise ValueError(f"{name}: not a readable image ({reason})") from None
    except Image.DecompressionBombError as error:
        reason = f"{str(error).partition(',')[0]}: make it smaller"
        raise ValueError(f"{name}: not a readable image ({reason})") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow and its plug-ins raise many kinds for a damaged file
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{name}: not a readable image ({reason})") from None


def _check_kind(image: Any) -> None:
    """Refuses values whose black and white no header tells, and kinds that Pillow and OpenCV read wrong."""
    if image.format == "TIFF":
        tags = image.tag_v2
        bits, samples = {int(value) for value in np.ravel(tags.get(BITS, 1))}, tags.get(SAMPLES, 1)
        if is_raw(image):
            raise ValueError("a camera raw file; only `predict` and `serve` read these")
        if image.n_frames > 1:
            raise ValueError(f"a TIFF of {image.n_frames} pages: save the page that is meant as a file of its own")
        deep = bits == {16} and tags.get(PHOTOMETRIC) in (1, 2) and samples != 2
        if not (bits in ({1}, {8}) or deep) or np.ravel(tags.get(SAMPLE_FORMAT, 1))[0] != 1:
            raise ValueError(f"a TIFF of {'/'.join(map(str, sorted(bits)))} bits of this kind: {WAY_OUT}")
        if (samples > 1 and tags.get(PLANAR) == 2) or 1 in np.ravel(tags.get(EXTRA, 0)):
            raise ValueError(f"a TIFF of separate planes or premultiplied alpha: {WAY_OUT}")
    maxval = [value for value in np.ravel(image.tile[0].args) if str(value).isdigit()] if image.format == "PPM" else []
    if any(int(value) > 255 for value in maxval):
        raise ValueError(f"a PPM of more than 8 bits: {WAY_OUT}")
    if not is_deep(image) and image.mode not in MODES:
        raise ValueError(f"values of Pillow's mode {image.mode}: {WAY_OUT}")


def is_raw(image: Any) -> bool:
    """Whether a TIFF that Pillow has opened is a camera raw file, of which it sees a thumbnail: DNG, CR2, NEF ..."""
    tags = getattr(image, "tag_v2", {})
    if image.format != "TIFF" or DNG_VERSION in tags or (tags.get(SUBFILE, 0) & 1 and SUB_IFDS in tags):
        return image.format == "TIFF"
    position = image.fp.tell()
    image.fp.seek(4)
    mark = image.fp.read(6)
    image.fp.seek(position)
    return mark == b"\x10\0\0\0CR"  # Canon's, before its first directory


def is_deep(image: Any) -> bool:
    """Whether an opened PNG or TIFF that is not loaded yet has 16 bits."""
    if image.format == "PNG":
        return ";16" in str(image.tile[0].args)
    return image.format == "TIFF" and 16 in np.ravel(image.tag_v2.get(BITS, 1))


def values_of(image: Any) -> np.ndarray:
    """Values of an image just opened, upright, uint8 or uint16: H x W (grey), H x W x 3 or 4 (RGB, alpha)."""
    by_opencv, data = is_deep(image) or image.format == "BMP", b""
    if by_opencv:  # Pillow keeps the high byte of 16-bit colours, and mistakes some palettes of BMP
        image.fp.seek(0)
        data = image.fp.read()
    image.load()  # raises where the file is damaged; turns a TIFF upright
    if image.mode == "P" and np.asarray(image).max() >= len(image.getpalette("RGB")) // 3:
        raise ValueError("its palette lacks colours of indices that it uses")
    if not by_opencv:
        mode = "L" if image.mode in ("1", "L") else "RGB"
        values = np.array(image if image.mode == mode else image.convert(mode))
    else:
        flag = cv2.IMREAD_COLOR if image.format == "BMP" else cv2.IMREAD_UNCHANGED
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
        if decoded is None:
            raise ValueError(f"damaged, or of a kind that OpenCV does not decode: {WAY_OUT}")
        values = decoded if decoded.ndim == 2 else decoded[..., [2, 1, 0, 3][: decoded.shape[2]]]
    return values if image.format == "TIFF" else turned(values, orientation_of(image))


def orientation_of(image: Any) -> int:
    """EXIF orientation, 1 to 8; 1 where the EXIF is damaged, since the image may be whole."""
    try:
        tag = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged in one of many ways
        return 1
    return tag if tag in range(1, 9) else 1


def turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """H x W (x C) made upright by an EXIF orientation, 1 to 8."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    down, across = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return np.ascontiguousarray(values[::down, ::across])


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """uint16, or floats in [0, 1], rounded to uint8. Raises ValueError for other floats."""
    if values.dtype == np.uint16:
        return ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)[values]
    if values.dtype.kind == "f":
        if not (values.min() >= 0 and values.max() <= 1):
            raise ValueError("its float values are not between 0 and 1")
        return np.round(values * 255).astype(np.uint8)
    return values


def as_rgb(image: Any) -> np.ndarray:
    """An image in memory as H x W x 3 uint8, RGB.

    Args:
        image: a Pillow image of 8 bits, made upright, or an array, H x W or H x W x 1, 3 or 4 (grey, RGB, RGB and
            alpha), of uint8, uint16 or floats in [0, 1].

    Raises:
        ValueError: another mode, shape or type, no pixels, or values out of range.
    """
    if isinstance(image, Image.Image):
        if image.mode not in MODES:
            raise ValueError(f"an image of mode {image.mode}: give its path, or an image of 8 bits")
        return turned(np.array(image.convert("RGB")), orientation_of(image))
    array = np.asarray(image)
    if array.dtype.kind != "f" and array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"an array of {array.dtype}: expected uint8, uint16 or floats in [0, 1]")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or not array.size:
        shape = " x ".join(map(str, array.shape))
        raise ValueError(f"an array of {shape}: expected H x W or H x W x 1, 3 or 4")
    array = to_8_bit(array.reshape(*array.shape[:2], -1)[..., :3])
    return cv2.cvtColor(array, cv2.COLOR_GRAY2RGB) if array.shape[2] == 1 else np.ascontiguousarray(array)


def as_image(image: Any, read: Callable[[Any], np.ndarray]) -> np.ndarray:
    """An image of any kind as H x W x 3 uint8, RGB.

    Args:
        image: a path, a file's bytes, an open file, a Pillow image, an array, or a tensor (3 x H x W or 1 x 3 x H x W).
        read: reads an image file, a path or an open file.

    Raises:
        ValueError: not an image, or of another kind.
    """
    if isinstance(image, (str, os.PathLike)):
        return read(Path(image))
    if isinstance(image, (bytes, bytearray, memoryview)):
        return read(io.BytesIO(image))
    if isinstance(image, io.TextIOBase):
        raise ValueError('a file opened as text: open an image with "rb"')
    if hasattr(image, "read"):
        return read(image)
    if hasattr(image, "requires_grad"):  # a tensor of torch, which is not needed otherwise
        if image.shape[:-2] not in ((3,), (1, 3)):
            shape = " x ".join(map(str, image.shape))
            raise ValueError(f"a tensor of {shape}: expected 3 x H x W or 1 x 3 x H x W; of several, give a list")
        image = image.reshape(image.shape[-3:]).detach().cpu().permute(1, 2, 0)
        image = (image.float() if image.is_floating_point() else image).numpy()
    if not isinstance(image, Image.Image) and not hasattr(image, "__array__"):
        kinds = "a path, a file's bytes, an open file, a Pillow image, an array or a tensor"
        raise ValueError(f"{type(image).__name__} ({reprlib.repr(image)}) is no image: give {kinds}")
    return as_rgb(image)


def write_image(path: Path, image: np.ndarray, metadata: dict[int, bytes] | None = None) -> None:
    """Writes a PNG or a JPEG, whole or not at all.

    Args:
        path: its suffix chooses the format.
        image: H x W (grey) uint8, as PNG also uint16; H x W x 3 (RGB) uint8; as PNG also H x W x 4 (and alpha).
        metadata: EXIF and colour profile by OpenCV's cv2.IMAGE_METADATA_ numbers.

    Raises:
        ValueError: a side that JPEG cannot hold, or an image that OpenCV cannot write.
    """
    kinds, settings = metadata or {}, JPEG if path.suffix == ".jpg" else []
    if settings and max(image.shape) > JPEG_SIDE:
        raise ValueError(f"{path.name}: JPEG holds at most {JPEG_SIDE} pixels a side")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    chunks = [np.frombuffer(data, np.uint8) for data in kinds.values()]
    done, packed = cv2.imencodeWithMetadata(path.suffix, image, list(kinds), chunks, settings)
    if not done:
        raise ValueError(f"{path}: OpenCV cannot write it")
    write_bytes(path, packed.data)
