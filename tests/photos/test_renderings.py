"""Renderings: what is in focus is kept, what is not is changed, and their edge takes nothing of the other side."""

import numpy as np
import pytest

from ran.photos.formats import Photo
from ran.photos.options import SUFFIXES
from ran.photos.renderings import LINE, render

# A fine red and black pattern, in focus, left of a plain green wall; 400 x 600, with a soft edge in the map.
IMAGE = np.full((400, 600, 3), (20, 180, 40), np.uint8)
IMAGE[:, :300] = 0
IMAGE[::2, :300:2] = (250, 30, 30)
MAP = np.tile(np.rint(255 * np.clip((310 - np.arange(600)) / 20, 0, 1)).astype(np.uint8), (400, 1))


def test_overlay_keeps_what_is_in_focus_and_darkens_the_rest():
    result = render("overlay", Photo(IMAGE), MAP)
    assert np.array_equal(result[5:-5, 5:280], IMAGE[5:-5, 5:280])
    assert (result[5:-5, 320:-5] == [6, 54, 12]).all()
    line = (result == LINE).all(-1)
    assert line[:, 290:310].any() and not line[:, :280].any()  # none where the part in focus ends with the image


def test_cutout_has_the_map_as_alpha_and_none_of_the_background_in_its_edge():
    image = IMAGE.copy()
    image[:, :240] = (0, 0, 200)  # too far from the edge to matter there
    cut, half = (render("cutout", Photo(image, alpha), MAP) for alpha in (None, np.full_like(MAP, 128)))
    assert cut.shape == (400, 600, 4) and np.array_equal(cut[..., 3], MAP)
    assert np.abs(half[..., 3] - MAP * (128 / 255)).max() <= 1  # what was transparent stays so
    assert np.array_equal(cut[:, :280, :3], image[:, :280])
    red, green, blue = cut[:, 305:309, :3].reshape(-1, 3).mean(axis=0)  # nearly transparent: green in the image
    assert green < 60 and red > green and blue < 30


def test_bokeh_blurs_the_blurred_part_alone_and_a_bright_subject_gets_no_glow():
    image = IMAGE.copy()
    image[::8, 400:] = 255  # lines in the blurred part, to be smoothed
    result = render("bokeh", Photo(image), MAP)
    assert np.array_equal(result[:, :280], image[:, :280])
    assert result[20:-20, 450:].std(axis=0).mean() < 0.1 * image[20:-20, 450:].std(axis=0).mean()
    assert np.abs(result[20:-20, 320:340].astype(int) - (20, 180, 40)).max() <= 2  # no red of its sharp neighbour
    # The map's edge is soft, and the subject reaches a little beyond it, as in photographs.
    distance = np.hypot(*(np.indices((400, 600)) - [[[200]], [[300]]]))
    image = np.where((distance < 103)[..., None], (250, 40, 60), (20, 50, 40)).astype(np.uint8)
    result = render("bokeh", Photo(image), np.rint(255 * np.clip((108 - distance) / 16, 0, 1)).astype(np.uint8))
    assert np.abs(result[(distance > 108) & (distance < 125)].astype(int) - (20, 50, 40)).max() <= 4


@pytest.mark.parametrize("side, blur", [(1000, 1), (1000, 6), (2000, 2.4)])
def test_the_disc_has_the_diameter_that_blur_says(side, blur):
    """A white point on black, nothing in focus: what the blur makes of it is its disc."""
    image, (y, x), reach = np.zeros((side * 2 // 3, side, 3), np.uint8), (side // 3, side // 2), side // 500
    image[y - reach : y + reach + 1, x - reach : x + reach + 1] = 255
    result = render("bokeh", Photo(image), np.zeros(image.shape[:2], np.uint8), blur)[..., 0].astype(float)
    across = result[y] > result.max() / 2
    assert across.sum() == pytest.approx(blur / 100 * side, rel=0.15, abs=side * 0.005)


def test_odd_shapes():
    for name in SUFFIXES:
        for shape in ((1, 1), (3, 5000), (2500, 1)):
            result = render(name, Photo(np.zeros((*shape, 3), np.uint8)), np.full(shape, 255, np.uint8))
            assert result.shape[:2] == shape and result.dtype == np.uint8
