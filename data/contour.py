"""Contour ground truth: a wide band around the boundary between clear and blurred."""

import cv2
import numpy as np


def contour_band(mask: np.ndarray, keep: float = 0.6) -> np.ndarray:
    """Wide band around the in-focus boundary, the contour ground truth of RAN, as the released code makes it.

    Both regions in turn are grown by 2 px (box blur 5 x 5) and get their L2 distance transform d; the band holds the
    pixels whose floor(255 sqrt(d / max d)) lies in (0, 255 keep]. Compute it at the mask's native size.

    Args:
        mask: H x W uint8, 255 = in focus, 0 = blurred. keep: in (0, 1].

    Returns H x W uint8, 255 on the band; all zero when the mask holds one class only.
    """
    contour = np.zeros_like(mask)
    # Squares of the levels 1 and 255 keep + 1: comparing distances spares a root and a floor for each pixel.
    first, end = (np.float32((level / 255) ** 2) for level in (1, np.floor(255 * keep) + 1))
    for region in (mask, 255 - mask):
        grown = cv2.blur(region, (5, 5))
        if grown.all():  # the other region is too small to keep a pixel at zero distance
            continue
        distance = cv2.distanceTransform(grown, cv2.DIST_L2, 5)
        longest = distance.max()
        contour[(distance >= first * longest) & (distance < end * longest)] = 255
    return contour
