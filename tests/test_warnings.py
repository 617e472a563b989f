"""What train, test and evaluate say of data that look wrong: twins, test images, inverted masks."""

import shutil
from pathlib import Path

import cv2
import pytest

from main import main
from ran.data.images import write_image
from ran.training_data import TrainingData
from tests.small import TINY

INVERTED = "WARNING: THE MASKS LOOK INVERTED: in {0} of {0} pairs the part called in focus has less detail"
KNOWN = "WARNING: 1 test image(s) are among the training images: "


@pytest.fixture
def data(dataset, tmp_path) -> Path:
    """A dataset folder to spoil."""
    return shutil.copytree(dataset, tmp_path / "data")


@pytest.fixture
def said(run_folder, tmp_path, capsys):
    """What a command prints, and its errors."""
    words = {
        "train": ["--model_path", tmp_path / "run", "--arch", TINY, "--pretrained", "none", "--img_size", "64",
                  "--epochs", "1", "--val_share", "0.34", "--device", "cpu", "--num_workers", "0"],
        "test": ["--model_path", run_folder, "--output", tmp_path / "out", "--report", "False", "--device", "cpu",
                 "--num_workers", "0"],
        "evaluate": ["--output", tmp_path / "out"],
    }  # fmt: skip

    def run(command: str, *more) -> str:
        assert main([command, *map(str, words[command]), *map(str, more)]) == 0
        return "".join(capsys.readouterr())

    return run


def copy_pair(source: Path, target: Path, mirrored: bool = False) -> None:
    """Copies an image and its mask of a set: the same bytes, or mirrored, smaller and compressed anew."""
    for part, suffix, way in (("images", ".jpg", cv2.INTER_AREA), ("masks", ".png", cv2.INTER_NEAREST)):
        old, new = (path.parent / part / f"{path.name}{suffix}" for path in (source, target))
        shutil.copy(old, new)
        if mirrored:
            cv2.imwrite(str(new), cv2.resize(cv2.imread(str(old))[:, ::-1], (72, 48), interpolation=way))


def turn(folder: Path) -> None:
    """Inverts the masks of a folder."""
    for path in folder.iterdir():
        write_image(path, 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def test_twins_are_named_and_come_to_one_side(data, config, said):
    """Else validation would see what is trained on."""
    folder = data / "Train/SAMPLE"
    shutil.rmtree(folder / "contour")
    copies = {"zz_copy": "train_000", "zz_mirrored": "train_003"}
    for new, old in copies.items():
        copy_pair(folder / old, folder / new, mirrored="mirrored" in new)
    out = said("train", "--data_path", data)
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


@pytest.mark.parametrize("mirrored", [False, True])
def test_test_images_among_the_training_images_are_named(data, said, mirrored):
    copy_pair(data / "Train/SAMPLE/train_002", data / "SAMPLE/Test/new", mirrored)
    names = f"{data}/Train/SAMPLE/images/train_002.jpg and {data}/SAMPLE/Test/images/new.jpg"
    assert said("train", "--data_path", data).count(KNOWN + names) == 1
    assert said("test", "--data_path", data).count(KNOWN + names) == 1


@pytest.mark.parametrize("lost, command", [
    ("Train/SAMPLE/masks/train_000.png", "test"), ("SAMPLE/Test/masks/test_006.png", "train"),
])  # fmt: skip
def test_a_fault_of_the_other_split_stops_nothing(data, said, lost, command):
    (data / lost).unlink()
    said(command, "--data_path", data)


def test_inverted_masks_are_warned_of(data, said):
    for folder in ("Train/SAMPLE", "SAMPLE/Test"):
        turn(data / folder / "masks")
    shutil.rmtree(data / "Train/SAMPLE/contour")
    assert f"SAMPLE: {INVERTED.format(6)}" in said("train", "--data_path", data)
    assert f"SAMPLE: {INVERTED.format(3)}" in said("test", "--data_path", data)


def test_inverted_masks_are_warned_of_where_evaluate_has_the_images(data, saved_maps, said):
    """Where maps have the polarity of the masks, no score tells."""
    masks, maps = data / "SAMPLE/Test/masks", shutil.copytree(saved_maps["good"], data / "maps")
    turn(masks)
    turn(maps)
    words = ("evaluate", "--maps", f"a={maps}", "--gt", masks)
    out = said(*words)
    assert f"masks: {INVERTED.format(3)}" in out and "--gt FOLDER --white blurred swaps the two classes" in out
    assert "WARNING" not in said(*words, "--white", "blurred")
    (data / "SAMPLE/Test/images").rename(data / "SAMPLE/Test/elsewhere")
    assert "WARNING" not in said(*words)
