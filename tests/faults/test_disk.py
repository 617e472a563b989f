"""Full disks, folders that cannot be written to, sources that vanish, two runs in one folder."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from main import main
from ran import tester, training_data
from ran.photos import predict
from ran.tools import prepare
from ran.utils.checkpoint import read_state, read_weights
from ran.utils.files import locked
from tests.small import TINY

CPU = ["--device", "cpu", "--num_workers", "0"]
MANY = 30  # test pictures: more than the small disks hold, and too few for processes that score beside


@pytest.fixture(scope="module")
def many(dataset, tmp_path_factory) -> Path:
    """A dataset folder and, beside it, the same as published, with many pictures of 96 x 64."""
    folder = tmp_path_factory.mktemp("many")
    for split, count in (("Train/SAMPLE", 6), ("SAMPLE/Test", MANY)):
        for part in ("images", "masks"):
            files = sorted((dataset / split / part).iterdir())
            target = folder / "dataset" / split / part
            target.mkdir(parents=True)
            for number in range(count):
                file = files[number % len(files)]
                shutil.copy(file, target / f"{number:03d}{file.suffix}")
    return folder


@pytest.fixture(scope="module")
def spoilt(many, evaluated, tmp_path_factory) -> Path:
    """The same without one readable picture: a command that gets as far as to read some complains of them."""
    folder = tmp_path_factory.mktemp("spoilt")
    shutil.copytree(many, folder, dirs_exist_ok=True)
    shutil.copytree(evaluated, folder / "scores")  # its pictures are elsewhere
    for path in (folder / "dataset").rglob("*.*"):
        path.write_text("no picture")
    return folder


@pytest.fixture
def disk(tmp_path, lacking) -> Callable[[str], Path]:
    """Mounts a disk of a size (such as 1m), or remounts it with other options; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        again = ["-o", f"remount,{options}"] if os.path.ismount(folder) else ["-o", options]
        command = ["mount", "-t", "tmpfs", *again, "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            lacking("no right to mount a file system")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True)


def words(command: str, many: Path, run_folder: Path, out: Path) -> list[str]:
    data, weights = str(many / "dataset"), ["--model_path", str(run_folder)]
    test = many / "dataset/SAMPLE/Test"
    return {
        "prepare": ["prepare", "--images", str(test / "images"), "--masks", str(test / "masks"), "--dataset", "NEW",
                    "--white", "in_focus", "--split", "train", "--data_path", str(out)],
        "train": ["train", "--data_path", data, "--model_path", str(out), "--arch", TINY, "--pretrained", "none",
                  "--img_size", "64", "--epochs", "2", "--val_share", "0.34", "--resume", *CPU],
        "test": ["test", "--data_path", data, *weights, "--output", str(out), "--save_map", "True", *CPU],
        "predict": ["predict", str(test / "images"), *weights, "--output", str(out), "--overlay", "--table", "csv",
                    "--device", "cpu"],
        "evaluate": ["evaluate", "--maps", f"m={test / 'masks'}", "--data_path", data, "--output", str(out)],
        "report": ["report", "--scores", str(many / "scores"), "--examples", "none", "--output", str(out)],
        "ablation": ["ablation", "--data_path", data, "--model_path", str(out), "--rows", "full", "--folds", "1", *CPU],
    }[command]  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("command, size", [("prepare", "200k"), ("test", "100k"), ("predict", "150k")])
@pytest.mark.slow
def test_a_full_disk_is_reported_and_the_same_command_goes_on(command, size, many, run_folder, disk, tmp_path, capsys):
    out = disk(f"size={size}") / "out"
    assert main(words(command, many, run_folder, out)) == 1
    error = capsys.readouterr().err
    assert "(No space left on device)" in error and str(out) in error and "Traceback" not in error
    assert not list(out.rglob(".part-*"))
    disk("size=50m")
    assert main(words(command, many, run_folder, out)) == 0
    whole = tmp_path / "whole"
    assert main(words(command, many, run_folder, whole)) == 0
    left = files(out)
    assert left.keys() == files(whole).keys()
    same = {name for name, data in files(whole).items() if left[name].replace(bytes(out), bytes(whole)) == data}
    assert {name for name in left if name.endswith((".png", ".jpg", ".csv"))} <= same


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_state_of_a_training(many, run_folder, disk, tmp_path, capsys):
    """The first epoch's files fit, 17 and 51 MB; the second one's state does not, beside the one that it replaces."""
    out = disk("size=100m") / "out"
    assert main(words("train", many, run_folder, out)) == 1
    error = capsys.readouterr().err
    assert f"{out}/last.pt: cannot be written (No space left on device)" in error
    assert len(read_state(out / "last.pt")["history"]) == 1 and read_weights(out)[1]["epoch"] in (1, 2)
    disk("size=300m")
    assert main(words("train", many, run_folder, out)) == 0
    assert main(words("train", many, run_folder, tmp_path / "whole")) == 0
    assert (out / "best_model.safetensors").stat().st_size == (tmp_path / "whole/best_model.safetensors").stat().st_size
    states = [read_state(folder / "last.pt")["network"] for folder in (out, tmp_path / "whole")]
    assert all((states[0][name] == states[1][name]).all() for name in states[0])


LOCKING = ["prepare", "train", "test", "evaluate", "report", "ablation"]


@pytest.mark.parametrize("command", [*LOCKING, "predict"])
def test_a_folder_that_cannot_be_written_to_is_reported_first(command, spoilt, run_folder, request, tmp_path, capsys):
    if os.geteuid():
        out, reason = tmp_path / "out", "Permission denied"
        out.mkdir(0o500)
    else:  # root may write whatever a folder's mode says
        disk, reason = request.getfixturevalue("disk"), "Read-only file system"
        out = disk("size=1m")
        disk("ro")
    for folder in (out, out / "new"):
        assert main(words(command, spoilt, run_folder, folder)) == 1
        error = capsys.readouterr().err
        assert error.strip().splitlines()[-1] == (
            f"error: {folder}: cannot be written to ({reason}); choose another folder"
        )


@pytest.mark.parametrize("command", LOCKING)
def test_two_runs_in_one_folder_are_refused_before_any_work(command, spoilt, run_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ran.utils.files.LOCK_SECONDS", 0)
    with locked(tmp_path):
        assert main(words(command, spoilt, run_folder, tmp_path)) == 1
    error = capsys.readouterr().err
    assert f"error: {tmp_path}: another run is writing there; wait for its end" in error
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["evaluate", "test"])
def test_scores_that_no_file_has_room_for_are_printed(command, many, run_folder, disk, tmp_path, capsys):
    out, line = disk("size=8k") / "out", [*words(command, many, run_folder, tmp_path / "whole")]
    if command == "test":
        line += ["--save_map", "False", "--report", "False"]
    assert main([str(out) if word == str(tmp_path / "whole") else word for word in line]) == 1
    full = capsys.readouterr()
    assert "(No space left on device)" in full.err and "Traceback" not in full.err
    assert main(line) == 0
    table = re.search(r"^method +MAE ↓ .*\n.*\.\d{4}.*\n", full.out, re.MULTILINE)
    assert table and table[0] in capsys.readouterr().out


def test_a_source_that_vanishes_is_named(many, run_folder, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "many"
    shutil.copytree(many, copy)
    victim = copy / "dataset/SAMPLE/Test/images/020.jpg"

    def vanishing(module, function, *files):
        """Deletes the files when the function, which finds them, has returned."""
        known = getattr(module, function)

        def found(*args):
            result = known(*args)
            for file in files:
                file.unlink()
            return result

        monkeypatch.setattr(module, function, found)

    def error(command: str) -> str:
        assert main(words(command, copy, run_folder, tmp_path / command)) == 1
        return capsys.readouterr().err

    vanishing(prepare, "verify", victim)
    assert f"'{victim}'" in error("prepare")
    shutil.copy(many / "dataset/SAMPLE/Test/images/020.jpg", victim)
    vanishing(predict, "find_images", victim)
    assert f"1 image(s) failed:\n  {victim}: not a readable image" in error("predict")
    assert (tmp_path / "predict/019.png").exists() and not (tmp_path / "predict/020.png").exists()
    shutil.copy(many / "dataset/SAMPLE/Test/images/020.jpg", victim)
    vanishing(tester, "sets_to_score", victim)
    assert f"error: 1 file(s) cannot be used:\n  {victim}: not a readable image" in error("test")
    assert not (tmp_path / "test/scores.json").exists()
    training = copy / "dataset/Train/SAMPLE/masks/003.png"
    vanishing(training_data, "find_sets", training)
    assert f"error: 1 file(s) cannot be used:\n  {training}: not a readable image" in error("train")
