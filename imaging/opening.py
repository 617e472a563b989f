"""Files of pictures, opened by whatever reads them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from . import tiff
from .raw import is_raw, open_raw
from .tiff import Foreign


@contextmanager
def megapixel_limit(megapixels: float) -> Iterator[None]:
    """While it lasts, larger pictures are refused, by this module and all else in the process that uses Pillow."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = round(megapixels * 1e6 / 2)  # Pillow warns from there on, and refuses twice as much
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextmanager
def opened(path: str | Path | BinaryIO) -> Iterator[Image.Image | Foreign]:
    """Opens a picture, but no pipe, where a reader may wait for ever, and no program for another one to run."""
    file = Path(path) if isinstance(path, (str, Path)) else None  # of an open one, what Pillow does not read is refused
    if file and file.exists() and not file.is_file():
        raise OSError("no file, but a folder, a pipe or the like")
    try:
        picture = identified(path)
    except UnidentifiedImageError:
        if not file or (not (raw := is_raw(file, None)) and not tiff.is_tiff(file)):
            raise
        yield _within_limit(open_raw(file) if raw else tiff.open_tiff(file))
        return
    with picture:
        if picture.format == "EPS":  # Pillow would start Ghostscript
            raise ValueError("EPS, which is a program, not a picture")
        beyond: Callable[[Any], Foreign] | None = None
        try:
            tiff.seek_full_page(picture)
        except SyntaxError:
            picture.seek(0)
            beyond = tiff.open_tiff
        if file and is_raw(file, picture):
            beyond = open_raw
        if beyond and not file:
            raise ValueError("its full page is none that Pillow reads: give its path instead")
        yield _within_limit(beyond(file)) if beyond and file else picture


def identified(path: str | Path | BinaryIO) -> Image.Image:
    """Opens a picture by Pillow, and HEIC where pillow-heif is installed."""
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        if not register_heif():  # whose import takes as long as all else here
            raise
        return Image.open(path)


def _within_limit(picture: Foreign) -> Foreign:
    pixels, limit = picture.size[0] * picture.size[1], 2 * (Image.MAX_IMAGE_PIXELS or np.inf)
    if pixels > limit:
        raise Image.DecompressionBombError(f"Image size ({pixels} pixels) exceeds limit of {limit} pixels")
    return picture


@cache
def register_heif() -> bool:
    """Lets Pillow read HEIC, where pillow-heif is installed; whether it is."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
