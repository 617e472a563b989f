import cv2
import numpy as np
import pytest

from ran.imaging.strips import Strips, enlarged, fainter, over, put_on, with_alpha

RNG = np.random.default_rng(0)
COLOURS, OTHERS = RNG.integers(0, 256, (2, 40, 30, 3), np.uint8)
ALPHA = RNG.integers(0, 256, (40, 30), np.uint8)


def test_rows_are_made_when_they_are_asked_for():
    asked = []
    strips = Strips(COLOURS.shape, lambda rows: asked.append(rows) or COLOURS[rows])
    assert not asked and len(strips) == 40
    assert np.array_equal(strips[30:99], COLOURS[30:]) and asked == [slice(30, 40)]
    assert np.array_equal(strips[5:20:3], COLOURS[5:20:3])
    assert np.array_equal(strips, COLOURS)


def test_blends_are_the_shares_that_alpha_says():
    share = ALPHA[..., None] / 255
    expected = COLOURS * share + OTHERS * (1 - share)
    assert np.abs(np.asarray(over(COLOURS, OTHERS, ALPHA)) - expected).max() <= 0.51
    cut = with_alpha(COLOURS, ALPHA)
    assert np.abs(np.asarray(put_on(cut, OTHERS)) - expected).max() <= 0.51
    assert np.array_equal(np.asarray(cut)[..., :3], COLOURS) and np.array_equal(np.asarray(cut)[..., 3], ALPHA)
    faint = np.asarray(fainter(cut, np.full_like(ALPHA, 128)))[..., 3]
    assert np.abs(faint - ALPHA * (128 / 255)).max() <= 0.51
    array = np.asarray(cut)
    assert np.array_equal(np.asarray(fainter(array, np.full_like(ALPHA, 128)))[..., 3], faint)
    assert np.array_equal(array, cut)


@pytest.mark.parametrize("size", [(40, 30), (200, 100), (41, 301), (1, 1), (20, 30)])
def test_enlarged_is_bilinear(size):
    smooth = cv2.GaussianBlur(COLOURS.astype(np.float32), (0, 0), 2)
    expected = cv2.resize(smooth, size[::-1], interpolation=cv2.INTER_LINEAR)
    made = enlarged(smooth, size)
    assert made.shape == (*size, 3)
    assert np.abs(np.asarray(made) - expected.reshape(made.shape)).max() <= 1.6  # rounded three times
    assert np.array_equal(np.concatenate([made[row : row + 1] for row in range(len(made))]), made)
