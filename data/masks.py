"""Ground truth and saved maps as 8-bit arrays: 255 = in focus, 0 = blurred."""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from .images import opened, read_image, to_8_bit, values_of

LOSSLESS, LOSSY = ("PNG", "TIFF", "BMP", "GIF", "PPM"), ("JPEG", "MPO")
COLOUR_NOISE = 24  # what JPEG may add to grey, of 255
DARK, BRIGHT = 1 / 4, 3 / 4  # of the range: grey edges lie between
BETWEEN, FLAT = 0.1, 0.25  # largest share of pixels on grey edges, and largest share of these in flat areas
UNKNOWN = 128  # level of a trimap where nobody knows whether it is in focus


class Mask(NamedTuple):
    """A mask and what its file holds.

    Attributes:
        values: H x W uint8, 255 = in focus, 0 = blurred, upright.
        black, white: what stands for them in the file, such as "0" and "255"; None of a class that is not there.
        grey: whether there were grey edges, which are cut at half.
    """

    values: np.ndarray
    black: str | None
    white: str | None
    grey: bool = False


def read_mask(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a ground truth as H x W uint8, 255 = in focus, 0 = blurred; see read_levels."""
    return read_levels(path, white).values


def read_levels(path: str | Path, white: str = "in_focus") -> Mask:
    """Reads a ground truth: black and white, perhaps with grey edges, which are cut at half; or exactly two values.

    If the file holds two values, the larger one is white. If it holds black and one colour, the colour is white.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: see read_image; also transparency, frames, or values that are not of two classes, which it names.
    """
    with opened(path) as image:
        lossy = image.format in LOSSY
        is_white, black, high, grey = _two_classes(_one_channel(image), lossy)
        if white == "blurred":
            is_white = ~is_white
        return Mask(is_white.astype(np.uint8) * 255, black, high, grey)


def read_trimap(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a partial ground truth as H x W uint8: 255 = in focus, 0 = blurred, 128 = unknown, left out of the loss.

    Raises:
        ValueError: see read_levels; also any other level.
    """
    with opened(path) as image:
        levels = _one_channel(image)
        if strange := sorted({*np.unique(levels).tolist()} - {0, UNKNOWN, 255}):
            raise ValueError(f"a trimap holds 0, {UNKNOWN} and 255 alone; this one also {strange[:5]}")
    levels = levels.astype(np.uint8)
    return levels if white == "in_focus" else np.where(levels == UNKNOWN, levels, 255 - levels)


def read_map(path: str | Path, white: str = "in_focus") -> np.ndarray:
    """Reads a saved focus map as H x W uint8, 255 = in focus: a grey image, or a 2-D array in .npy or .mat, of 0 to 1
    or 0 to 255.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: see read_image; also colours, since the grey of a heat map is not its level, and transparency.
    """
    if Path(path).suffix in (".npy", ".mat"):
        levels = _array_of(Path(path))
    else:
        with opened(path) as image:
            levels = to_8_bit(_one_channel(image, "map"))
    return levels if white == "in_focus" else 255 - levels


def _array_of(path: Path) -> np.ndarray:
    """The only 2-D array of a .npy or .mat file as levels."""
    try:
        if path.suffix == ".npy":
            arrays = [np.load(path)]
        else:
            from scipy.io import loadmat  # scikit-learn brings it

            arrays = [value for name, value in loadmat(path).items() if not name.startswith("__")]
    except Exception as error:  # readers raise many kinds for a damaged file
        raise ValueError(f"{path}: not a readable array ({error})") from None
    arrays = [np.squeeze(array) for array in arrays if np.squeeze(array).ndim == 2 and array.dtype.kind in "buif"]
    values = arrays[0].astype(np.float32) if len(arrays) == 1 and arrays[0].size else np.full(1, np.nan)
    if not (values.min() >= 0 and values.max() <= 255):
        raise ValueError(f"{path}: expected one 2-D array of values from 0 to 1 or from 0 to 255")
    return np.rint(values * (255 if values.max() <= 1 else 1)).astype(np.uint8)


def _one_channel(image: Any, what: str = "mask") -> np.ndarray:
    """Levels of an opened mask or map, upright, H x W uint8 or uint16; of a mask of black and one colour, 0 and 255.

    Raises:
        ValueError: transparency, frames, colours, a palette that shows several indices alike.
    """
    if image.format not in LOSSLESS + LOSSY:
        raise ValueError(f"a {what} in {image.format}, which may change its levels: save it as PNG")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise ValueError(f"{image.n_frames} frames: save the one that is meant as a file of its own")
    values = values_of(image)
    indices = np.array(image) if image.mode == "P" else None
    transparent = image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255)
    if transparent or (values.shape[2:] == (4,) and values[..., 3].min() < np.iinfo(values.dtype).max):
        raise ValueError(f"transparency: a {what} has none; save its grey levels, or its alpha channel, as grey PNG")
    if values.ndim == 2 and indices is None:
        return values
    colours = values if values.ndim == 3 else values[..., None]
    if indices is not None and len(np.unique(indices)) > len(np.unique(_codes(colours))):
        raise ValueError("its palette shows different indices as one colour: save the indices as grey PNG")
    red, green, blue = (colours[..., number % colours.shape[2]] for number in range(3))
    difference = max(int(cv2.absdiff(red, green).max()), int(cv2.absdiff(blue, green).max()))
    noise = COLOUR_NOISE if image.format in LOSSY and green.max() > 127 else 0
    if difference <= noise:
        return np.ascontiguousarray(green)
    if what == "map":
        raise ValueError("an image in colours, not a grey focus map")
    codes = _codes(colours)
    found = np.unique(codes)
    if len(found) != 2 or found[0] != 0:
        raise ValueError(f"{len(found)} colours: a mask is grey, or black and one colour; save it in black and white")
    return np.where(codes > 0, np.uint8(255), np.uint8(0))


def _codes(colours: np.ndarray) -> np.ndarray:
    """A number for the colour of each pixel, H x W; 0 = black."""
    weights = np.array([2**32, 2**16, 1], np.uint64)[: colours.shape[2]]
    return (colours[..., :3].astype(np.uint64) * weights).sum(-1)


def _two_classes(levels: np.ndarray, lossy: bool) -> tuple[np.ndarray, str | None, str | None, bool]:
    """White pixels, H x W bool; what stands for black and for white; whether there are grey edges."""
    counts = np.bincount(levels.ravel())
    present = np.flatnonzero(counts).tolist()
    low, high = present[0], present[-1]
    top = 255 if high <= 255 else 65535
    if len(present) == 1 and low in (0, 1, top):
        return levels > 0, None if low else "0", str(low) if low else None, False
    if len(present) == 2 and not lossy:
        return levels == high, str(low), str(high), False
    dark, bright = int(DARK * top), int(BRIGHT * top)
    all_white = lossy and low >= bright and high - low <= COLOUR_NOISE  # the noise of JPEG
    shown = f"levels {', '.join(map(str, present))}" if len(present) < 9 else f"{len(present)} levels, {low} to {high}"
    hint = "; `prepare --trimaps` takes 0, 128 and 255" if present == [0, UNKNOWN, 255] else ""
    if len(present) == 1 or not (all_white or (low <= dark and high >= bright)):
        raise ValueError(f"{shown}: not two classes; save it in black and white{hint}")
    soft = counts[dark + 1 : bright + 1].sum() > BETWEEN * levels.size
    if not all_white and (soft or _has_areas(levels, counts, dark, bright, lossy)):
        raise ValueError(f"{shown}: more classes, or a soft matte; save it in black and white{hint}")
    is_white = 2 * levels.astype(np.int32) > top
    return is_white, None if is_white.all() else "0", "255", True


def _has_areas(levels: np.ndarray, counts: np.ndarray, dark: int, bright: int, lossy: bool) -> bool:
    """Whether there are areas of levels beside the commonest dark and bright one, as in label maps.

    A soft edge and the noise of JPEG change from pixel to pixel; a label does not. So the share of such pixels that
    have eight equal neighbours tells them apart. Measured on masks of CUHK and DUT: at most 2.4% as JPEG of quality 10
    to 95, blurred, or resized smoothly; 20% where edges were enlarged without smoothing. On label maps: 40% and more.
    """
    main = [int(counts[: dark + 1].argmax()), bright + int(counts[bright:].argmax())]
    noise, square = COLOUR_NOISE if lossy else 0, np.ones((3, 3), np.uint8)
    flat = cv2.subtract(cv2.dilate(levels, square), cv2.erode(levels, square)) <= noise // 2
    inside, others = np.bincount(levels[flat], minlength=len(counts)), counts.copy()
    for level in main:
        inside[max(0, level - noise) : level + noise + 1] = others[max(0, level - noise) : level + noise + 1] = 0
    return bool(inside.sum() > FLAT * others.sum())


def read_pair(
    image_path: Path, mask_path: Path, white: str = "in_focus", trimap: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Photograph (H x W x 3, RGB) and mask (H x W, 255 = in focus; or a trimap, see read_trimap) of one pair, uint8.

    Raises:
        ValueError: see read_image and read_levels; also two sizes that differ.
    """
    image, mask = read_image(image_path), (read_trimap if trimap else read_mask)(mask_path, white)
    check_sizes(image_path, image.shape[:2], mask_path, mask.shape)
    return image, mask


def check_sizes(image: Path, size: tuple[int, ...], mask: Path, mask_size: tuple[int, ...]) -> None:
    """Raises ValueError where an image and its mask have different sizes, (height, width)."""
    if size != mask_size:
        hint = "; one of them may lack the other's EXIF rotation" if size == mask_size[::-1] else ""
        sizes = "{1} x {0}".format(*size), "{1} x {0}".format(*mask_size)
        raise ValueError(f"{image} is {sizes[0]}, its mask {sizes[1]} (width x height){hint}")
