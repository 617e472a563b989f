"""Pictures that are made strip by strip while their file is packed: by all cores, and never in memory as a whole."""

from collections.abc import Callable

import cv2
import numpy as np

SHARES = np.linspace(0, 1, 256, dtype=np.float32)  # what the levels of an alpha stand for


class Strips:
    """A picture, H x W x 3 or 4 uint8, that makes the rows it is asked for, by slices as an array is.

    np.asarray makes all of it. Threads may ask at once.

    Args:
        shape: (height, width, channels).
        make: the rows of a slice, which has whole numbers without a step.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, int, int], make: Callable[[slice], np.ndarray]):
        self.shape, self._make = shape, make

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, stop, step = rows.indices(len(self))
        return self._make(slice(start, stop))[::step]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return self[:]


Picture = Strips | np.ndarray


def check(focus_map: np.ndarray) -> None:
    """Raises ValueError for a map that is not uint8."""
    if focus_map.dtype != np.uint8:
        raise ValueError(f"a map of {focus_map.dtype}: expected uint8, as Predictor.levels gives it")


def blend(above: np.ndarray, below: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """One picture over another, H x W x 3 uint8; alpha, H x W uint8, is the share of the upper one."""
    share = cv2.LUT(alpha, SHARES)
    return cv2.blendLinear(above, below, share, 1 - share)


def enlarged(picture: np.ndarray, size: tuple[int, int]) -> Strips:
    """Smooth colours, h x w x 3 floats, 0 to 255, at (height, width), bilinear."""
    wide = cv2.resize(np.rint(picture.clip(0, 255)).astype(np.uint8), (size[1], len(picture)))
    last = len(wide) - 1

    def make(rows: slice) -> np.ndarray:
        made = np.empty((rows.stop - rows.start, size[1], 3), np.uint8)
        places = ((np.arange(rows.start, rows.stop) + 0.5) * len(wide) / size[0] - 0.5).clip(0, last)
        for row, place in zip(made, places.tolist()):
            top = int(place)
            cv2.addWeighted(wide[top], top + 1 - place, wide[min(top + 1, last)], place - top, 0, dst=row)
        return made

    return Strips((*size, 3), make)


def over(above: np.ndarray, below: Picture, alpha: np.ndarray) -> Strips:
    """As blend; raises as check."""
    check(alpha)
    return Strips(above.shape, lambda rows: blend(above[rows], below[rows], alpha[rows]))


def with_alpha(colours: Picture, alpha: np.ndarray) -> Strips:
    """H x W x 4 of H x W x 3 and H x W."""

    def make(rows: slice) -> np.ndarray:
        return cv2.merge([colours[rows], alpha[rows]])

    return Strips((*alpha.shape, 4), make)


def fainter(picture: Picture, alpha: np.ndarray) -> Strips:
    """H x W x 4, its own alpha times another, H x W uint8."""

    def make(rows: slice) -> np.ndarray:
        part = picture[rows]
        return cv2.merge([part[..., :3], cv2.multiply(part[..., 3], alpha[rows], scale=1 / 255)])

    return Strips(picture.shape, make)


def put_on(picture: Picture, background: np.ndarray) -> Strips:
    """H x W x 4 on H x W x 3."""

    def make(rows: slice) -> np.ndarray:
        part = picture[rows]
        return blend(part[..., :3], background[rows], part[..., 3])

    return Strips(background.shape, make)
