"""predict: what is written, what is skipped, made anew or removed, and what fails in which words."""

import csv
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ran import main
from ran.data.images import read_image, write_image
from ran.data.masks import read_map
from ran.data.resizing import quantised
from ran.photos import predict
from ran.photos.options import PredictOptions
from ran.photos.renderings import render
from ran.predictor import TorchPredictor, load_model
from ran.tools.sample import photograph
from tests import processes
from tests.faults.making import EXIF

NAMES = ("a", "b", "day 2/ä")
LATER = (2e9, 2e9)  # than all results: in 2033


@pytest.fixture
def shoot(tmp_path) -> Path:
    folder = tmp_path / "shoot"
    for number, name in enumerate(NAMES):
        write_image(folder / f"{name}.png", photograph("coffee")[40 * number :, : 300 + 50 * number])
    Image.open(folder / "b.png").save(folder / "b.png", exif=EXIF)
    return folder


@pytest.fixture
def options(shoot, run_folder, tmp_path) -> PredictOptions:
    return PredictOptions(paths=[str(shoot)], output=str(tmp_path / "out"), model_path=str(run_folder), device="cpu")


def files(*ends: str) -> set[str]:
    return {name + end for name in NAMES for end in ends}


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.suffix != ".lock"}


def rows(folder: Path) -> dict[str, dict]:
    lines = (folder / "focus.csv").read_text("utf-8-sig").splitlines()
    return {row["name"]: row for row in csv.DictReader(lines)}


def test_maps_renderings_and_table(options, run_folder, shoot, tmp_path, capsys, monkeypatch):
    options.overlay = options.cutout = options.bokeh = True
    options.table, out, predictor = "csv", tmp_path / "out", load_model(run_folder, "cpu")
    assert predict.run(options) == 0
    assert written(out) == files(".png", ".overlay.jpg", ".cutout.png", ".bokeh.jpg") | {"focus.csv"}
    assert f"weights: {run_folder}\n" in capsys.readouterr().out
    for name in NAMES:
        assert np.array_equal(read_map(out / f"{name}.png"), quantised(predictor(shoot / f"{name}.png")))
    assert Image.open(out / "b.cutout.png").getexif()[0x010F] == EXIF[0x010F]
    assert (out / "focus.csv").read_bytes().startswith("\ufeffname,image,".encode())  # Excel knows UTF-8 by that
    row = rows(out)["day 2/ä"]
    assert row["image"] == str(shoot / "day 2/ä.png") and (row["width"], row["height"]) == ("400", "320")
    assert float(row["in_focus"]) == pytest.approx((read_map(out / "day 2/ä.png") >= 128).mean(), abs=0.01)
    options.table, options.tile, options.overwrite, options.blur, blurs = "json", 100, True, 9, []
    monkeypatch.setattr(predict, "render", lambda *words: blurs.append(words[3]) or render(*words))
    assert predict.run(options) == 0
    assert [row["name"] for row in json.loads((out / "focus.json").read_text())] == [*NAMES]
    assert np.array_equal(read_map(out / "a.png"), quantised(predictor(shoot / "a.png", tile=100))) and {*blurs} == {9}


def test_what_is_newer_than_its_image_is_skipped_and_nothing_of_an_earlier_one_stays(options, shoot, tmp_path, capsys):
    out, steps = tmp_path / "out", ({}, {}, {"overwrite": True}, {"table": "csv"}, {"cutout": True}, {"overlay": True})
    for change, count in zip(steps, (3, 0, 3, 3, 3, 3)):
        assert predict.run(PredictOptions(**vars(options) | change)) == 0
        said, warned = capsys.readouterr()
        assert f"\n{count} image(s) in " in said and (": their results are newer" in said) == (count == 0)
    assert written(out) == files(".png", ".overlay.jpg") | {"focus.csv"} and "a.cutout.png: removed, it was o" in warned
    write_image(shoot / "a.png", photograph("chelsea")[:200, :310])
    os.utime(shoot / "a.png", LATER)
    options.paths, options.overlay = [str(shoot / "a.png")], True
    predict.run(options)
    assert read_image(out / "a.overlay.jpg").shape == (200, 310, 3)
    assert set(rows(out)) == set(NAMES) and rows(out)["a"]["height"] == "200"


def test_a_run_that_stops_leaves_no_stale_row(options, shoot, tmp_path, monkeypatch):
    """Old rows go before the first map: a kill leaves none. Ctrl-C keeps the rows of what was done."""
    options.table, seen = "csv", []
    predict.run(options)
    for name in "ab":
        os.utime(shoot / f"{name}.png", LATER)

    def stopping(predictor, image, **_):
        seen.append(set(rows(tmp_path / "out")))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return np.zeros(image.shape[:2], np.uint8)

    monkeypatch.setattr(TorchPredictor, "levels", stopping)
    assert main.guarded(lambda: predict.run(options)) == 130
    assert seen[0] == {"day 2/ä"} and set(rows(tmp_path / "out")) == {"a", "day 2/ä"}
    assert not list(tmp_path.rglob(".part-*"))


def test_broken_files_are_named_at_the_end_and_the_rest_is_done(options, shoot, tmp_path, capfd):
    (shoot / "cut.png").write_bytes((shoot / "b.png").read_bytes()[:9000])
    (shoot / "link.jpg").symlink_to(shoot / "nowhere.jpg")
    Image.new("1", (20000, 20000)).save(shoot / "bomb.png")
    Image.new("RGB", (66000, 8)).save(shoot / "long.png")
    options.quiet = options.overlay = True  # warnings and errors alone
    assert predict.run(options) == 1
    out, error = capfd.readouterr()
    assert not out and error.startswith(f"warning: {shoot}/long.png: 66000 x 8 is very elongated")
    parts = ["\n4 image(s) failed:\n", "make it smaller", "long.png: long.overlay.jpg: JPEG holds at most 65500"]
    parts += [f"{shoot / name}: not a readable" for name in ("cut.png", "link.jpg", "bomb.png")]
    assert not [part for part in parts if part not in error]
    assert written(tmp_path / "out") - {"long.png"} == files(".png", ".overlay.jpg")


def test_names_beyond_the_code_page_are_no_error(options, tmp_path, monkeypatch):
    """Windows with redirected output, imitated: what the console cannot show is replaced."""
    monkeypatch.chdir(tmp_path)
    write_image(Path("写真/夕日.png"), photograph("coffee")[:100, :100])
    Path("写真/壊れた.jpg").touch()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True))
    assert main.main(["predict", "写真", "-o", "地図", "--model_path", options.model_path, "--table", "csv"]) == 1
    assert b"/???.jpg:" in sys.stderr.buffer.getvalue()
    assert written(Path("地図")) == {"夕日.png", "focus.csv"} and set(rows(Path("地図"))) == {"夕日"}


@pytest.mark.slow
def test_two_processes_share_the_list_and_the_table(options, shoot, tmp_path):
    words = [processes.ROOT / "main.py", "predict", shoot, "-o", tmp_path / "two", "--model", options.model_path]
    (shoot / "0 broken.png").write_text("no image")  # of the first process, which then waits for the second one
    job = processes.Job(tmp_path / "log", *words, "--device", "cpu", "--table", "csv", torchrun=True)
    assert job.wait() == 1 and "0 broken.png: not a readable image" in job.said, job.said
    assert "2 image(s) in" not in job.said and "1 image(s) in" in job.said  # each has its share
    predict.run(PredictOptions(**vars(options) | {"table": "csv"}))
    assert written(tmp_path / "two") == written(tmp_path / "out")
    assert (tmp_path / "two/focus.csv").read_text() == (tmp_path / "out/focus.csv").read_text()
