import shutil

import pytest

from ran.data.layouts import LAYOUTS, Layout, detect, find_sets, pairs_of
from tests.data.test_names import touch


@pytest.mark.parametrize("depth", ["", "a", "a/b/c"])
def test_a_layout_is_found_down_to_four_levels_or_what_is_missing_is_said(tmp_path, depth):
    """A Mac's ZIP holds beside it a mirror of all folders, with other halves of all files."""
    assert detect(tmp_path / "nowhere")[1] == [f"{tmp_path / 'nowhere'}: no such folder"]
    parent = touch(tmp_path / depth / "gt", "1.png").parent
    assert "none of the known folder pairs" in detect(tmp_path)[1][0]  # anything may be called gt
    masks = touch(parent / "xu100-gt", "1.png", "2.png", "._1.png")
    assert detect(tmp_path)[1] == [f"{parent}: only one of xu100-source and xu100-gt is here"]
    images = touch(parent / "xu100-source", "1.png", "2.png", "._1.png")
    for folder in (images, masks):
        touch(tmp_path / "__MACOSX" / depth / folder.name, "._1.png")
    assert detect(tmp_path) == ([(LAYOUTS[4], images, masks)], [])
    pairs, problems = pairs_of(LAYOUTS[4], images, masks)
    assert [pair.name for pair in pairs] == ["CUHK/1", "CUHK/2"] and not problems


def test_a_list_names_the_test_images(tmp_path):
    images, masks = (touch(tmp_path / name, "a.png", "b.png") for name in ("image", "gt"))
    mine = Layout("image", "gt", "MINE", "list", "in_focus")
    assert "--test_list" in pairs_of(mine, images, masks, None)[1][0]
    for name, content, tests, problem in (("mine.txt", "a\nc\n", ["a"], "c: in "), ("test.txt", "b\n", ["b"], "")):
        (tmp_path / name).write_text(content)  # a test.txt is found without its name
        pairs, problems = pairs_of(mine, images, masks, tmp_path / name if problem else None)
        assert [pair.stem for pair in pairs if pair.is_test] == tests and "".join(problems)[:6] == problem


def test_sets_are_found_by_name_and_their_pairs_by_stem(dataset, tmp_path):
    training, test = (find_sets(str(dataset), split, [])["SAMPLE"] for split in ("train", "test"))
    assert len(test) == 3 and [pair.image.stem == pair.mask.stem == pair.stem for pair in training] == [True] * 6
    for name in ("B", "A", "PART"):
        shutil.copytree(dataset / "Train/SAMPLE", tmp_path / "Train" / name)
    (tmp_path / "Train/PART/masks").rename(tmp_path / "Train/PART/trimaps")
    for names, expected in (([], ["A", "B"]), (["PART", "B"], ["B", "PART"])):
        assert list(find_sets(str(tmp_path), "train", names)) == expected
    for split, name, said in (("train", "C", r"no C with train images here \(Train/.*found: A, B, PART"),
                              ("test", "", "no data set with test images.*found: none")):  # fmt: skip
        with pytest.raises(FileNotFoundError, match=said):
            find_sets(str(tmp_path), split, name.split())
    (tmp_path / "Train/A/masks/train_002.png").unlink()
    with pytest.raises(ValueError, match="train_002.jpg: no partner"):
        find_sets(str(tmp_path), "train", [])
