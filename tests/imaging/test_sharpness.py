import cv2
import numpy as np
import pytest
from scipy.stats import spearmanr

from ran.imaging.blur import display, linear
from ran.imaging.sharpness import sharpness

BLURS = (0, 0.5, 1, 1.5, 2, 3, 4, 6)  # standard deviations, pixels


def texture(seed: int) -> np.ndarray:
    """200 x 200 uint8: bright and dark blots with hard edges, as leaves have."""
    coarse = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(200, 200)), (0, 0), 4)
    return np.where(coarse > 0, 190, 60).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_blur_wins_over_noise_and_exposure(seed):
    rng, everywhere = np.random.default_rng(seed), np.ones((200, 200), bool)
    blurs, found = [], []
    for blur in BLURS:
        light = cv2.GaussianBlur(linear(texture(seed)), (0, 0), blur) if blur else linear(texture(seed))
        for stops in (-2, -1, 0, 1):
            for noise in (0, 3, 6, 12):
                noisy = display(light * 2.0**stops) + rng.normal(0, noise, light.shape)
                blurs.append(blur)
                found.append(sharpness(np.rint(noisy.clip(0, 255)), everywhere))
    assert spearmanr(blurs, found)[0] < -0.95


def test_only_the_region_counts_and_flat_or_tiny_ones_have_none():
    sharp = texture(0)
    half = np.zeros(sharp.shape, bool)
    half[:, :100] = True
    both = np.where(half, sharp, cv2.GaussianBlur(sharp, (0, 0), 5))
    assert sharpness(both, half) == pytest.approx(sharpness(sharp, half)) and sharpness(both, ~half) < 0.6
    assert sharpness(np.full((40, 40), 9), np.ones((40, 40), bool)) == 0
    assert sharpness(sharp[:9, :9], half[:9, :9]) == 0 and sharpness(sharp, np.zeros_like(half)) == 0
