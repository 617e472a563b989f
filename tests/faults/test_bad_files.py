"""Every kind of bad or odd file through every command that it concerns, as docs/errors.md says.

The commands run in this process, by main.main: what is checked is the exit status and what stands on the terminal. Two
parts are put in the place of slow ones: weights are loaded once, and a training ends when its samples of an epoch are
read and augmented (decoding is done when the Trainer is made).
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ran import predictor, tester, trainer
from ran.evaluation.metrics import COLUMNS
from ran.imaging.contour import contour_band
from ran.imaging.masks import read_mask
from ran.imaging.pictures import read_image
from ran.imaging.writing import write_png
from ran.tools.serve import session as serve
from ran.utils.photograph_options import ServeOptions
from tests.faults import corpus
from tests.faults.carrying_out import GOOD, at_the_desk, carry_out, fresh, loaded, maps_for, pairs_at, place, run
from tests.faults.depths import PHOTOGRAPHS
from tests.faults.folders import FOLDERS, PAIRED
from tests.faults.kinds import CONTOURS, LAST_ROW, MAPS, MASK_SETS, MASKS
from tests.faults.making import JPEG_PLAIN, MASK, MASK_PNG, encoded


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No weights read twice, no network made twice, no training step; a small network is quickest in one thread."""
    monkeypatch.setitem(sys.modules, "rawpy", None)  # tests/imaging/test_raw.py has it
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for module in (predictor, tester):
        monkeypatch.setattr(module, "load_model", loaded)
    monkeypatch.setattr("ran.training_setup.Start.network", lambda self: fresh())
    monkeypatch.setattr(trainer.Trainer, "train", lambda self: [*self.data.train_loader, *self.data.val_loader] and 0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def room(tmp_path) -> Path:
    """A folder that every test leaves without half-written files."""
    yield tmp_path
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".part-")]


@pytest.fixture(scope="module")
def session(run_folder, tmp_path_factory) -> serve.Session:
    """What serve's page calls."""
    return serve.Session(loaded(str(run_folder), "cpu"), tmp_path_factory.mktemp("session"), ServeOptions())


def cases(kinds, commands=corpus.COMMANDS) -> list:
    pairs = [(one, command) for one in kinds for command in commands if one.in_command(command)]
    return [pytest.param(one, command, id=f"{one.kind}-{command}") for one, command in pairs]


def check_refused(command: str, status: int, error: str, outcome: str, name: str) -> None:
    """One sentence, with the reason, of one file, and an exit status of 1."""
    assert status == 1
    lines = [line for line in error.splitlines() if name in line]
    assert len(lines) == 1 and corpus.matches(outcome, lines[0]), error
    assert not [good for good in GOOD if good in error and good != name], error
    assert ("1 picture(s) failed:" in error) if command == "predict" else error.startswith("error: ")


@pytest.mark.parametrize("one", [*PHOTOGRAPHS, *MASKS], ids=lambda one: one.kind)
def test_what_is_read_is_what_the_page_says(one, tmp_path):
    (tmp_path / one.name).write_bytes(one.content)
    if one.outcome.startswith("read"):
        values = read_mask(tmp_path / one.name) if one in MASKS else read_image(tmp_path / one.name)
        assert values.dtype == np.uint8 and values.shape == one.pixels.shape
        assert np.abs(values.astype(int) - one.pixels).mean() <= one.tolerance


@pytest.mark.parametrize("one, command", cases(PHOTOGRAPHS, ("prepare", "train", "test", "predict")))
def test_photographs(one, command, room, run_folder):
    images, masks = place(room, command)
    pairs_at(images, masks)
    (images / one.name).write_bytes(one.content)
    stem = Path(one.name).stem
    (masks / f"{stem}.png").write_bytes(encoded(np.resize(MASK, one.pixels.shape[:2]), "PNG"))
    status, _, error, done = carry_out(command, room, run_folder)
    if (outcome := one.in_command(command)).startswith("read"):
        assert status == 0 and done == {*GOOD, stem}, error
        if command in ("predict", "test"):
            made = room / ("out/odd.png" if command == "predict" else "out/maps/SET/odd.png")
            assert read_image(made).shape == one.pixels.shape
    else:
        check_refused(command, status, error, outcome, one.name)
        assert done == (set(GOOD) if command == "predict" else set())


@pytest.mark.parametrize("one, command", cases(PHOTOGRAPHS, ("serve",)))
def test_uploads(one, command, room, session):
    (room / one.name).write_bytes(one.content)
    (room / "good.jpg").write_bytes(JPEG_PLAIN)
    said = at_the_desk(session, [room / one.name, room / "good.jpg"])
    assert not said["good.jpg"]
    if (outcome := one.in_command(command)).startswith("read"):
        assert not said[one.name]
    else:
        assert corpus.matches(outcome, said[one.name]) and said[one.name].startswith(f"{one.name}: ")
        assert str(room) not in said[one.name]


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
        check_refused(command, status, error, outcome, "bad.jpg" if "its mask" in outcome else one.name)
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
        write_png(masks.with_name("contour") / f"{name}.png", contour_band(MASK))
    if content is not None:
        (masks.with_name("contour") / "odd.png").write_bytes(content)
    status, output, error, done = carry_out("train", room, run_folder)
    if outcome.startswith("read"):
        assert status == 0 and done == {*GOOD, "odd"}, error
        assert outcome.split('"')[1] in output and "contour/odd.png" in output
    else:
        check_refused("train", status, error, outcome, "odd.jpg" if content is None else "contour/odd.png")


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
        check_refused(command, status, error, outcome, one.name)


def lies_in(folder: Path) -> list[Path]:
    return sorted(folder / os.fsdecode(name) for name in os.listdir(os.fsencode(folder)))


@pytest.mark.parametrize("one, command", cases(FOLDERS))
def test_names_and_folders(one, command, room, run_folder, session):
    images, masks = place(room, command)
    pairs_at(images, masks)
    one.arrange(images, masks)
    outcome = one.in_command(command)
    if command == "serve":
        said = at_the_desk(session, lies_in(images))
        sentences = [sentence for sentence in said.values() if sentence]
        assert all(sentence.startswith(one.named[0]) for sentence in sentences)
        assert [True] * len(sentences) == [corpus.matches(outcome, sentence) for sentence in sentences]
        assert bool(sentences) == outcome.startswith("refused")
        return
    maps_for(room / "maps", {path.stem for path in masks.iterdir()})
    status, _, error, done = carry_out(command, room, run_folder, one.renderings)
    if outcome.startswith("refused"):
        check_refused(command, status, error, outcome, one.named[0])
        return
    assert status == 0, error
    new = {
        "read: itself": set(one.named), "read: both": {"good_1.jpg", "good_1.bmp", "good_2"},
        "read: the pictures in it": {"album.jpg/in it"}, "left": set(),
    }[outcome if outcome.startswith("read") else "left"]  # fmt: skip
    if command == "predict" and one.kind == "names that differ in case only":
        new = {"photo.jpg", "Photo.jpg"}
    assert done == (new if outcome == "read: both" else {*GOOD, *new})


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


def test_a_lost_link_of_a_pattern_is_named_and_one_for_the_results_too(room, run_folder):
    pairs_at(images := room / "images", room / "masks")
    (images / "lost.jpg").symlink_to("nowhere.jpg")
    words = ("predict", f"{images}/*.jpg", "--model_path", run_folder, "--device", "cpu", "--output")
    status, _, error = run(*words, room / "out")
    assert status == 1 and "1 picture(s) failed" in error and "lost.jpg: not a readable picture" in error
    (room / "loop").symlink_to("loop")
    status, _, error = run(*words, room / "loop")
    assert status == 1 and error.startswith("error: ") and "loop: cannot be written to" in error
