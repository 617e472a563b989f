import cv2
import numpy as np
import pytest

from ran.data.lens import defocus_background, defocus_object, disc, display, linear, spread, thin_lens

NOISE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
OBJECT = np.zeros((64, 96), np.uint8)
OBJECT[16:48, 24:56] = 255
FAR = (abs(np.arange(64) - 31.5) > 20)[:, None].repeat(96, 1)  # above and below the object
WITHIN = cv2.erode(OBJECT, np.ones((13, 13))) > 0


def test_a_disc_has_its_radius_and_mixes_light_not_levels():
    for radius in (1, 2.5, 7):
        kernel = disc(radius)
        assert kernel.sum() == pytest.approx(1, abs=1e-5) and np.array_equal(kernel, kernel[::-1, ::-1])
        assert 1 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.15)
    assert np.array_equal(display(linear(NOISE)), NOISE)
    half = np.tile(np.uint8([[0, 255]]), (40, 20))
    assert 180 < display(spread(linear(half), 6))[20, 20] < 192  # half the light of white is level 186, not 128


def test_background_is_blurred_without_the_objects_light_and_an_object_spills_over_a_sharp_background():
    image = np.where(OBJECT[..., None] > 0, 250, 40).repeat(3, 2).astype(np.uint8)
    blurred = defocus_background(image, OBJECT, 5)
    assert blurred[OBJECT == 0].max() < 60 + 190 / 3  # the object's edge is soft by a pixel
    assert np.all(blurred[FAR] == 40)
    blurred = defocus_background(NOISE, OBJECT, 5)
    assert np.array_equal(blurred[WITHIN], NOISE[WITHIN]) and blurred[FAR].std() < 0.25 * NOISE[FAR].std()
    ramp = defocus_background(NOISE, OBJECT, 5, near=0.1)
    assert ramp[52:].std() > 2 * ramp[:12].std()
    blurred, reach = defocus_object(NOISE, OBJECT, 4)
    assert np.abs(linear(blurred)[~reach] - linear(NOISE)[~reach]).max() < 0.06  # a twentieth of the object's light
    assert reach[OBJECT > 0].all() and 32 * 32 < reach.sum() < 40 * 40
    assert blurred[WITHIN].std() < 0.3 * NOISE[WITHIN].std()


def test_a_lens_blurs_by_depth_and_keeps_what_it_focuses_on():
    nearness, light = np.where(OBJECT > 0, 1.0, 0.2), np.full_like(NOISE, 120)
    for distance, sharp, soft in ((0.2, FAR, WITHIN), (1.0, WITHIN, FAR)):
        seen = thin_lens(NOISE, 5 * abs(nearness - distance), nearness)
        assert np.abs(seen[sharp].astype(int) - NOISE[sharp])[6:-6].max() <= 1
        assert seen[soft].std() < 0.3 * NOISE[soft].std()
    radii = np.linspace(8, -8, 96)[None].repeat(64, 0)  # a ramp: what has a radius below .75 is rendered so
    sharp = abs(radii) < 0.75
    assert thin_lens(NOISE, abs(radii), radii + 9)[sharp].std() > 0.5 * NOISE[sharp].std()
    assert np.abs(thin_lens(light, 5 * abs(nearness - 0.2), nearness).astype(int) - 120).max() <= 2  # no holes at rims
