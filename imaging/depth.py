"""Values of more than 8 bits, and how they become 8."""

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np

Warn = Callable[[str], object]
GUESSES = (8, 10, 12)  # bits that values in a file of 16 may have; what needs more looks like a dark photograph at most


def to_8_bit(values: np.ndarray, depth: int = 0, warn: Warn = warnings.warn) -> np.ndarray:
    """Integers of so many bits, or floats from 0 to 1, rounded to 8 bits.

    Args:
        values: of any shape.
        depth: bits that integers have: 2^depth - 1 becomes 255. 0 = 16, whatever they hold.
        warn: gets a sentence where the depth is 0, but no level needs more than 12 bits: a nearly black picture.

    Raises:
        ValueError: values out of range.
    """
    if depth and depth not in range(8, 17):
        raise ValueError(f"depth {depth}: bits, 8 to 16, or 0 for what the file says")
    low, high = values.min(), values.max()
    if values.dtype.kind == "f":
        if not (low >= 0 and high <= 1):
            raise ValueError("its float values are not between 0 and 1")
        return np.round(values * 255).astype(np.uint8)
    top = 2 ** (depth or 16) - 1
    if low < 0 or high > top:
        raise ValueError(f"its values, {low} to {high}, are not between 0 and {top}")
    if not depth:
        doubt(high, warn)
    return _bytes(depth or 16)[values]


def doubt(high: int, warn: Warn, look: str = "dark") -> None:
    """Warns of 16-bit values as they are stored whose highest level needs 12 bits at most: such a look is a mistake."""
    if 0 < high < 2 ** GUESSES[-1]:
        nearly = {"dark": "nearly black", "bright": "nearly white, as 0 is white"}[look]
        warn(f"its highest level is {high} of 65535, {nearly}: if its values have fewer bits, save it as 8-bit PNG")


@cache
def _bytes(depth: int) -> np.ndarray:
    """Every level of so many bits rounded to 8."""
    top = 2**depth - 1
    return ((np.arange(top + 1) * 255 + top // 2) // top).astype(np.uint8)


def turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """H x W (x C) made upright by an EXIF orientation, 1 to 8; a view."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    down, across = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(orientation, (1, 1))
    return values[::down, ::across]
