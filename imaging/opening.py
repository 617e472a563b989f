"""Files of pictures, opened by whatever reads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from . import tiff
from .tiff import Foreign


@contextmanager
def opened(path: str | Path | BinaryIO) -> Iterator[Image.Image | Foreign]:
    """Opens a regular image file. Rejects pipes, which may block, and EPS, which would start Ghostscript."""
    file = Path(path) if isinstance(path, (str, Path)) else None  # an open file is read by Pillow alone
    if file and file.exists() and not file.is_file():
        raise OSError("no file, but a folder, a pipe or the like")
    try:
        picture = Image.open(path)
    except UnidentifiedImageError:
        if not file or not tiff.is_tiff(file):
            raise
        yield _within_limit(tiff.open_tiff(file))
        return
    with picture:
        if picture.format == "EPS":
            raise ValueError("EPS, which is a program, not a picture")
        foreign = False
        try:
            tiff.seek_full_page(picture)
        except SyntaxError:
            picture.seek(0)
            foreign = not tiff.shows_thumbnail(picture)
        if foreign and not file:
            raise ValueError("its full page is none that Pillow reads: give its path instead")
        yield _within_limit(tiff.open_tiff(file)) if foreign and file else picture


def _within_limit(picture: Foreign) -> Foreign:
    pixels, limit = picture.size[0] * picture.size[1], 2 * (Image.MAX_IMAGE_PIXELS or np.inf)
    if pixels > limit:
        raise Image.DecompressionBombError(f"Image size ({pixels} pixels) exceeds limit of {limit} pixels")
    return picture
