"""What train, test and evaluate say of data that look wrong: twins, test images, inverted masks."""

import shutil
from pathlib import Path

import pytest

from main import main
from ran.data.images import write_image
from ran.data.masks import read_map
from tests.faults.commands import words

INVERTED = "WARNING: THE MASKS LOOK INVERTED: in {0} of {0} pairs the part called in focus has less detail"
KNOWN = "WARNING: 1 test image(s) are among the training images: "


@pytest.fixture
def data(dataset, saved_maps, tmp_path) -> Path:
    """A dataset folder with copies of two training images, one of them among the test images, and with maps."""
    folder = shutil.copytree(dataset, tmp_path / "data")
    train, test = folder / "Train/SAMPLE", folder / "SAMPLE/Test"
    for part, suffix in (("images", "jpg"), ("masks", "png")):
        shutil.copy(train / part / f"train_000.{suffix}", train / part / f"zz_copy.{suffix}")
        shutil.copy(train / part / f"train_003.{suffix}", test / part / f"new.{suffix}")
    shutil.copytree(saved_maps["good"], folder / "maps")
    shutil.copy(folder / "maps/test_006.png", folder / "maps/new.png")
    return folder


@pytest.fixture
def said(data, run_folder, tmp_path, capsys):
    """What a command prints of the data, and its errors."""

    def run(command: str, *more) -> str:
        once = ["--epochs", "1"] * (command == "train")
        assert main([*words(command, data, run_folder, tmp_path / command, *once), *map(str, more)]) == 0
        return "".join(capsys.readouterr())

    return run


def test_twins_are_named(data, said):
    out, folder = said("train"), data / "Train/SAMPLE/images"
    assert "WARNING: 1 training image(s) are copies of another one: " in out and out.count(KNOWN) == 1
    assert f"{folder}/train_000.jpg and {folder}/zz_copy.jpg" in out
    assert f"{KNOWN}{folder}/train_003.jpg and {data}/SAMPLE/Test/images/new.jpg" in said("test")


@pytest.mark.parametrize("lost, command", [
    ("Train/SAMPLE/masks/train_000.png", "test"), ("SAMPLE/Test/masks/test_006.png", "train"),
])  # fmt: skip
def test_a_fault_of_the_other_split_stops_nothing(data, said, lost, command):
    (data / lost).unlink()
    said(command)


def test_inverted_masks_are_warned_of(data, said):
    """Where maps have the polarity of the masks, no score of evaluate tells; it has to find the images."""
    masks = data / "SAMPLE/Test/masks"
    for path in (*(data / "Train/SAMPLE/masks").iterdir(), *masks.iterdir(), *(data / "maps").iterdir()):
        write_image(path, 255 - read_map(path))
    assert f"SAMPLE: {INVERTED.format(7)}" in said("train") and f"SAMPLE: {INVERTED.format(4)}" in said("test")
    of_maps = ("--gt", masks)
    out = said("evaluate", *of_maps)
    assert f"masks: {INVERTED.format(4)}" in out and "--gt FOLDER --white blurred swaps the two classes" in out
    assert "INVERTED" not in said("evaluate", *of_maps, "--white", "blurred")
    (masks.parent / "images").rename(data / "elsewhere")
    assert "INVERTED" not in said("evaluate", *of_maps)
