from pathlib import Path

import cv2
import numpy as np

from ran.imaging.dataset_check import contrast_gain, doubled_pictures, masks_doubt, same_pictures
from ran.imaging.resizing import thumbnail
from ran.tools.sample import photograph


def test_a_copy_is_found_at_another_size_and_quality_and_others_are_not():
    coffee, chelsea = photograph("coffee"), photograph("chelsea")
    small = cv2.resize(coffee, (320, 320), interpolation=cv2.INTER_AREA)
    copy = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)
    training = {Path("coffee"): thumbnail(coffee), Path("chelsea"): thumbnail(chelsea)}
    assert same_pictures(training, {Path("copy"): thumbnail(copy)}) == [(Path("copy"), Path("coffee"))]
    assert same_pictures(training, {Path("other"): thumbnail(photograph("rocket"))}) == []


def test_different_dark_pictures_are_not_the_same():
    rng = np.random.default_rng(0)
    one, two = (thumbnail(rng.integers(0, 24, (64, 64, 3), dtype=np.uint8)) for _ in range(2))
    assert same_pictures({Path("one"): one}, {Path("two"): two}) == []
    assert same_pictures({Path("one"): one}, {}) == same_pictures({}, {Path("one"): one}) == []


def test_pictures_of_two_sets_are_known_from_those_of_one(tmp_path):
    """Two sets with one photograph in common: once whole, once as the small square of a pack."""
    sets = {"CUHK": ("coffee", "chelsea"), "PACK": ("rocket", "coffee")}
    for name, stems in sets.items():
        (tmp_path / name).mkdir()
        for stem in stems:
            picture = photograph(stem)[..., ::-1]
            small = cv2.resize(picture, (320, 320), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(tmp_path / name / f"{stem}.jpg"), picture if name == "CUHK" else small)
    paths = {name: [tmp_path / name / f"{stem}.jpg" for stem in stems] for name, stems in sets.items()}
    assert doubled_pictures(paths) == [(paths["PACK"][1], paths["CUHK"][0])]
    assert doubled_pictures({"CUHK": paths["CUHK"]}) == []


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
