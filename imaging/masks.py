"""Ground truth and saved maps, read as 8-bit arrays: 255 = in focus, 0 = blurred."""

from pathlib import Path

import cv2
import numpy as np

from .depth import turned
from .mask_levels import COLOUR_NOISE, Levels, black_and_white, stored
from .pictures import as_rgb, grey_levels, orientation_at, read_as, read_image, refuse_pages

UNKNOWN = 128  # level of a trimap where nobody knows whether it is in focus
SIDES = (1.0, 0.8, 0.65, 0.5, 0.4)  # of the squares that are tried, as shares of the shorter side


def read_map(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a saved focus map as H x W uint8, 255 = in focus.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: see read_image; also several pages, or colours: the grey of a heat map is not its level.
    """
    # That one map is dark is nothing to warn of.
    picture = read_as(path, lambda picture: as_rgb(picture, warn=lambda _: None), refuse_pages)
    red, green, blue = cv2.split(picture)
    if max(cv2.absdiff(red, green).max(), cv2.absdiff(blue, green).max()) > COLOUR_NOISE:
        raise ValueError(f"{path}: a picture in colours, not a grey focus map")
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return grey if white == "in_focus" else 255 - grey


def read_mask(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a ground truth as H x W uint8, 255 = in focus, 0 = blurred; see read_levels."""
    return read_levels(path, white)[0]


def read_levels(path: str | Path, white: str = "in_focus") -> tuple[np.ndarray, Levels]:
    """Reads a ground truth of two levels, labels or colours, or in the alpha channel; and what it held.

    Grey edges are cut in the middle of 0 to 255 or, in a 16-bit file with a level above 255, of 0 to 65535. (The depth
    of a map is that of its file alone, see read_map.)

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Returns:
        H x W uint8, 255 = in focus, 0 = blurred, upright as its EXIF orientation says; and its levels.

    Raises:
        ValueError: see read_image; also several pages, what does not hold two classes, or not known which of them is
            white.
    """
    file = read_as(path, stored, refuse_pages)
    try:
        is_white, levels = black_and_white(file)
    except ValueError as error:
        raise ValueError(f"{path}: not a mask of two classes: {error}") from None
    mask = (is_white if white == "in_focus" else ~is_white).astype(np.uint8) * 255
    return np.ascontiguousarray(turned(mask, file.orientation)), levels


def read_trimap(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a partial ground truth as H x W uint8: 255 = in focus, 0 = blurred, 128 = unknown, left out of the loss.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: see read_image; also several pages, or any other level, with the levels found.
    """
    levels = read_as(path, grey_levels, refuse_pages)
    if strange := sorted(set(np.unique(levels).tolist()) - {0, UNKNOWN, 255}):
        raise ValueError(f"{path}: a trimap holds 0, {UNKNOWN} and 255 alone; this one also {strange[:5]}")
    if white == "blurred":
        levels = np.where(levels == UNKNOWN, UNKNOWN, 255 - levels)
    return levels.astype(np.uint8)


def read_pair(
    image_path: Path, mask_path: Path, white: str = "in_focus", trimap: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Photograph (H x W x 3, RGB) and mask (H x W, 255 = in focus; or a trimap, see read_trimap) of one pair, uint8.

    Raises:
        ValueError: see read_image; also two sizes that differ.
    """
    image, mask = read_image(image_path), (read_trimap if trimap else read_mask)(mask_path, white)
    if image.shape[:2] != mask.shape:
        sizes = ["{1} x {0}".format(*picture.shape) for picture in (image, mask)]
        swapped = image.shape[:2] == mask.shape[::-1] and orientation_at(image_path) > 1
        why = "; the photograph is turned by its EXIF rotation, and the mask seems drawn on the pixels as stored"
        raise ValueError(f"{image_path} is {sizes[0]}, its mask {sizes[1]} (width x height){why if swapped else ''}")
    return image, mask


def largest_square(picture: np.ndarray, part: np.ndarray) -> np.ndarray | None:
    """A square of the picture (H x W x 3) that lies in the part (H x W, 255) wholly; None if all such are too small."""
    sums = cv2.integral(part // 255)
    for share in SIDES:
        side = int(share * min(part.shape))
        inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side] == side**2
        if inside.any():
            y, x = np.unravel_index(inside.argmax(), inside.shape)
            return np.ascontiguousarray(picture[y : y + side, x : x + side])
    return None
