import numpy as np
import pytest

from ran.data.contour import contour_band


def half(width=100, height=60):
    mask = np.zeros((height, width), np.uint8)
    mask[:, width // 2 :] = 255
    return mask


def test_band_lies_around_the_boundary_on_both_sides():
    band = contour_band(half()) > 0
    rows = band[30]
    assert rows[48:52].all()
    assert not rows[:10].any() and not rows[-10:].any()
    # Each region grows by 2 px, and the band keeps distances up to 0.365 of the largest, 52: 19 - 2 = 17 px a side.
    assert 15 <= rows[50:].sum() <= 18 and 15 <= rows[:50].sum() <= 18


def test_band_does_not_depend_on_the_polarity():
    mask = half()
    assert np.array_equal(contour_band(mask), contour_band(255 - mask))


def test_width_grows_with_the_region_and_with_keep():
    assert (contour_band(half(200)) > 0).sum() > (contour_band(half(100)) > 0).sum()
    assert (contour_band(half(), keep=0.8) > 0).sum() > (contour_band(half(), keep=0.4) > 0).sum()


@pytest.mark.parametrize("value", [0, 255])
def test_one_class_has_no_contour(value):
    assert not contour_band(np.full((20, 30), value, np.uint8)).any()


def test_single_pixel_gives_a_band_around_it():
    mask = np.zeros((41, 41), np.uint8)
    mask[20, 20] = 255
    band = contour_band(mask) > 0
    assert band.any()
    assert not band[0].any()
