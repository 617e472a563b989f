"""Pictures written: maps, masks and renderings."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from ..utils.files import atomic, write_bytes

JPEG_SIDE = 65_500  # pixels: libjpeg writes no longer one


def write_picture(path: Path, picture: np.ndarray, metadata: dict[str, Any], comment: str = "") -> None:
    """Writes H x W x 3 or 4 uint8 (RGB, alpha) as JPEG or PNG, by the path's suffix.

    Args:
        metadata: what metadata.read_metadata gives.
        comment: in ASCII.
    """
    how: dict[str, Any] = {"quality": 92, "subsampling": 0, "comment": comment}
    if path.suffix == ".png":
        how = {"compress_level": 1, "pnginfo": PngImagePlugin.PngInfo()}
        if comment:
            how["pnginfo"].add_text("Comment", comment)
    with atomic(path) as temporary:
        Image.fromarray(picture).save(temporary, **metadata, **how)


def write_png(path: Path, picture: np.ndarray, comment: str = "") -> None:
    """Writes H x W (grey) uint8 or uint16, or H x W x 3 (RGB) uint8, as PNG, with a comment in ASCII."""
    write_bytes(path, png(picture, comment))


def png(picture: np.ndarray, comment: str = "") -> bytes:
    """The bytes of write_png's file."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".png", picture)[1].tobytes()
    if not comment:
        return data
    text = b"tEXtComment\0" + comment.encode("ascii")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return data[:33] + chunk + data[33:]  # behind the header
