"""A bad file among good ones: a command ends with exit status 1 and one sentence that names it, and writes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from main import main
from ran.evaluation.metrics import COLUMNS
from tests import processes
from tests.faults.making import COLUMN, JPEG_PLAIN, LINE, MAP, MASK, PICTURE, encoded
from tests.small import TINY

LIMIT = 30  # seconds in which a command has ended that found the file
COMMANDS = ("prepare", "train", "test", "evaluate")
GOOD = {"good_1": 255 - PICTURE, "good_2": PICTURE // 2}  # no twins
THREE = np.where(MASK == 0, np.arange(96) // 60, 2).astype(np.uint8)
WORKERS = ["--num_workers", "2", "--device", "cpu"]


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """The process that the others are forked from has imported torch, which no limit is for."""
    processes.run(tmp_path_factory.mktemp("first"), "--version")


@pytest.fixture
def room(tmp_path) -> Path:
    """A folder that every test leaves without half-written files."""
    yield tmp_path
    assert not list(tmp_path.rglob(".part-*"))


def arrange(command: str, room: Path, **more: np.ndarray) -> Path:
    """Good pairs, and more images by their stems, where a command looks for them, with maps; their folder."""
    folder = {"prepare": room / "source", "train": room / "data/Train/SET"}.get(command, room / "data/SET/Test")
    for part in (folder / "images", folder / "masks", room / "maps"):
        part.mkdir(parents=True)
    for stem, values in (GOOD | more).items():
        (folder / f"images/{stem}.jpg").write_bytes(encoded(values, "JPEG", quality=95))
        for part, levels in ((folder / "masks", MASK), (room / "maps", MAP)):
            (part / f"{stem}.png").write_bytes(encoded(np.resize(levels, values.shape[:2]), "PNG"))
    return folder


def words(command: str, room: Path, weights: Path) -> list[str]:
    out, data = ["--output", room / "out"], ["--data_path", room / "data"]
    options = {
        "prepare": ["--images", room / "source/images", "--masks", room / "source/masks", "--dataset", "SET",
                    "--white", "in_focus", "--split", "train", "--data_path", room / "out"],
        "train": [*data, "--model_path", room / "out", "--arch", TINY, "--pretrained", "none", "--img_size", "64",
                  "--epochs", "1", "--val_share", "0.34", "--cache_mb", "0", *WORKERS],
        "test": [*data, "--model_path", weights, *out, "--report", "False", "--save_map", "True", *WORKERS],
        "evaluate": [*data, "--maps", f"a={room / 'maps'}", *out],
    }[command]  # fmt: skip
    return [command, *map(str, options)]


def subfolder(image: Path, mask: Path) -> None:
    image.unlink()
    mask.unlink()
    (image.parent / "more").mkdir()
    (image.parent / "more/bad.jpg").write_bytes(JPEG_PLAIN)


def pipe(image: Path, mask: Path) -> None:
    image.unlink()
    os.mkfifo(image)


UNREADABLE, NOT_UTF_8 = "not a readable image (", "bad\udce9"
KINDS = {  # what becomes of the third pair, what the sentence names and says, and which commands it concerns
    "truncated JPEG": (lambda image, _: image.write_bytes(JPEG_PLAIN[:-300]), "bad.jpg", UNREADABLE, COMMANDS),
    "text": (lambda image, _: image.write_text("no image\n"), "bad.jpg", f"{UNREADABLE}damaged, or none of", COMMANDS),
    "name that is not UTF-8": (lambda image, _: image.write_text("no image\n"), "bad?.jpg", UNREADABLE, COMMANDS),
    "pipe": (pipe, "bad.jpg", f"{UNREADABLE}a folder, a pipe or the like)", COMMANDS),
    "subfolder": (subfolder, "images/more", "a folder among the images", COMMANDS),
    "mask of three labels": (lambda _, mask: mask.write_bytes(encoded(THREE, "PNG")), "bad.png",
                             f"{UNREADABLE}levels 0, 1, 2: not two classes", COMMANDS),
    "mask of another size": (lambda _, mask: mask.write_bytes(encoded(MASK[:32, :48], "PNG")), "bad.jpg",
                             "is 96 x 64, its mask 48 x 32", COMMANDS[:3]),  # evaluate has maps to fit to masks
    "missing partner": (lambda _, mask: mask.unlink(), "bad.jpg", "no partner in", COMMANDS[:3]),
}  # fmt: skip


def check(status: int, error: str, name: str, sentence: str) -> None:
    assert status == 1 and "Traceback" not in error and error.startswith("error: "), error
    (line,) = (line for line in error.splitlines() if name in line)
    assert sentence in line and not [good for good in GOOD if good in error], error


@pytest.mark.parametrize("kind, command", [(kind, command) for kind in KINDS for command in KINDS[kind][-1]])
def test_it_is_named(kind, command, room, run_folder):
    harm, name, sentence, _ = KINDS[kind]
    stem = NOT_UTF_8 if "UTF" in kind else "bad"
    folder = arrange(command, room, **{stem: PICTURE})
    harm(folder / f"images/{stem}.jpg", folder / f"masks/{stem}.png")
    job = processes.Job(room / "said", *words(command, room, run_folder))
    check(job.wait(LIMIT), job.stderr, name, sentence)
    assert not (room / "out").exists() or not any((room / "out").iterdir())


BLIND = """import sys
from pathlib import Path
import main, tests.small
import ran.{module} as module
module.look = lambda pairs: []
Path(sys.argv[1]).touch()
sys.exit(main.main(sys.argv[2:]))"""


@pytest.mark.parametrize("command, module", [("train", "training_data"), ("test", "tester")])
@pytest.mark.slow
def test_a_loader_process_that_meets_it_ends_with_its_command(command, module, room, run_folder):
    """As where a file is damaged after the look at the start."""
    folder = arrange(command, room, bad=PICTURE)
    (folder / "images/bad.jpg").write_bytes(JPEG_PLAIN[:-300])
    call = [sys.executable, "-c", BLIND.format(module=module), room / "begun", *words(command, room, run_folder)]
    process = subprocess.Popen(call, cwd=processes.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    processes.until(process, (room / "begun").exists)
    _, error = process.communicate(timeout=LIMIT)
    check(process.returncode, error, "bad.jpg", UNREADABLE)
    assert not (room / "out/scores.json").exists() and not (room / "out/best_model.safetensors").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_odd_names_and_sizes_are_no_fault(command, room, run_folder):
    sizes = {"1 x 1": PICTURE[:1, :1], "1 row of 3840": LINE, "1 column of 3840": COLUMN} if command == "test" else {}
    arrange(command, room, **{NOT_UTF_8: PICTURE, "日本 [1]*?{}%s": PICTURE // 3 + 99}, **sizes)
    assert main(words(command, room, run_folder)) == 0
    if command in ("test", "evaluate"):
        totals = json.loads((room / "out/scores.json").read_text())["scores"][0]["totals"]
        assert totals["images"] == 4 + len(sizes)
        assert all(0 <= totals[key] < 1.001 for key in COLUMNS)  # the library's E divides by one pixel less
