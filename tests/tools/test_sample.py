import cv2
import numpy as np
import pytest

from ran.data.lens import disc
from ran.tools import sample
from ran.tools.options import SampleOptions


def test_each_pixel_is_blurred_by_its_distance_from_the_part_in_focus():
    picture = np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    image, mask = sample.defocus(picture, np.random.default_rng(2))
    again = np.random.default_rng(2)
    again.normal(size=(60, 90))
    _, _, largest, ramp = (again.uniform(*limits) for limits in ((5, 9), (0.4, 0.75), (2.5, 6), (4, 12)))
    radii = [*np.arange(largest), largest]
    blurred = [picture, *(cv2.filter2D(picture, cv2.CV_32F, disc(r)) for r in radii[1:])]
    beyond = cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5)
    for place in np.ndindex(picture.shape):
        r = largest * min(1, beyond[place[:2]] / ramp)
        assert abs(image[place] - np.interp(r, radii, [one[place] for one in blurred])) <= 0.51
    assert np.array_equal(image[mask > 0], picture[mask > 0]) and beyond.max() > ramp
    assert 0.25 <= (mask > 0).mean() <= 0.6


def test_same_seed_same_files_and_none_over_others(tmp_path, source):
    sample.write(tmp_path, 6, 3, 96)
    for path in source.rglob("*.*"):
        assert (tmp_path / path.relative_to(source)).read_bytes() == path.read_bytes()
    with pytest.raises(ValueError, match="holds files already"):
        sample.run(SampleOptions(output=str(source)))
