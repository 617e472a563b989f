"""What is said on the masks of a set before anything relies on them."""

import dataclasses

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from ran.imaging.contour import contour_band
from ran.imaging.layouts import Pair
from ran.imaging.mask_check import check_masks, report_masks
from ran.imaging.masks import read_pair

WHITE = np.eye(16, dtype=np.uint8)


def pairs(folder, *masks, white="in_focus", turned=0):
    """A set with these masks; so many photographs have an EXIF rotation by 180 degrees."""
    made = []
    for number, mask in enumerate(masks):
        image, path = folder / f"{number}.jpg", folder / f"{number}.png"
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 3 if number < turned else 1
        Image.new("RGB", (16, 16)).save(image, exif=exif)
        cv2.imwrite(str(path), mask)
        made.append(Pair("SET", str(number), image, path, white=white))
    return made


def test_nothing_is_said_on_black_and_white(tmp_path):
    assert check_masks(pairs(tmp_path, WHITE * 255, WHITE * 255)) == ([], [])
    assert check_masks([]) == ([], [])


def test_which_label_is_in_focus_is_said_with_how_to_turn_it(tmp_path):
    labels = [WHITE * 100, WHITE * 100, WHITE * 0]
    remarks, problems = check_masks(pairs(tmp_path, *labels), "--white blurred turns it round")
    assert not problems and remarks == [
        "SET: masks hold level 0 and 100: 100 is taken for in focus; --white blurred turns it round",
        f"SET: 1 of 3 masks hold one class only: {tmp_path / '2.png'}",
    ]
    assert ": 0 is taken for in focus" in check_masks(pairs(tmp_path, *labels, white="blurred"))[0][0]


def test_masks_of_another_kind_are_named_file_by_file(tmp_path):
    remarks, problems = check_masks(pairs(tmp_path, *[WHITE * 255] * 3, WHITE * 2, WHITE + 1))
    assert not problems and len(remarks) == 1
    assert f"2 another kind: {tmp_path / '3.png'} (level 0 and 2), {tmp_path / '4.png'} (level 1 and 2)" in remarks[0]


def test_one_label_alone_is_refused_where_the_others_give_it_another_meaning(tmp_path, capsys):
    """1 alone would pass for white; in a set of 1 and 2 it is black."""
    with pytest.raises(ValueError, match="1.png: level 1 alone, but other masks hold level 1 and 2: which class is it"):
        report_masks(pairs(tmp_path, WHITE + 1, WHITE * 0 + 1, WHITE + 1))
    report_masks(pairs(tmp_path, WHITE, WHITE * 0 + 1))
    assert "1 of 2 masks hold one class only" in capsys.readouterr().out


def test_one_label_alone_is_refused_where_any_other_mask_reads_it_differently(tmp_path):
    """Also where most masks read it as it was read."""
    _, problems = check_masks(pairs(tmp_path, WHITE, WHITE, WHITE + 1, WHITE * 0 + 1))
    assert problems == [f"{tmp_path / '3.png'}: level 1 alone, but other masks hold level 1 and 2: which class is it?"]


def test_rotated_photographs_are_counted(tmp_path, capsys):
    report_masks(pairs(tmp_path, *[WHITE * 255] * 3, turned=2))
    assert "SET: 2 of 3 photographs carry an EXIF rotation: they are read upright" in capsys.readouterr().out


def test_a_mask_on_the_pixels_as_stored_is_explained(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="is 20 x 30, its mask 30 x 20 .*turned by its EXIF rotation"):
        read_pair(tmp_path / "a.jpg", tmp_path / "a.png")


def test_contours_of_other_masks_are_named(tmp_path):
    found = pairs(tmp_path, WHITE * 255, WHITE * 255)
    for pair, mask in zip(found, (WHITE * 255, 255 - WHITE[::-1] * 255)):
        path = tmp_path / f"{pair.stem}_contour.png"
        cv2.imwrite(str(path), contour_band(mask))
        found[int(pair.stem)] = dataclasses.replace(pair, contour=path)
    remarks, problems = check_masks(found)
    assert not problems and [remark.split(";")[0] for remark in remarks] == [
        "SET: warning: 1 contour(s) are not those of their masks"
    ]
    assert str(tmp_path / "1_contour.png") in remarks[0]
