"""Blur, noise and compression of the images that `synthesise` makes, and what their labels say of them."""

import cv2
import numpy as np

from ..data.lens import display, linear, spread
from ..data.masks import UNKNOWN

RADIUS = (0.006, 0.035)  # of the circle of confusion, as shares of the longer side
SHARP, BLURRED = 0.75, 1.5  # radii in pixels of an image of NET_SIDE up to which and from which all see the same
NET_SIDE = 400  # about what the network sees
SIDES = (1.0, 0.8, 0.65, 0.5, 0.4)  # of the squares that are tried, as shares of the shorter side
RIM = 3  # pixels along the edges of masks and depth that are not trusted


def lens_trimap(radii: np.ndarray) -> np.ndarray:
    """H x W uint8: 255 where blur is imperceptible, 0 where it is clearly visible, unknown between and along edges.

    Args:
        radii: H x W, of the circles of confusion, pixels.
    """
    radii = radii * NET_SIDE / max(radii.shape)
    sharp = (radii < SHARP).astype(np.uint8)
    edge = cv2.morphologyEx(sharp, cv2.MORPH_GRADIENT, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0
    return np.select([edge, sharp > 0, radii > BLURRED], [UNKNOWN, 255, 0], UNKNOWN).astype(np.uint8)


def radius(image: np.ndarray, rng: np.random.Generator) -> float:
    """Random radius of an easily seen circle of confusion, pixels; its logarithm is uniform."""
    return max(image.shape) * float(np.exp(rng.uniform(*np.log(RADIUS))))


def defocused(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image blurred all over by a random radius."""
    return display(spread(linear(image), radius(image, rng)))


def photograph(image: np.ndarray, rng: np.random.Generator) -> bytes:
    """The image as a camera stores it: as JPEG, one in two with a sensor's noise."""
    noisy = image.astype(np.float32)
    if rng.random() < 0.5:
        noisy += rng.normal(0, rng.uniform(1, 8), noisy.shape)
    bgr = cv2.cvtColor(np.round(noisy).clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))])[1].tobytes()


def largest_square(image: np.ndarray, part: np.ndarray) -> np.ndarray | None:
    """The largest square of the image (H x W x 3) within the part (H x W, 255) of SIDES; None if there is none."""
    sums = cv2.integral(part // 255)
    for share in SIDES:
        side = int(share * min(part.shape))
        inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side] == side**2
        if inside.any():
            y, x = np.unravel_index(inside.argmax(), inside.shape)
            return np.ascontiguousarray(image[y : y + side, x : x + side])
    return None
