import cv2
import numpy as np
import pytest

from ran.imaging.masks import read_mask


def test_masks_of_both_polarities_and_of_every_kind(tmp_path):
    grey = np.array([[0] * 50 + [100, 127, 128, 200] + [255] * 50], np.uint8)  # grey edges, cut in the middle
    focus = np.array([[0] * 52 + [255] * 52], np.uint8)
    rgba = np.dstack([grey] * 3 + [np.full_like(grey, 255)])
    for name, picture in (("grey.png", grey), ("rgba.png", rgba), ("grey.bmp", grey)):
        cv2.imwrite(str(tmp_path / name), picture)
        assert np.array_equal(read_mask(tmp_path / name), focus)
        assert np.array_equal(read_mask(tmp_path / name, white="blurred"), 255 - focus)


def test_masks_of_zeros_and_ones_are_not_black(tmp_path):
    ones = np.eye(5, dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "mask.png"), ones)
    assert np.array_equal(read_mask(tmp_path / "mask.png"), ones * 255)
    assert np.array_equal(read_mask(tmp_path / "mask.png", white="blurred"), 255 - ones * 255)
    cv2.imwrite(str(tmp_path / "black.png"), ones * 0)
    assert not read_mask(tmp_path / "black.png").any()


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 65535)])
def test_16_bit_masks_of_any_range(tmp_path, values):
    mask = np.array(values, np.uint16)[np.eye(5, dtype=int)]
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    assert np.array_equal(read_mask(tmp_path / "mask.png"), np.eye(5, dtype=np.uint8) * 255)
