import numpy as np
import pytest

from ran.imaging.blur import disc


def test_disc_is_round_and_sums_to_one():
    kernel = disc(3.5)
    assert np.isclose(kernel.sum(), 1)
    assert np.array_equal(kernel, kernel.T) and np.array_equal(kernel, kernel[::-1])
    assert disc(0).max() == 1


def test_disc_is_a_mean_over_a_circle():
    for radius in (0.6, 2.0, 4.7):
        kernel = disc(radius)
        assert kernel.sum() == pytest.approx(1) and np.array_equal(kernel, kernel.T)
        assert (kernel > 0).sum() == pytest.approx(np.pi * (radius + 0.5) ** 2, rel=0.35)
