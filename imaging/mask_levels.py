"""Which two levels, labels or colours the file of a mask holds, and which of them is white.

Labelling tools write palettes, labels from 0 or 1, one colour on black, or the mask into the alpha channel. What is
unambiguous is understood; the rest is refused with the values found: cut at half brightness it would be one class.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from .depth import to_8_bit
from .pictures import decode_deep, orientation_of
from .stated_depth import SIGNED, is_lossy, sample_format

COLOUR_NOISE = 24  # what JPEG may add to grey, of 255
LABELS = 16  # a mask with as many levels has grey edges; with fewer these may be labels
DARK, BRIGHT = 1 / 4, 3 / 4  # of the file's range: grey edges lie between
FEW_BETWEEN, BETWEEN = 0.05, 0.1  # largest share of pixels on grey edges; DUT's masks of 320 x 320 have up to .024

FLAT = 1 / 4  # largest share of pixels of other levels with eight equal neighbours, see _areas
SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Stored:
    """A mask's file as it is: grey values or a palette's indices (H x W) or colours (H x W x 3), at the file's depth.

    Attributes:
        alpha: H x W, or None where there is none.
        palette: RGB colours of the indices, N x 3, or None where values are no indices.
        lossy: whether the format changes levels; None: perhaps.
        orientation: of its EXIF, 1 to 8; the values are not turned.
    """

    values: np.ndarray
    alpha: np.ndarray | None
    palette: np.ndarray | None
    lossy: bool | None
    orientation: int


@dataclass(frozen=True)
class Levels:
    """The two values of a mask as a user knows them; of a mask with one class one is None.

    Attributes:
        what: "level", "index", "colour" or "alpha".
        black, white: e.g. "0" and "255", to which grey edges and both depths are reduced.
        grey: whether there are levels between.
    """

    what: str
    black: str | None
    white: str | None
    grey: bool = False

    @property
    def kind(self) -> str:
        """Alike for all masks of one set."""
        if (self.what, self.black, self.white) == ("level", "0", "255"):
            return "black and white"
        return f"{self.what} " + " and ".join(value for value in (self.black, self.white) if value is not None)

    @property
    def one_class(self) -> bool:
        return self.black is None or self.white is None

    def contradicts(self, others: "Levels") -> bool:
        """Whether a value means black in one and white in the other."""
        return (self.black is not None and self.black == others.white) or (
            self.white is not None and self.white == others.black
        )

    def fits(self, others: "Levels") -> bool:
        """Whether it may be one of a set with these two values."""
        return self.black in (None, others.black) and self.white in (None, others.white)


def stored(picture: Image.Image | np.ndarray) -> Stored:
    """Reads an opened file, as pictures.read_as gives it."""
    if isinstance(picture, np.ndarray):
        return _of_values(picture, None, False, 1)
    if 0 in picture.size:
        raise ValueError("a picture without pixels")
    lossy, deep = is_lossy(picture), decode_deep(picture)
    if deep is not None:
        return _of_values(deep, None, lossy, orientation_of(picture))
    values, alpha = np.asarray(picture.convert("RGB")), None
    if sample_format(getattr(picture, "tag_v2", {})) == SIGNED and values.max() > 127:  # which Pillow does not look at
        raise ValueError("a TIFF of signed 8-bit integers, some of them below 0: save it with unsigned ones")
    if picture.has_transparency_data:
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
    if picture.mode == "P":
        indices = np.asarray(picture)
        colours = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
        if _says_nothing(colours, values, indices):
            return _of_values(indices, alpha, lossy, orientation_of(picture))
        if not _is_grey(values):
            return Stored(indices, alpha, colours, lossy, orientation_of(picture))
    return _of_values(values, alpha, lossy, orientation_of(picture))


def _says_nothing(palette: np.ndarray, values: np.ndarray, indices: np.ndarray) -> bool:
    """Whether a palette lacks an index, or shows all as one colour, as one does that was never set: they are labels.

    Of index 0 alone it may be meant: an all white mask has a palette of one white.
    """
    if indices.max() >= len(palette):
        return True
    one_colour = not (values != values[0, 0]).any()
    return bool(indices.any() and one_colour and (indices.min() < indices.max() or (palette == palette[:1]).all()))


def _of_values(values: np.ndarray, alpha: np.ndarray | None, lossy: bool | None, orientation: int) -> Stored:
    """Grey or colours, perhaps with alpha, of any depth; floats from 0 to 1 become 8 bits."""
    if values.dtype.kind == "f":
        values = to_8_bit(values)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"its values, {values.min()} to {values.max()}, are not between 0 and 65535")
    values = values.astype(np.uint8 if values.dtype == np.uint8 else np.uint16)
    if values.ndim == 3 and values.shape[2] in (2, 4):
        alpha, values = values[..., -1], values[..., :-1]
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim == 3 and _is_grey(values):
        # As Pillow's grey: of three equal channels it is each of them.
        values = values[..., 1] if values.dtype == np.uint16 else cv2.cvtColor(values, cv2.COLOR_RGB2GRAY)
    return Stored(values, alpha, None, lossy, orientation)


def _is_grey(pixels: np.ndarray) -> bool:
    """Equal channels, or nearly so where there is something bright: (1, 0, 0) is a label, not the noise of black."""
    red, green, blue = cv2.split(np.ascontiguousarray(pixels))
    difference = max(cv2.absdiff(red, green).max(), cv2.absdiff(blue, green).max())
    return difference == 0 or (difference <= COLOUR_NOISE and pixels.max() > np.iinfo(pixels.dtype).max // 2)


def black_and_white(mask: Stored) -> tuple[np.ndarray, Levels]:
    """White pixels as H x W bool, not turned, and what stands for them.

    Raises:
        ValueError: it does not hold two classes, or nobody can know which of them is white.
    """
    by_colour = _of_grey if mask.values.ndim == 2 and mask.palette is None else _of_colours
    if mask.alpha is None or mask.alpha.min() == mask.alpha.max():
        return by_colour(mask)
    white, levels = _of_grey(Stored(mask.alpha, None, None, mask.lossy, 1))
    try:
        in_colour, found = by_colour(mask)
    except ValueError:  # a cut-out, say: its colours are no mask
        pass
    else:
        if not found.one_class and not np.array_equal(in_colour, white):
            raise ValueError("its colours show another mask than its transparency: remove one of the two")
    return white, Levels("alpha", "transparent", "opaque", levels.grey)


def _of_grey(mask: Stored) -> tuple[np.ndarray, Levels]:
    counts = np.bincount(mask.values.ravel())
    present = np.flatnonzero(counts)
    low, high = int(present[0]), int(present[-1])
    top = next(top for top in (1, 255, 65535) if high <= top)
    is_dark, is_bright = low <= DARK * top, high >= BRIGHT * top
    lossy = mask.lossy or (mask.lossy is None and len(present) > 2)
    if len(present) == 1:
        if low not in (0, 1, 255, 65535):
            raise ValueError(f"level {low} alone: nobody can know whether it means white")
        return mask.values > 0, Levels("level", "0" if not low else None, str(min(low, 255)) if low else None)
    if len(present) == 2 and not lossy and not (is_dark and is_bright and top > 1):
        if low and high >= LABELS:
            raise ValueError(f"levels {low} and {high}: neither black and white nor labels")
        return mask.values == high, Levels("level", str(low), str(high))
    few = len(present) < LABELS and not lossy
    middle = counts[low + 1 : high] if few else counts[int(DARK * top) + 1 : int(BRIGHT * top)]
    areas = _areas(mask.values, counts, top) if is_dark and is_bright and mask.lossy is not None else []
    between = middle.sum() / mask.values.size
    trimap = few and len(present) == 3 and present[1] in (127, 128)
    # Edges are a blend: of few levels none lies beside black or white, as a label beside a rim of 255 does.
    labels = few and (len(present) == 3 or present[1] - low < LABELS or high - present[-2] < LABELS)
    noise = lossy and low >= BRIGHT * top and high - low <= COLOUR_NOISE
    hard = between <= (FEW_BETWEEN if few else BETWEEN) and ((is_dark and is_bright) or noise)
    if labels or areas or not hard:
        found = f"levels {', '.join(map(str, present))}" if few else f"{len(present)} levels from {low} to {high}"
        hint = " (is it a trimap? `prepare --trimaps` takes those)" if trimap else ""
        if areas and not few:
            found += f", areas of {', '.join(map(str, areas))}"
        elif between:
            found += f", {between:.0%} of the pixels between"
        raise ValueError(f"{found}: more classes, or a soft matte{hint}")
    white = 2 * mask.values.astype(np.int32) > top
    return white, Levels("level", None if white.all() else "0", "255" if white.any() else None, len(present) > 2)


def _areas(values: np.ndarray, counts: np.ndarray, top: int) -> list[int]:
    """Levels of areas, the five largest, beside the commonest dark and bright level; none where they are edges.

    Edges are a blend, which changes from pixel to pixel, and so does the noise of JPEG around them; a label does not.
    Of the pixels of such levels 2.4% at most have eight equal neighbours in masks of CUHK and DUT, as JPEG of quality
    10 to 95, blurred or resized smoothly, 20% where edges were enlarged without smoothing; 40% and more in label maps.
    The noise of WebP is flat, and looks like labels: `lossy` says where it may be.
    """
    bright = int(BRIGHT * top)
    main = [int(counts[: int(DARK * top) + 1].argmax()), bright + int(counts[bright:].argmax())]
    equal = cv2.erode(values, SQUARE) == cv2.dilate(values, SQUARE)
    inside, others = np.bincount(values[equal], minlength=len(counts)), counts.copy()
    inside[main] = others[main] = 0
    if inside.sum() <= FLAT * others.sum():
        return []
    return sorted(int(level) for level in np.argsort(-inside, kind="stable")[:5] if inside[level])


def _of_colours(mask: Stored) -> tuple[np.ndarray, Levels]:
    """Of two colours black is not white; of two indices with other colours the higher one is white."""
    if mask.palette is None:
        codes = (mask.values.astype(np.uint64) << np.array([32, 16, 0], np.uint64)).sum(-1)
        found = np.unique(codes)
        colours = np.stack([found >> 32, found >> 16 & 65535, found & 65535], -1)
    else:
        codes = mask.values
        found = np.unique(codes)
        colours = mask.palette[found]
    what, many = ("colour", "colours") if mask.palette is None else ("index", "indices")
    is_black = (colours.max(-1) == 0).tolist()
    names = [f"({', '.join(map(str, colour))})" for colour in colours[:5].tolist()]  # of a photograph's all take long
    if mask.palette is not None:
        names = [f"{index} {name}" for index, name in zip(found.tolist(), names)]
    if mask.palette is None or (is_black[0] and not found[0]):  # as in an all black mask of the set
        names = ["0" if black else name for name, black in zip(names, is_black)]
    if len(found) > 2:
        raise ValueError(f"{len(found)} {many}, among them {'; '.join(names)}: more than two classes")
    labels = mask.palette is not None and (found[0] == 0 or found[-1] < LABELS)
    if len(found) == 1:
        if not (is_black[0] or (labels and found[0] < 2)):
            raise ValueError(f"{what} {names[0]} alone: nobody can know whether it means white")
        is_white = not is_black[0] and bool(found[0])
        return np.full(codes.shape, is_white), Levels(what, *((None, names[0]) if is_white else (names[0], None)))
    if sum(is_black) == 1 or labels:
        white = is_black.index(False) if sum(is_black) == 1 else 1
        return codes == found[white], Levels(what, names[1 - white], names[white])
    raise ValueError(f"{many} {' and '.join(names)}: neither is black")
