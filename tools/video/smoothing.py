"""Maps that flicker less from frame to frame, and follow at once what moves."""

import cv2
import numpy as np

SECONDS = 0.1  # time constant of the average: about three frames of thirty a second
SMALL = 96  # side at which frames are compared, pixels
LEVELS = 4.0  # grey levels by which blurred frames differ where half of the past is forgotten
CUT = 0.8  # correlation of two frames below which nothing of the past is kept: other scenes have hardly any


class Smoother:
    """An exponential average of maps over time, for each pixel by how alike the frames are around it.

    Frames are compared as small blurred greys, which noise hardly changes. What changes by more takes the new map:
    a part that moves by itself, and at a cut all of it. What changes in focus alone looks alike to it, and lags by
    about SECONDS.
    """

    def __init__(self) -> None:
        self._before: tuple[np.ndarray, np.ndarray, float] | None = None

    def __call__(self, picture: np.ndarray, probability: np.ndarray, seconds: float) -> np.ndarray:
        """The map to show.

        Args:
            picture: what the network saw, h x w x 3 uint8, RGB.
            probability: its map, h x w float32, in [0, 1].
            seconds: when the frame is shown; later than those before.
        """
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (SMALL, SMALL), interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 1.5)
        if self._before:
            grey_before, average, then = self._before
            if _correlation(grey, grey_before) >= CUT:
                change = cv2.dilate(np.abs(grey - grey_before), np.ones((5, 5)))  # to the sides of what moves, too
                kept = np.exp((then - seconds) / SECONDS - np.log(2) * (change / LEVELS) ** 2)
                kept = cv2.resize(kept, probability.shape[::-1], interpolation=cv2.INTER_LINEAR)
                probability = probability + kept * (average - probability)
        self._before = grey, probability, seconds
        return probability


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Of the values of two pictures, -1 to 1; two that are all of one grey correlate, whatever it is."""
    (one, both), (_, two) = np.cov(first.ravel(), second.ravel())
    return (both + 1) / (np.sqrt(one * two) + 1)
