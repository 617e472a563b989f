"""Images written: maps, masks and renderings, packed by OpenCV."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..utils.files import write_bytes

JPEG_SIDE = 65_500  # pixels: libjpeg writes no longer side
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


def write_image(path: Path, image: np.ndarray, metadata: dict[int, bytes] | None = None) -> None:
    """Writes a PNG or a JPEG, whole or not at all.

    Args:
        path: its suffix chooses the format.
        image: H x W (grey) uint8, as PNG also uint16; H x W x 3 (RGB) uint8; as PNG also H x W x 4 (and alpha).
        metadata: EXIF and colour profile by OpenCV's cv2.IMAGE_METADATA_ numbers.

    Raises:
        ValueError: a side that JPEG cannot hold.
    """
    kinds, settings = metadata or {}, JPEG if path.suffix == ".jpg" else []
    if settings and max(image.shape) > JPEG_SIDE:
        raise ValueError(f"{path.name}: JPEG holds at most {JPEG_SIDE} pixels a side")
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    chunks: Sequence[np.ndarray] = [np.frombuffer(data, np.uint8) for data in kinds.values()]
    done, data = cv2.imencodeWithMetadata(path.suffix, image, list(kinds), chunks, settings)
    if not done:
        raise MemoryError(f"{path}: OpenCV cannot pack it")
    write_bytes(path, data.data)
