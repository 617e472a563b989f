"""Ground truth and saved maps as 8-bit arrays: 255 = in focus, 0 = blurred."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .images import opened, read_image, to_8_bit

FORMATS = ("PNG", "TIFF", "BMP", "JPEG")
NOISE = {"JPEG": 24}  # what its compression may add to a level, of 255
BETWEEN, FLAT = 0.1, 0.25  # largest share of pixels on grey edges, and largest share of these in flat areas
UNKNOWN = 128  # level of a trimap where nobody knows whether it is in focus


def read_mask(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a ground truth as H x W uint8, 255 = in focus, 0 = blurred; see read_levels."""
    return read_levels(path, white)[0]


def read_levels(path: str | Path, white: str = "in_focus", trimap: bool = False) -> tuple[np.ndarray, tuple[int, ...]]:
    """Reads a ground truth as H x W uint8, upright, 255 = in focus, 0 = blurred; and its levels of black and white.

    A mask holds black and white, perhaps with grey edges, which are cut at half; or black and one colour, which counts
    as white; or two values, of which the larger is white. Its levels are such as (0, 255), or one if it has one class.

    Args:
        white: what white means in the file, "in_focus" or "blurred".
        trimap: whether the file holds 0, 255, and 128 = unknown, which the loss leaves out; then no levels are given.

    Raises ValueError: see read_image; also transparency, frames, or other values, which it names.
    """
    with opened(path, FORMATS) as (image, values):
        levels = _grey_levels(image, values, "trimap" if trimap else "mask")
        if not trimap:
            is_white, found = _two_classes(levels, NOISE.get(image.format, 0))
            return (is_white == (white == "in_focus")) * np.uint8(255), found
        if strange := sorted({*np.unique(levels).tolist()} - {0, UNKNOWN, 255}):
            raise ValueError(f"a trimap holds only 0, {UNKNOWN} and 255; this one also holds {strange[:5]}")
    return levels.astype(np.uint8), ()


def read_map(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a saved focus map as H x W uint8, 255 = in focus: a grey image, or a 2-D array in .npy or .mat, of 0 to 1
    or 0 to 255. `white` says what white means in the file, "in_focus" or "blurred".

    Raises ValueError: see read_image; also colours, since the grey of a heat map is not its level, and transparency.
    """
    if Path(path).suffix in (".npy", ".mat"):
        levels = _array_of(Path(path))
    else:
        with opened(path, FORMATS) as (image, values):
            levels = to_8_bit(_grey_levels(image, values, "map"))
    return levels if white == "in_focus" else 255 - levels


def _array_of(path: Path) -> np.ndarray:
    """The only 2-D array of a .npy or .mat file as levels."""
    from scipy.io import loadmat  # scikit-learn brings it

    try:
        found = [np.load(path)] if path.suffix == ".npy" else loadmat(path).values()
    except Exception as error:  # readers raise many kinds for a damaged file
        raise ValueError(f"{path}: not a readable array ({error})") from None
    arrays = [x.squeeze() for x in found if isinstance(x, np.ndarray) and x.size and x.dtype.kind in "buif"]
    arrays = [x.astype(np.float32) for x in arrays if x.ndim == 2]
    if len(arrays) != 1 or not (arrays[0].min() >= 0 and arrays[0].max() <= 255):
        raise ValueError(f"{path}: expected one 2-D array of values from 0 to 1 or from 0 to 255")
    return np.rint(arrays[0] * (255 if arrays[0].max() <= 1 else 1)).astype(np.uint8)


def _grey_levels(image: Any, values: np.ndarray, kind: str) -> np.ndarray:
    """Levels of an opened mask, trimap or map, H x W uint8 or uint16; 0 and 255 of black and one colour.
    Raises ValueError: transparency, frames, colours, a palette that shows several indices alike.
    """
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"{image.n_frames} frames: save the right one as its own file")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise ValueError(f"transparency: a {kind} has none; save its grey levels, or its alpha channel, as grey PNG")
    if image.mode == "P" and len(image.getcolors()) > len(image.convert("RGB").getcolors()):
        raise ValueError("its palette shows different indices as one colour: save the indices as grey PNG")
    if values.ndim == 2:
        return values
    red, green, blue = cv2.split(values)
    if max(cv2.absdiff(red, green).max(), cv2.absdiff(blue, green).max()) <= NOISE.get(image.format, 0):
        return green
    colours = Image.fromarray(values).getcolors(2) if values.dtype == np.uint8 and kind == "mask" else None
    if (0, 0, 0) not in [colour for _, colour in colours or []]:
        raise ValueError(f"colours: a {kind} is grey (a mask may also be black and one colour); save it as grey PNG")
    return np.where(values.any(2), np.uint8(255), np.uint8(0))


def _two_classes(levels: np.ndarray, noise: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """White pixels, H x W bool, and the levels of black and white.

    Soft edges and the noise of JPEG change from pixel to pixel, labels do not. So a label map shows by the share of
    pixels with eight equal neighbours among those that are not of the commonest dark and bright level: 40% and more.
    Masks of CUHK and DUT have at most 2.4% as JPEG, blurred or resized smoothly, 20% if enlarged without smoothing.
    """
    largest = np.iinfo(levels.dtype).max
    counts = np.bincount(levels.ravel(), minlength=largest + 1)
    present = np.flatnonzero(counts).tolist()
    low, high = present[0], present[-1]
    if present in ([0], [largest]) or (len(present) == 2 and not noise):
        return levels >= max(high, 1), tuple(present)
    top = 255 if high <= 255 else 65535
    dark, bright, white = top // 4, top * 3 // 4, levels > top // 2  # grey edges lie between dark and bright
    flat = cv2.morphologyEx(levels, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) <= noise // 2
    commonest = np.where(white, bright + counts[bright:].argmax(), counts[: dark + 1].argmax())
    others = cv2.absdiff(levels, commonest.astype(levels.dtype)) > noise
    few_edges = counts[dark + 1 : bright + 1].sum() <= BETWEEN * levels.size
    if low > dark or high < bright or not few_edges or (others & flat).sum() > FLAT * others.sum():
        shown = ", ".join(map(str, present)) if len(present) < 9 else f"{low} to {high}, {len(present)} in all"
        hint = "; as a trimap it belongs in Train/NAME/trimaps" if present == [0, UNKNOWN, 255] else ""
        raise ValueError(f"levels {shown}: not two classes; save it in black and white{hint}")
    return white, (0, top)


def read_pair(image: Path, mask: Path, trimap: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Image (H x W x 3, RGB) and mask (H x W, 255 = in focus; or a trimap) of one pair, uint8.
    Raises ValueError: see read_image and read_levels; also two sizes that differ.
    """
    pixels, (truth, _) = read_image(image), read_levels(mask, trimap=trimap)
    check_sizes(image, pixels.shape[:2], mask, truth.shape)
    return pixels, truth


def check_sizes(image: Path, size: tuple[int, ...], mask: Path, mask_size: tuple[int, ...]) -> None:
    """Raises ValueError where an image and its mask have different sizes, (height, width)."""
    if size != mask_size:
        hint = "; one of them may lack the other's EXIF rotation" if size == mask_size[::-1] else ""
        sizes = "{1} x {0}".format(*size), "{1} x {0}".format(*mask_size)
        raise ValueError(f"{image} is {sizes[0]}, its mask {sizes[1]} (width x height){hint}")
