import cv2
import numpy as np

from ran.tools import sample


def test_what_lies_around_the_blob_is_blurred():
    picture = np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    image, mask = sample.defocus(picture, np.random.default_rng(2))
    inside, outside = (cv2.erode(part, np.ones((3, 3))) > 0 for part in (mask, 255 - mask))
    assert np.array_equal(image[inside], picture[inside]) and 0.25 <= (mask > 0).mean() <= 0.6
    assert picture.std() > 4 * image[outside].std()


def test_same_seed_same_files(tmp_path, source):
    sample.write(tmp_path, 6, 3, 96)
    for path in source.rglob("*.*"):
        assert (tmp_path / path.relative_to(source)).read_bytes() == path.read_bytes()
