"""What a cut-out is put on: a colour, or another picture."""

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageColor, ImageOps

from .depth import Warn
from .pictures import read_image


@dataclass(frozen=True, eq=False)  # so that it can be a key of the cache below
class Background:
    """Pixels, H x W x 3 uint8, RGB, 1 x 1 of a colour; and a short code that tells them from others."""

    pixels: np.ndarray
    code: str


def read_background(text: str, warn: Warn = warnings.warn) -> Background:
    """A colour as CSS writes it, such as white, #ffffff or rgb(255, 255, 255), or a picture's path.

    Args:
        warn: see pictures.read_image.

    Raises:
        ValueError: neither a colour nor a readable picture; a colour that is transparent.
    """
    try:
        colour = ImageColor.getrgb(text)
    except ValueError:
        try:
            pixels = read_image(text, warn=warn)
        except ValueError as error:
            raise ValueError(f"--background: no colour, such as white or #ffffff, nor a picture: {error}") from None
    else:
        if not all(0 <= value <= 255 for value in colour):
            raise ValueError(f"--background {text}: no such colour: its numbers are 0 to 255, or 0% to 100%")
        pixels = np.array([[colour]], np.uint8)
    if pixels.shape[2] != 3:
        raise ValueError(f"--background {text}: a colour with transparency, but nothing lies behind it")
    code = hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=4).hexdigest()
    return Background(pixels, code)


@lru_cache(maxsize=1)  # a video's frames, and mostly the photographs of a folder, have one size
def fitted(background: Background, size: tuple[int, int]) -> np.ndarray:
    """The background at (height, width): it covers all, and what is too long is cut off on both sides alike."""
    if background.pixels.shape[:2] == (1, 1):
        return np.broadcast_to(background.pixels, (*size, 3))
    return np.asarray(ImageOps.fit(Image.fromarray(background.pixels), size[::-1], Image.Resampling.BICUBIC))
