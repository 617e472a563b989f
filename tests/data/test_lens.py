import numpy as np
import pytest

from ran.data.lens import defocus_background, defocus_object, disc, display, linear, spread, thin_lens

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (64, 96, 3), dtype=np.uint8)
OBJECT = np.zeros((64, 96), np.uint8)
OBJECT[16:48, 24:56] = 255


def detail(image: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation of a part's levels."""
    return float(image[where].std())


@pytest.mark.parametrize("radius", [0.3, 1, 2.5, 7])
def test_a_disc_sums_to_one_and_has_its_radius(radius):
    kernel = disc(radius)
    assert kernel.sum() == pytest.approx(1, abs=1e-5) and np.array_equal(kernel, kernel[::-1, ::-1])
    assert 1 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.15) or radius < 1


def test_light_is_mixed_not_levels():
    assert np.array_equal(display(linear(NOISE)), NOISE)
    half = np.zeros((40, 40, 3), np.uint8)
    half[:, ::2] = 255
    grey = display(spread(linear(half), 6))[20, 20, 0]
    assert 180 < grey < 192  # half the light of white is level 186 of 255, not 128


def test_background_is_blurred_without_the_objects_light():
    image = np.full((64, 96, 3), 40, np.uint8)
    image[OBJECT > 0] = 250
    blurred = defocus_background(image, OBJECT, 5)
    assert blurred[OBJECT == 0].max() < 60 + 190 / 3  # the object's edge is soft by a pixel
    far = np.zeros_like(OBJECT, bool)
    far[:12], far[52:] = True, True
    assert np.all(blurred[far] == 40)
    blurred = defocus_background(NOISE, OBJECT, 5)
    inside = np.zeros_like(far)
    inside[18:46, 26:54] = True
    assert np.array_equal(blurred[inside], NOISE[inside]) and detail(blurred, far) < 0.25 * detail(NOISE, far)
    ramp = defocus_background(NOISE, OBJECT, 5, near=0.1)
    assert detail(ramp[52:], far[52:]) > 2 * detail(ramp[:12], far[:12])


def test_an_object_out_of_focus_spills_over_a_sharp_background():
    blurred, reach = defocus_object(NOISE, OBJECT, 4)
    assert np.abs(linear(blurred)[~reach] - linear(NOISE)[~reach]).max() < 0.06  # a twentieth of the object's light
    assert reach[OBJECT > 0].all() and 32 * 32 < reach.sum() < 40 * 40
    inside = np.zeros_like(reach)
    inside[22:42, 30:50] = True
    assert detail(blurred, inside) < 0.3 * detail(NOISE, inside)


def test_a_lens_blurs_by_depth_and_keeps_what_it_focuses_on():
    nearness = np.where(OBJECT > 0, 1.0, 0.2)
    for sharp in (0.2, 1.0):
        radii = 5 * abs(nearness - sharp)
        seen = thin_lens(NOISE, radii, nearness)
        focused = radii == 0
        inside = np.zeros_like(focused)  # away from the object's edge, over which blur spills
        inside[24:40, 32:48] = True
        inside[:6] = inside[58:] = True
        assert np.abs(seen[inside & focused].astype(int) - NOISE[inside & focused]).max() <= 1
        assert detail(seen, inside & ~focused) < 0.3 * detail(NOISE, inside & ~focused)
    radii = np.linspace(8, -8, 96)[None].repeat(64, 0)  # a ramp: what has a radius below .75 is rendered so
    seen, sharp = thin_lens(NOISE, abs(radii), radii + 9), abs(radii) < 0.75
    assert detail(seen, sharp) > 0.5 * detail(NOISE, sharp)
    light = np.full_like(NOISE, 120)
    assert np.abs(thin_lens(light, 5 * abs(nearness - 0.2), nearness).astype(int) - 120).max() <= 2  # no holes at rims
