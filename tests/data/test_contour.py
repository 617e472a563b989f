import cv2
import numpy as np
import pytest

from ran.data.contour import contour_band


def naive_band(mask, keep=0.6):
    """Pixel by pixel, by OpenCV's steps of distance: 1 straight, 1.4 diagonal, 2.1969 by a knight's move."""
    band = np.zeros(mask.shape, bool)
    for region in (mask, 255 - mask):
        grown = cv2.dilate(region, np.ones((5, 5), np.uint8)) > 0
        if grown.all():
            continue
        outside, distance = np.argwhere(~grown), np.zeros(mask.shape)
        for y, x in np.argwhere(grown):
            short, long = np.sort(abs(outside - (y, x)), axis=1).T
            steep = 2.1969 * (long - short) + 1.4 * (2 * short - long)
            distance[y, x] = np.where(2 * short <= long, 2.1969 * short + long - 2 * short, steep).min()
        level = np.floor(255 * np.sqrt(distance / distance.max()))
        band |= (level > 0) & (level <= 255 * keep)
    return band


def spots(seed, count=3):
    mask = np.zeros((37, 50), np.uint8)
    for y, x, radius in np.random.default_rng(seed).integers((0, 0, 2), (37, 50, 12), (count, 3)):
        mask[np.add.outer((np.arange(37) - y) ** 2, (np.arange(50) - x) ** 2) <= radius**2] = 255
    return mask


@pytest.mark.parametrize("mask, keep", [
    (spots(1), 0.6), (spots(2, 1), 0.3), (255 - spots(3, 8), 1), (255 * np.eye(20, 30, dtype=np.uint8), 0.6),
    (np.pad(np.full((1, 1), 255, np.uint8), 20), 0.6),
])  # fmt: skip
def test_band_in_a_loop(mask, keep):
    for turned in (mask, 255 - mask):  # whatever the polarity
        band = contour_band(turned, keep)
        assert band.dtype == np.uint8 and set(np.unique(band)) <= {0, 255}
        assert np.array_equal(band > 0, naive_band(mask, keep)) and band.any()


def test_band_by_hand():
    """Each half grows by 2 px, and keeps distances up to 0.36 of the largest, 52: 18 less 2 px beyond the boundary."""
    halves = np.tile(np.repeat(np.uint8([0, 255]), 50), (60, 1))
    assert (contour_band(halves)[30] > 0).nonzero()[0].tolist() == list(range(34, 66))
    assert not contour_band(halves[:, :50]).any() and not contour_band(halves[:, 50:]).any()  # one class has none
