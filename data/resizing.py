"""Pictures and maps at another size, and maps as grey levels: the one way for training, test and predict."""

import cv2
import numpy as np


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Photograph or probability map at another size: area averages when it shrinks, bilinear when it grows."""
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_map(probability: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Probabilities at the size (height, width) of the photograph, bilinear."""
    if probability.shape == size:  # made of tiles: a copy of a panorama's would fill the memory
        return probability
    return cv2.resize(probability, size[::-1], interpolation=cv2.INTER_LINEAR)


def focus_maps(probabilities: np.ndarray, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Probabilities, N x h x w, as what is saved and scored: 8-bit maps, each of its photograph's (height, width)."""
    return [quantised(resize_map(probability, size)) for probability, size in zip(probabilities, sizes)]


def quantised(probability: np.ndarray) -> np.ndarray:
    """Probabilities as grey levels of 8 bits, white = in focus."""
    levels = np.empty(probability.shape, np.uint8)
    for out, row in zip(levels, probability):  # row by row: floats of a whole large map would fill the memory
        out[:] = np.rint(row * np.float32(255))
    return levels
