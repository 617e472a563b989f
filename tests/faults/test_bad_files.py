"""A bad file among good ones: a command ends with exit status 1 and one sentence that names it, and writes nothing."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from main import main
from ran.evaluation.metrics import COLUMNS
from tests.faults.commands import words
from tests.faults.making import JPEG, MAP, MASK, PICTURE, encoded

COMMANDS = ("prepare", "train", "test", "evaluate")
GOOD = {"good_1": 255 - PICTURE, "good_2": PICTURE // 2}  # no twins
THREE = np.where(MASK == 0, np.arange(96) // 60, 2).astype(np.uint8)
NOT_UTF_8 = "bad\udce9"
UNREADABLE = "not a readable image ("


def arrange(command: str, data: Path, **more: np.ndarray) -> Path:
    """Good pairs, and more images by their stems, where a command looks for them, with maps; their folder."""
    folder = data / ("Train/SAMPLE" if command == "train" else "SAMPLE/Test")
    for part in (folder / "images", folder / "masks", data / "maps"):
        part.mkdir(parents=True)
    for stem, values in (GOOD | more).items():
        (folder / f"images/{stem}.jpg").write_bytes(encoded(values, "JPEG", quality=95))
        for part, levels in ((folder / "masks", MASK), (data / "maps", MAP)):
            (part / f"{stem}.png").write_bytes(encoded(np.resize(levels, values.shape[:2]), "PNG"))
    return folder


KINDS = {  # what becomes of the third pair, what the sentence names and says, and which commands it concerns
    "truncated": (lambda image, _: image.write_bytes(JPEG[:-300]), "bad.jpg", UNREADABLE, COMMANDS),
    NOT_UTF_8: (lambda image, _: image.write_text("no image\n"), "bad?.jpg", UNREADABLE, COMMANDS),
    "pipe": (lambda image, _: image.unlink() or os.mkfifo(image), "bad.jpg", f"{UNREADABLE}a folder, a pipe", COMMANDS),
    "subfolder": (lambda *files: [(file.parent / "more").mkdir() for file in files], "/more",
                  "a folder among the images", COMMANDS),
    "three labels": (lambda _, mask: mask.write_bytes(encoded(THREE, "PNG")), "bad.png",
                     f"{UNREADABLE}levels 0, 1, 2: not two classes", COMMANDS),
    "another size": (lambda _, mask: mask.write_bytes(encoded(MASK[:32, :48], "PNG")), "bad.jpg",
                     "is 96 x 64, its mask 48 x 32", COMMANDS[:3]),  # evaluate has maps to fit to masks
    "no partner": (lambda _, mask: mask.unlink(), "bad.jpg", "no partner in", COMMANDS[:3]),
}  # fmt: skip


@pytest.mark.parametrize("kind, command", [(kind, command) for kind in KINDS for command in KINDS[kind][-1]])
def test_it_is_named(kind, command, tmp_path, run_folder, capfd):
    harm, name, sentence, _ = KINDS[kind]
    stem = kind if kind == NOT_UTF_8 else "bad"
    folder = arrange(command, tmp_path / "data", **{stem: PICTURE})
    harm(folder / f"images/{stem}.jpg", folder / f"masks/{stem}.png")
    status = main(words(command, tmp_path / "data", run_folder, tmp_path / "out", workers=2))
    error = capfd.readouterr().err.encode(errors="replace").decode()
    assert status == 1 and "Traceback" not in error and error.startswith("error: "), error
    (line,) = (line for line in error.splitlines() if name in line)
    assert sentence in line and not [good for good in GOOD if good in error], error
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("command", COMMANDS)
def test_odd_names_and_sizes_are_no_fault(command, tmp_path, run_folder):
    sizes = {"1 x 1": PICTURE[:1, :1], "1 row": PICTURE[:1], "1 column": PICTURE[:, :1]} if command == "test" else {}
    arrange(command, tmp_path / "data", **{NOT_UTF_8: PICTURE, "日本 [1]*?{}%s": PICTURE // 3 + 99}, **sizes)
    assert main(words(command, tmp_path / "data", run_folder, tmp_path / "out")) == 0
    if command in ("test", "evaluate"):
        totals = json.loads((tmp_path / "out/scores.json").read_text())["scores"][0]["totals"]
        assert totals["images"] == 4 + len(sizes)
        assert all(0 <= totals[key] < 1.001 for key in COLUMNS)  # the library's E divides by one pixel less
