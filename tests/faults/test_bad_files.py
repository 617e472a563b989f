"""Every kind of bad or odd file through every command that it concerns, as docs/errors.md says.

The commands run in this process, by main.main: what is checked is the exit status and what stands on the terminal. Two
parts are put in the place of slow ones: weights are loaded once, and a training ends when its samples of an epoch are
read and augmented (decoding is done when the Trainer is made).
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ran import tester, trainer
from ran.evaluation.metrics import COLUMNS
from ran.imaging.contour import contour_band
from ran.imaging.masks import read_mask
from ran.imaging.pictures import read_image
from ran.imaging.writing import write_image
from tests.faults import corpus
from tests.faults.carrying_out import GOOD, carry_out, fresh, loaded, maps_for, pairs_at, place
from tests.faults.depths import PHOTOGRAPHS
from tests.faults.folders import FOLDERS, PAIRED
from tests.faults.kinds import CONTOURS, LAST_ROW, MAPS, MASK_SETS, MASKS
from tests.faults.making import JPEG_PLAIN, MASK, MASK_PNG, encoded


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No weights read twice, no network made twice, no training step; a small network is quickest in one thread."""
    # imageio, by which scikit-image reads its pictures for the fixtures, makes Pillow read HEIC in this process.
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(tester, "load_model", loaded)
    monkeypatch.setattr("ran.training_setup.Start.network", lambda self: fresh())
    monkeypatch.setattr(trainer.Trainer, "train", lambda self: [*self.data.train_loader, *self.data.val_loader] and 0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def room(tmp_path) -> Path:
    """A folder that every test leaves without half-written files."""
    yield tmp_path
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".part-")]


def cases(kinds, commands=corpus.COMMANDS) -> list:
    pairs = [(one, command) for one in kinds for command in commands if one.in_command(command)]
    return [pytest.param(one, command, id=f"{one.kind}-{command}") for one, command in pairs]


def check_refused(status: int, error: str, outcome: str, name: str) -> None:
    """One sentence, with the reason, of one file, and an exit status of 1."""
    assert status == 1
    lines = [line for line in error.splitlines() if name in line]
    assert len(lines) == 1 and corpus.matches(outcome, lines[0]), error
    assert not [good for good in GOOD if good in error and good != name], error
    assert error.startswith("error: ")


@pytest.mark.parametrize("one", [*PHOTOGRAPHS, *MASKS], ids=lambda one: one.kind)
def test_what_is_read_is_what_the_page_says(one, tmp_path):
    (tmp_path / one.name).write_bytes(one.content)
    if one.outcome.startswith("read"):
        said: list[str] = []
        values = read_mask(tmp_path / one.name) if one in MASKS else read_image(tmp_path / one.name, said.append)
        assert bool(said) == ("warning" in one.outcome)
        assert values.dtype == np.uint8 and values.shape == one.pixels.shape
        assert np.abs(values.astype(int) - one.pixels).mean() <= one.tolerance


@pytest.mark.parametrize("one, command", cases(PHOTOGRAPHS, PAIRED))
def test_photographs(one, command, room, run_folder):
    images, masks = place(room, command)
    pairs_at(images, masks)
    (images / one.name).write_bytes(one.content)
    stem = Path(one.name).stem
    (masks / f"{stem}.png").write_bytes(encoded(np.resize(MASK, one.pixels.shape[:2]), "PNG"))
    status, _, error, done = carry_out(command, room, run_folder)
    if (outcome := one.in_command(command)).startswith("read"):
        assert status == 0 and done == {*GOOD, stem}, error
        if command == "test":
            assert read_image(room / "out/maps/SET/odd.png").shape == one.pixels.shape
    else:
        check_refused(status, error, outcome, one.name)
        assert not done


@pytest.mark.parametrize("one, command", cases(MASKS, (*PAIRED, "evaluate")))
def test_masks(one, command, room, run_folder):
    images, masks = place(room, command)
    pairs_at(images, masks)
    stem = Path(one.name).stem
    (masks / one.name).write_bytes(one.content)
    (images / f"{stem}.jpg").write_bytes(JPEG_PLAIN)
    maps_for(room / "maps", (*GOOD, stem))
    status, output, error, done = carry_out(command, room, run_folder)
    if (outcome := one.in_command(command)).startswith("read"):
        assert status == 0 and done == {*GOOD, stem}, error
        if command == "prepare":
            written = read_image(room / f"out/Train/SET/masks/{stem}.png")[..., 0]
            assert np.abs(written.astype(int) - one.pixels).mean() <= one.tolerance
        assert ("resized" not in outcome) or f"{stem}.png: 96 x 64 to" in output
    else:
        check_refused(status, error, outcome, "bad.jpg" if "its mask" in outcome else one.name)
        assert not done


@pytest.mark.parametrize("command", [*PAIRED, "evaluate"])
@pytest.mark.parametrize("kind", MASK_SETS)
def test_sets_of_odd_masks(kind, command, room, run_folder):
    mask, warnings = MASK_SETS[kind]
    images, masks = place(room, command)
    pairs_at(images, masks)
    (images / "odd.jpg").write_bytes(JPEG_PLAIN)
    for stem in (*GOOD, "odd"):
        (masks / f"{stem}.png").write_bytes(encoded(mask, "PNG"))
    maps_for(room / "maps", (*GOOD, "odd"))
    status, output, error, done = carry_out(command, room, run_folder)
    assert status == 0 and done == {*GOOD, "odd"}, error
    assert warnings[command] in output


@pytest.mark.parametrize("kind", CONTOURS)
def test_contours(kind, room, run_folder):
    content, outcome = CONTOURS[kind]
    images, masks = place(room, "train")
    pairs_at(images, masks)
    (images / "odd.jpg").write_bytes(JPEG_PLAIN)
    (masks / "odd.png").write_bytes(MASK_PNG)
    for name in GOOD:
        write_image(masks.with_name("contour") / f"{name}.png", contour_band(MASK))
    if content is not None:
        (masks.with_name("contour") / "odd.png").write_bytes(content)
    status, output, error, done = carry_out("train", room, run_folder)
    if outcome.startswith("read"):
        assert status == 0 and done == {*GOOD, "odd"}, error
        assert outcome.split('"')[1] in output and "contour/odd.png" in output
    else:
        check_refused(status, error, outcome, "odd.jpg" if content is None else "contour/odd.png")


@pytest.mark.parametrize("one, command", cases(MAPS, ("evaluate",)))
def test_maps(one, command, room, run_folder):
    images, masks = place(room, command)
    pairs_at(images, masks)
    stem = Path(one.name).stem
    (images / f"{stem}.jpg").write_bytes(JPEG_PLAIN)
    (masks / f"{stem}.png").write_bytes(MASK_PNG)
    maps_for(room / "maps", GOOD)
    (room / "maps" / one.name).write_bytes(one.content)
    status, output, error, done = carry_out(command, room, run_folder)
    if (outcome := one.in_command(command)).startswith("read"):
        assert status == 0 and done == {*GOOD, stem}, error
        assert ("resized" not in outcome) or f"{stem}.png" in output
    else:
        check_refused(status, error, outcome, one.name)


@pytest.mark.parametrize("one, command", cases(FOLDERS))
def test_names_and_folders(one, command, room, run_folder):
    images, masks = place(room, command)
    pairs_at(images, masks)
    one.arrange(images, masks)
    outcome = one.in_command(command)
    maps_for(room / "maps", {path.stem for path in masks.iterdir()})
    status, _, error, done = carry_out(command, room, run_folder)
    if outcome.startswith("refused"):
        check_refused(status, error, outcome, one.named[0])
        return
    assert status == 0, error
    assert done == {*GOOD, *(one.named if outcome.startswith("read") else ())}


def test_the_page_is_that_of_these_kinds():
    assert corpus.PAGE.read_text(encoding="utf-8") == corpus.page()
    kinds = [one.kind for one in (*PHOTOGRAPHS, *MASKS, *MAPS, *FOLDERS)] + [*MASK_SETS, *CONTOURS]
    assert len(kinds) == len(set(kinds)) >= 65


def test_the_scores_of_a_set_with_odd_pictures_can_be_read(room, run_folder):
    images, masks = place(room, "test")
    pairs_at(images, masks)
    for one in PHOTOGRAPHS:
        if one.kind in ("1 x 1", "1 row of 3840", "1 column of 3840"):
            (images / f"{one.kind}.png").write_bytes(one.content)
            (masks / f"{one.kind}.png").write_bytes(encoded(np.resize(MASK, one.pixels.shape[:2]), "PNG"))
    (masks / "good_1.png").write_bytes(encoded(LAST_ROW, "PNG"))
    assert carry_out("test", room, run_folder)[0] == 0
    totals = json.loads((room / "out/scores.json").read_text())["scores"][0]["totals"]
    assert totals["images"] == 5 and all(0 <= totals[key] <= 1 for key in COLUMNS)
