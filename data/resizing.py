"""Images and maps at another size, and maps as grey levels: the one way for training, test and predict."""

import cv2
import numpy as np


def resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Image or probability map at another size: area averages when it shrinks, bilinear when it grows."""
    shrinks = width * height < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_map(probability: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Probabilities at the size (height, width) of the image, bilinear."""
    return cv2.resize(probability, size[::-1], interpolation=cv2.INTER_LINEAR)


def focus_maps(probabilities: np.ndarray, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Probabilities, N x h x w, as what is saved and scored: 8-bit maps, each of its image's (height, width)."""
    return [quantised(resize_map(probability, size)) for probability, size in zip(probabilities, sizes)]


def quantised(probability: np.ndarray) -> np.ndarray:
    """Probabilities, H x W float32, as grey levels of 8 bits, white = in focus."""
    return cv2.convertScaleAbs(probability, alpha=255)
