import cv2
import numpy as np

from ran.tools import sample


def test_the_farther_from_the_part_in_focus_the_more_blurred():
    picture = np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    image, mask = sample.defocus(picture, np.random.default_rng(2))
    assert np.array_equal(image[mask > 0], picture[mask > 0]) and 0.25 <= (mask > 0).mean() <= 0.6
    beyond = cv2.distanceTransform(255 - mask, cv2.DIST_L2, 5)
    near, far = (beyond > 1) & (beyond < 3), beyond > 12
    assert picture.std() > image[near].std() + 5 > image[far].std() + 15


def test_same_seed_same_files(tmp_path, source):
    sample.write(tmp_path, 6, 3, 96)
    for path in source.rglob("*.*"):
        assert (tmp_path / path.relative_to(source)).read_bytes() == path.read_bytes()
