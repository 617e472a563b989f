import cv2
import numpy as np
import pytest

from ran.photos.sharpness import numbers, sharpness


def texture(seed: int) -> np.ndarray:
    """200 x 200 uint8: bright and dark blots with hard edges, as leaves have."""
    coarse = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(200, 200)), (0, 0), 4)
    return np.where(coarse > 0, 190, 60).astype(np.uint8)


def test_a_naive_variogram_gives_the_same_only_the_region_counts_and_flat_tiny_or_noisy_ones_have_none():
    sharp, half, values = texture(0), np.arange(200)[None].repeat(200, 0) < 100, []
    for lag in (1, 16, 2, 4, 8):
        steps = [x[lag:].astype(float) - x[:-lag] for x in (sharp, sharp.T)]
        values.append(np.square(steps).mean() / 2)
    nearest, longest, *others = values
    expected = (np.mean(others) - nearest) / (longest - nearest + 1)
    assert sharpness(sharp, np.ones_like(half)) == pytest.approx(expected)
    for region in (half, ~half):
        both = np.where(region, sharp, cv2.GaussianBlur(sharp, (0, 0), 5))
        assert sharpness(both, region) == pytest.approx(sharpness(sharp, region)) and sharpness(both, ~region) < 0.6
    assert sharpness(np.full((40, 40), 9), np.ones((40, 40), bool)) == 0
    assert sharpness(sharp[:9, :9], half[:9, :9]) == 0 and sharpness(sharp, np.zeros_like(half)) == 0
    stripes = np.where(half, 60, 160) + 10 * (-1) ** np.arange(200)  # a contrast that only neighbours have is noise
    assert sharpness(stripes, np.ones_like(half)) == 0


def test_numbers_of_a_known_map():
    image = cv2.resize(np.dstack([texture(0)] * 3), (1200, 800), interpolation=cv2.INTER_NEAREST)
    focus_map = np.tile(np.where(np.arange(1200) < 600, 255, 0).astype(np.uint8), (800, 1))
    expected = {"width": 1200, "height": 800, "in_focus": 0.5, "centre_x": 300, "centre_y": 400, "left": 0, "top": 0,
                "right": 600, "bottom": 800, "decidedness": 1}  # fmt: skip
    row = numbers(image, focus_map)
    assert {key: row[key] for key in expected} == pytest.approx(expected, rel=1e-3)
    assert row["sharpness"] > 0.1 and row["score"] == pytest.approx(row["sharpness"] * 0.5, abs=0.01)
    empty = numbers(image, np.zeros_like(focus_map))
    assert empty["in_focus"] == empty["score"] == 0 and empty["centre_x"] is None and empty["right"] is None
    assert empty["sharpness"] > 0
    assert numbers(image, np.where(focus_map > 0, 128, 127).astype(np.uint8))["in_focus"] == 0.5
