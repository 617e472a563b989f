"""Whatever holds a picture in Python: a path, bytes, an open file, a Pillow image, an array, a tensor."""

import io
import os
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from .pictures import as_rgb


def as_image(picture: Any, read: Callable[[Any], np.ndarray]) -> np.ndarray:
    """A picture of any kind as H x W x 3 uint8, RGB.

    Args:
        picture: see Predictor.__call__.
        read: reads an image file, a path or an open file.

    Raises:
        ValueError: it holds none, or is of another kind.
    """
    if isinstance(picture, (str, os.PathLike)):
        return read(Path(picture))
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return _from_file(io.BytesIO(picture), read)
    if hasattr(picture, "requires_grad"):  # of torch, which is not needed otherwise
        return as_rgb(_from_tensor(picture))
    if isinstance(picture, (np.ndarray, Image.Image)):
        return as_rgb(picture)
    if isinstance(picture, io.TextIOBase):
        raise ValueError(f'{getattr(picture, "name", "a file in memory")}: opened as text: open a picture with "rb"')
    if hasattr(picture, "read"):
        return _from_file(picture, read)
    if hasattr(picture, "__array__"):
        return as_rgb(np.asarray(picture))
    raise ValueError(
        f"{type(picture).__name__} ({reprlib.repr(picture)}) is no picture: give a path, a file's bytes, an open file, "
        "a Pillow image, an array, a tensor, or a list of them"
    )


def _from_file(file: BinaryIO, read: Callable[[Any], np.ndarray]) -> np.ndarray:
    try:
        return read(file)
    except ValueError as error:  # it names an object
        reason = str(error).split(": ", 1)[1].replace(f" {file!r}", "")
        raise ValueError(f"{getattr(file, 'name', 'a file in memory')}: {reason}") from None


def _from_tensor(tensor: Any) -> np.ndarray:
    """Tensor 3 x H x W (or a batch of one) as an array H x W x 3."""
    shape = " x ".join(map(str, tensor.shape))
    if tensor.ndim == 4 and len(tensor) == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or len(tensor) != 3:
        raise ValueError(f"a tensor of {shape}: expected 3 x H x W or 1 x 3 x H x W; of several, give a list")
    tensor = tensor.float() if tensor.is_floating_point() else tensor
    return tensor.detach().cpu().permute(1, 2, 0).numpy()
