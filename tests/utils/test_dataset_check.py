from pathlib import Path

import cv2
import numpy as np

from tools.sample import photograph
from utils.dataset_check import contrast_gain, masks_doubt, shared_pictures, thumbnail


def test_a_copy_is_found_at_another_size_and_quality_and_others_are_not():
    coffee, chelsea = photograph("coffee"), photograph("chelsea")
    small = cv2.resize(coffee, (320, 320), interpolation=cv2.INTER_AREA)
    copy = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)
    training = {Path("coffee"): thumbnail(coffee), Path("chelsea"): thumbnail(chelsea)}
    assert len(shared_pictures(training, {Path("copy"): thumbnail(copy)})) == 1
    assert "copy: the same photograph as coffee" in shared_pictures(training, {Path("copy"): thumbnail(copy)})[0]
    assert shared_pictures(training, {Path("other"): thumbnail(photograph("rocket"))}) == []


def test_different_dark_pictures_are_not_the_same():
    rng = np.random.default_rng(0)
    one, two = (thumbnail(rng.integers(0, 24, (64, 64, 3), dtype=np.uint8)) for _ in range(2))
    assert shared_pictures({Path("one"): one}, {Path("two"): two}) == []
    assert shared_pictures({Path("one"): one}, {}) == []


def test_contrast_speaks_for_the_right_polarity():
    image = np.full((40, 40, 3), 128, np.uint8)
    image[:, 20:] = np.random.default_rng(0).integers(0, 256, (40, 20, 3))
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 20:] = 255
    assert contrast_gain(image, mask) > 0 > contrast_gain(image, 255 - mask)
    assert contrast_gain(image, mask * 0) == 0


def test_doubts_need_a_majority():
    assert masks_doubt([1.0, 2.0, -1.0]) == ""
    assert "in 2 of 3 pairs" in masks_doubt([1.0, -2.0, -1.0])
    assert "2 of 3 masks hold one class only" in masks_doubt([1.0, 0.0, 0.0])
    assert masks_doubt([]) == ""
