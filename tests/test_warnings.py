"""What train, test and evaluate say of data that look wrong: twins, test images, inverted masks."""

import shutil
from pathlib import Path

import cv2
import pytest

from main import main
from ran.data.images import write_image
from ran.training_data import TrainingData
from tests.faults.commands import words

INVERTED = "WARNING: THE MASKS LOOK INVERTED: in {0} of {0} pairs the part called in focus has less detail"
KNOWN = "WARNING: 1 test image(s) are among the training images: "


@pytest.fixture
def data(dataset, saved_maps, tmp_path) -> Path:
    """A dataset folder to spoil, with maps, and without contours."""
    folder = shutil.copytree(dataset, tmp_path / "data")
    shutil.rmtree(folder / "Train/SAMPLE/contour")
    shutil.copytree(saved_maps["good"], folder / "maps")
    return folder


@pytest.fixture
def said(data, run_folder, tmp_path, capsys):
    """What a command prints of the data, and its errors."""

    def run(command: str, *more) -> str:
        once = ["--epochs", "1"] * (command == "train")
        assert main([*words(command, data, run_folder, tmp_path / command, *once), *map(str, more)]) == 0
        return "".join(capsys.readouterr())

    return run


def copy_pair(source: Path, target: Path, mirrored: bool = False) -> None:
    """Copies an image and its mask of a set: the same bytes, or mirrored, smaller and compressed anew."""
    for part, suffix, way in (("images", ".jpg", cv2.INTER_AREA), ("masks", ".png", cv2.INTER_NEAREST)):
        old, new = (path.parent / part / f"{path.name}{suffix}" for path in (source, target))
        shutil.copy(old, new)
        if mirrored:
            cv2.imwrite(str(new), cv2.resize(cv2.imread(str(old))[:, ::-1], (72, 48), interpolation=way))


def turn(*folders: Path) -> None:
    """Inverts the masks of folders."""
    for path in (path for folder in folders for path in folder.iterdir()):
        write_image(path, 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_twins_are_named_and_come_to_one_side(data, config, said):
    """Else validation would see what is trained on."""
    folder, copies = data / "Train/SAMPLE", {"zz_copy": "train_000", "zz_mirrored": "train_003"}
    for new, old in copies.items():
        copy_pair(folder / old, folder / new, mirrored="mirrored" in new)
    out = said("train")
    assert "WARNING: 2 training image(s) are copies of another one: " in out
    assert all(f"{folder}/images/{old}.jpg and {folder}/images/{new}.jpg" in out for new, old in copies.items())
    config.data_path, sides = str(data), set()
    for config.seed in range(10):
        read = TrainingData(config, None, {})
        held_out = {pair.stem for pair in read.val_pairs}
        assert all((new in held_out) == (old in held_out) for new, old in copies.items())
        assert held_out.isdisjoint(name.split("/")[1] for name in read.names) and len(held_out) + len(read.names) == 8
        sides.add("zz_copy" in held_out)
    assert sides == {True, False}


def test_test_images_among_the_training_images_are_named(data, said):
    copy_pair(data / "Train/SAMPLE/train_002", data / "SAMPLE/Test/new", mirrored=True)
    names = f"{data}/Train/SAMPLE/images/train_002.jpg and {data}/SAMPLE/Test/images/new.jpg"
    assert said("train").count(KNOWN + names) == 1
    before, after = said("test").split("SAMPLE, 4 images")
    assert KNOWN + names in before and KNOWN + names in after  # also under the table, where nobody overlooks it


@pytest.mark.parametrize("lost, command", [
    ("Train/SAMPLE/masks/train_000.png", "test"), ("SAMPLE/Test/masks/test_006.png", "train"),
])  # fmt: skip
def test_a_fault_of_the_other_split_stops_nothing(data, said, lost, command):
    (data / lost).unlink()
    said(command)


def test_inverted_masks_are_warned_of(data, said):
    """Where maps have the polarity of the masks, no score of evaluate tells; it has to find the images."""
    masks, maps = data / "SAMPLE/Test/masks", data / "maps"
    turn(data / "Train/SAMPLE/masks", masks, maps)
    assert f"SAMPLE: {INVERTED.format(6)}" in said("train")
    of_maps = ("--gt", masks)
    for command, more, name in (("test", (), "SAMPLE"), ("evaluate", of_maps, "masks")):
        before, after = said(command, *more).split(f"{name}, 3 images")
        assert f"{name}: {INVERTED.format(3)}" in before and f"{name}: {INVERTED.format(3)}" in after
    assert "--gt FOLDER --white blurred swaps the two classes" in after
    assert "WARNING" not in said("evaluate", *of_maps, "--white", "blurred")
    (masks.parent / "images").rename(data / "elsewhere")
    assert "WARNING" not in said("evaluate", *of_maps)
