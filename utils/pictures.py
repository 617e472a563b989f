"""Photographs and masks of every usual kind, read as 8-bit arrays; and PNG files written."""

import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from .files import write_bytes

warnings.filterwarnings("ignore", module="PIL")  # odd EXIF, transparent palettes: of nothing that is used here

COLOUR_NOISE = 24  # what JPEG may add to grey, of 255


def read_image(path: str | Path) -> np.ndarray:
    """Reads a photograph: upright as its EXIF orientation says, grey as three equal channels, alpha left out.

    16-bit values keep their high byte (where any is above 255), float values are taken as 0 to 1; CMYK and palettes
    become RGB; of several frames or pages the first counts.

    Returns:
        H x W x 3 uint8, RGB.

    Raises:
        ValueError: not a picture that Pillow can read, or a damaged one.
    """
    try:
        with Image.open(path) as picture:
            picture = ImageOps.exif_transpose(picture)
            if picture.mode[0] in "IF":
                picture = _to_8_bit(picture)
            return np.array(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not a readable picture ({error})") from None


def _to_8_bit(picture: Image.Image) -> Image.Image:
    """Grey values of 16 bits, 32 bits (which hold 16) or floats, which Pillow itself would clip at 255."""
    values = np.asarray(picture)
    if values.dtype.kind == "f":
        if not (values.min() >= 0 and values.max() <= 1):
            raise ValueError("its float values are not between 0 and 1")
        return Image.fromarray(np.round(values * 255).astype(np.uint8))
    # Nothing above 255: 8-bit values in a wider file, as some tools write masks.
    return Image.fromarray((values if values.max() <= 255 else values.clip(0, 65535) >> 8).astype(np.uint8))


def read_map(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a saved focus map as H x W uint8, 255 = in focus.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: see read_image; also a picture in colours: the grey of a heat map is not its level.
    """
    picture = read_image(path)
    red, green, blue = cv2.split(picture)
    if max(cv2.absdiff(red, green).max(), cv2.absdiff(blue, green).max()) > COLOUR_NOISE:
        raise ValueError(f"{path}: a picture in colours, not a grey focus map")
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return grey if white == "in_focus" else 255 - grey


def read_mask(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a ground truth as H x W uint8, 255 = in focus, 0 = blurred.

    Grey values are cut at 128; a file that holds nothing above 1 is one of 0 and 1.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: see read_image.
    """
    grey = cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY)
    bright = grey >= (128 if grey.max() > 1 else 1)
    focus = bright if white == "in_focus" else ~bright
    return focus.astype(np.uint8) * 255


def read_pair(image_path: Path, mask_path: Path, white: str = "in_focus") -> tuple[np.ndarray, np.ndarray]:
    """Photograph (H x W x 3, RGB) and mask (H x W, 255 = in focus) of one pair, uint8.

    Raises:
        ValueError: see read_image; also two sizes that differ.
    """
    image, mask = read_image(image_path), read_mask(mask_path, white)
    if image.shape[:2] != mask.shape:
        sizes = ["{1} x {0}".format(*picture.shape) for picture in (image, mask)]
        raise ValueError(f"{image_path} is {sizes[0]}, its mask {sizes[1]} (width x height)")
    return image, mask


def write_png(path: Path, picture: np.ndarray) -> None:
    """Writes H x W (grey) or H x W x 3 (RGB) uint8 as PNG."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    write_bytes(path, cv2.imencode(".png", picture)[1].tobytes())
