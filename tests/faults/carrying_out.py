"""Commands carried out on bad and odd files in this process, by main.main, as typed."""

import contextlib
import io
from functools import cache
from pathlib import Path

import pytest

import main
from ran import predictor, trainer
from ran.model import RAN
from ran.training_setup import TrainingData
from tests.faults.making import JPEG_PLAIN, MAP, MASK_PNG, encoded

GOOD = ("good_1", "good_2")
loaded = cache(predictor.load_model)
fresh = cache(lambda: RAN(arch="resnet18", encoder_norm="group"))


def run(*words) -> tuple[int, str, str]:
    """Exit status, output and errors of a command; streams that take a name's bytes as those of a terminal do."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", "strict")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main.main(list(map(str, words)))
    texts = []
    for stream in (out, err):
        stream.flush()
        # What a progress bar wrote is overwritten by what follows on its line.
        texts.append("\n".join(line.rsplit("\r", 1)[-1] for line in stream.buffer.getvalue().decode().split("\n")))
        assert "Traceback" not in texts[-1]
    return status, *texts


def pairs_at(images: Path, masks: Path) -> None:
    """Two good pairs."""
    for folder in (images, masks):
        folder.mkdir(parents=True)
    for name in GOOD:
        (images / f"{name}.jpg").write_bytes(JPEG_PLAIN)
        (masks / f"{name}.png").write_bytes(MASK_PNG)


def place(room: Path, command: str) -> tuple[Path, Path]:
    """Where a command looks for photographs and masks."""
    root = {"train": room / "data/Train/SET", "test": room / "data/SET/Test", "evaluate": room / "data/SET/Test"}
    folder = root.get(command, room / "source")
    return folder / "images", folder / "masks"


def maps_for(folder: Path, stems) -> None:
    folder.mkdir(exist_ok=True)
    for stem in stems:
        (folder / f"{stem}.png").write_bytes(encoded(MAP, "PNG"))


def carry_out(command: str, room: Path, weights: Path) -> tuple[int, str, str, set[str]]:
    """Runs a command on what lies at its place: exit status, output, errors, and the stems that it dealt with."""
    images, masks = place(room, command)
    out = room / "out"
    if command == "prepare":
        result = run("prepare", "--images", images, "--masks", masks, "--dataset", "SET", "--white", "in_focus",
                     "--split", "train", "--data_path", out)  # fmt: skip
        done = out.glob("Train/SET/masks/*")
        assert {path.stem for path in out.glob("Train/SET/contour/*")} == {path.stem for path in done}
        for copy in out.glob("Train/SET/images/*"):
            assert copy.read_bytes() == (images / copy.name).read_bytes()
        return *result, {path.stem for path in out.glob("Train/SET/masks/*")}
    if command == "train":
        read = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer, "TrainingData", lambda config: read.append(TrainingData(config)) or read[-1])
            result = run("train", "--data_path", room / "data", "--model_path", out, "--arch", "resnet18",
                         "--pretrained", "none", "--img_size", "64", "--epochs", "1", "--val_share", "0.34",
                         "--num_workers", "0", "--device", "cpu")  # fmt: skip
        assert not out.exists() or result[0] == 0
        if result[0]:
            return *result, set()
        loaders = (read[-1].train_loader, read[-1].val_loader)
        return *result, {pair.stem for loader in loaders for pair in loader.dataset.pairs}
    if command == "test":
        result = run("test", "--data_path", room / "data", "--model_path", weights, "--output", out, "--report",
                     "False", "--save_map", "True", "--num_workers", "0", "--device", "cpu")  # fmt: skip
        assert (out / "scores.json").exists() == (result[0] == 0)
        return *result, {path.stem for path in out.glob("maps/SET/*")}
    assert command == "evaluate"
    result = run("evaluate", "--data_path", room / "data", "--maps", f"OURS={room / 'maps'}", "--output", out)
    assert (out / "scores.json").exists() == (result[0] == 0)
    scored = (out / "scores.csv").read_text().splitlines()[1:] if result[0] == 0 else []
    return *result, {line.split(",")[2] for line in scored}
