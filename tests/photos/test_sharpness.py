import cv2
import numpy as np
import pytest
from scipy.stats import spearmanr

from ran.data.lens import display, linear
from ran.photos.sharpness import numbers, sharpness


def texture(seed: int) -> np.ndarray:
    """200 x 200 uint8: bright and dark blots with hard edges, as leaves have."""
    coarse = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(200, 200)), (0, 0), 4)
    return np.where(coarse > 0, 190, 60).astype(np.uint8)


def test_blur_wins_over_noise_and_exposure():
    rng, everywhere, blurs, found = np.random.default_rng(0), np.ones((200, 200), bool), [], []
    for blur in (0, 0.5, 1, 1.5, 2, 3, 4, 6):  # standard deviations, pixels
        light = cv2.GaussianBlur(linear(texture(0)), (0, 0), blur) if blur else linear(texture(0))
        for stops in (-2, -1, 0, 1):
            for noise in (0, 3, 6, 12):
                noisy = display(light * 2.0**stops) + rng.normal(0, noise, light.shape)
                blurs.append(blur)
                found.append(sharpness(np.rint(noisy.clip(0, 255)), everywhere))
    assert spearmanr(blurs, found)[0] < -0.95


def test_the_value_is_that_of_a_naive_variogram():
    grey, values = texture(1).astype(float), []
    for lag in (1, 16, 2, 4, 8):
        across, down = grey[:, lag:] - grey[:, :-lag], grey[lag:] - grey[:-lag]
        values.append((np.concatenate([across.ravel(), down.ravel()]) ** 2).mean() / 2)
    nearest, longest, *others = values
    expected = (np.mean(others) - nearest) / (longest - nearest + 1)
    assert sharpness(grey, np.ones_like(grey, bool)) == pytest.approx(expected)


def test_only_the_region_counts_and_flat_or_tiny_ones_have_none():
    sharp, half = texture(0), np.arange(200)[None].repeat(200, 0) < 100
    for region in (half, ~half):
        both = np.where(region, sharp, cv2.GaussianBlur(sharp, (0, 0), 5))
        assert sharpness(both, region) == pytest.approx(sharpness(sharp, region)) and sharpness(both, ~region) < 0.6
    assert sharpness(np.full((40, 40), 9), np.ones((40, 40), bool)) == 0
    assert sharpness(sharp[:9, :9], half[:9, :9]) == 0 and sharpness(sharp, np.zeros_like(half)) == 0


def test_numbers_of_a_known_map():
    image = cv2.resize(np.dstack([texture(0)] * 3), (1200, 800), interpolation=cv2.INTER_NEAREST)
    focus_map = np.tile(np.where(np.arange(1200) < 600, 255, 0).astype(np.uint8), (800, 1))
    expected = {"width": 1200, "height": 800, "in_focus": 0.5, "centre_x": 300, "centre_y": 400, "left": 0, "top": 0,
                "right": 600, "bottom": 800, "decidedness": 1}  # fmt: skip
    row = numbers(image, focus_map)
    assert {key: row[key] for key in expected} == pytest.approx(expected, rel=1e-3)
    assert row["sharpness"] > 0.1 and row["score"] == pytest.approx(row["sharpness"] * 0.5, abs=0.01)
    assert numbers(np.full_like(image, 90), focus_map)["sharpness"] == 0
    empty = numbers(image, np.zeros_like(focus_map))
    assert empty["in_focus"] == empty["score"] == 0 and empty["centre_x"] is None and empty["right"] is None
    assert empty["sharpness"] > 0
    assert numbers(image, np.where(focus_map > 0, 128, 127).astype(np.uint8))["in_focus"] == 0.5
