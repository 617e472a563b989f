"""Camera raw files, developed by rawpy where it is installed. Pillow sees a thumbnail in those that are TIFF inside."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..utils.picture_names import RAW_SUFFIXES
from .tiff import DNG_VERSION, Foreign, is_reduced

# How those begin that are no TIFF: Olympus, Panasonic, Fujifilm, Sigma, Minolta. Canon's CR3 is looked for apart.
SIGNS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILM", b"FOVb", b"\0MRM")
SUB_IFDS = 330  # tag of TIFF


def is_raw(path: str | Path, picture: Image.Image | None) -> bool:
    """Whether a file is a camera raw one, by its suffix or its content.

    Args:
        picture: what Pillow sees in it, at its first full page; None where that is nothing.
    """
    if picture is not None:
        named = Path(path).suffix.lower() in RAW_SUFFIXES
        return picture.format == "TIFF" and (named or shows_thumbnail(picture))
    with open(path, "rb") as file:
        head = file.read(12)
    return Path(path).suffix.lower() in RAW_SUFFIXES or head.startswith(SIGNS) or head[4:] == b"ftypcrx "


def shows_thumbnail(picture: Image.Image) -> bool:
    """Whether a TIFF that Pillow has opened is a camera raw file: DNG, Canon's CR2, or one like Nikon's and Sony's."""
    tags = getattr(picture, "tag_v2", {})
    if DNG_VERSION in tags or (is_reduced(picture) and SUB_IFDS in tags):
        return True
    file = getattr(picture, "fp", None)
    if file is None or file.closed:
        return False
    position = file.tell()
    file.seek(4)
    mark = file.read(6)
    file.seek(position)
    return picture.format == "TIFF" and mark == b"\x10\0\0\0CR"  # Canon's, before its first directory at 16


def open_raw(path: str | Path) -> Foreign:
    """A camera raw file, to be developed as the camera would: its white balance, sRGB, 8 bits, upright.

    Raises:
        ValueError: rawpy is not installed, or does not know the camera.
    """
    try:
        import rawpy
    except ImportError:
        raise ValueError("a camera raw file needs another package: pip install rawpy") from None

    def develop() -> np.ndarray:
        with open(path, "rb") as file, _opened(file) as raw:
            return raw.postprocess(use_camera_wb=True, output_bps=8)

    def _opened(file: BinaryIO):
        try:
            return rawpy.imread(file)
        except rawpy.LibRawError:
            advice = "save it as a plain TIFF"
            raise ValueError(
                f"a camera raw file, or a TIFF with sub-pages, that rawpy does not know: {advice}"
            ) from None

    with open(path, "rb") as file, _opened(file) as raw:
        return Foreign((raw.sizes.width, raw.sizes.height), develop)
