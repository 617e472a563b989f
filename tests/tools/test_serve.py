"""serve: its parts on their own; test_serve_page and test_serve_api have the whole."""

import csv
import io
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.writing import write_png
from ran.predictor import load_model
from ran.tools.sample import photograph
from ran.tools.serve import session as serve
from ran.tools.serve import text
from ran.utils.photograph_options import ServeOptions
from tests.serving import PATIENCE, ROOT


def test_uploads_that_cannot_be_used_are_named_without_their_folder(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "small.png")
    assert serve.read_upload(tmp_path / "small.png", 0.0012).shape == (30, 40, 3)
    (tmp_path / "notes.jpg").write_text("no picture")
    whole = io.BytesIO()
    Image.fromarray(photograph("coffee")).save(whole, "jpeg")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:5000])
    for name, message in (
        (
            "small.png",
            "small.png: 40 x 30 are more than 0.001 million pixels, the limit here (--max_megapixels of serve)",
        ),
        ("notes.jpg", "notes.jpg: not a readable picture (cannot identify image file): save it anew as"),
        ("gone.jpg", "gone.jpg: no longer here, after 10 minutes"),
        ("cut.jpg", "cut.jpg: 600 x 400 are more"),
    ):
        with pytest.raises(ValueError) as caught:
            serve.read_upload(tmp_path / name, 0.001)
        assert str(caught.value).startswith(message)
    with pytest.raises(ValueError, match="^cut.jpg: not a readable picture .*truncated"):
        serve.read_upload(tmp_path / "cut.jpg", 50)


def test_doubts_about_an_upload_reach_the_page(run_folder, tmp_path):
    session = serve.Session(load_model(run_folder, "cpu"), tmp_path / "served", ServeOptions())
    path, said = tmp_path / "deep.png", []
    cv2.imwrite(str(path), photograph("coffee").astype(np.uint16) * 16)
    assert list(session.analyse(path, said.append).files) == ["map", "overlay", "cutout", "bokeh"]
    assert len(said) == 1 and said[0].startswith("deep.png: its highest level is") and "--depth 12" in said[0]
    _, (outcome,) = session.batch([path])
    assert outcome.done and outcome.what == f"deep.png; {said[0]}"


def test_what_jpeg_cannot_hold_costs_the_renderings_in_it_alone(tmp_path):
    predictor = SimpleNamespace(levels=lambda picture, size: np.full(picture.shape[:2], 255, np.uint8))
    session = serve.Session(predictor, tmp_path, ServeOptions())
    path, said = tmp_path / "long.png", []
    write_png(path, np.zeros((2, 65_501), np.uint8))
    assert list(session.analyse(path, said.append).files) == ["map", "cutout"]
    assert said == [
        "long.png: 65501 x 2 is a long strip, pressed into a square: --tile 32 of predict would help here",
        "long.png: JPEG holds at most 65500 pixels a side: no overlay, bokeh; the rest is written",
    ]
    archive, (outcome,) = session.batch([path], ["overlay"])
    assert outcome.done and "no overlay" in outcome.what and zipfile.ZipFile(archive).namelist() == ["long.png"]
    with pytest.raises(ValueError, match="JPEG holds at most"):
        session.make("overlay", path)


def test_the_zip_file_holds_what_was_chosen(run_folder, tmp_path):
    session = serve.Session(load_model(run_folder, "cpu"), tmp_path / "served", ServeOptions())
    for name in ("a.jpg", "b.png"):
        Image.fromarray(photograph("coffee")[:60, :90]).save(tmp_path / name)
    (tmp_path / "c.png").write_text("no picture")
    archive, outcomes = session.batch([tmp_path / name for name in ("c.png", "a.jpg", "b.png")], ["bokeh", "csv"])
    with zipfile.ZipFile(archive) as results:
        assert results.namelist() == ["a.png", "a.bokeh.jpg", "b.png", "b.bokeh.jpg", "focus.csv"]
        rows = list(csv.DictReader(io.TextIOWrapper(results.open("focus.csv"))))
    assert [(row["name"], row["picture"], row["width"]) for row in rows] == [("a", "a.jpg", "90"), ("b", "b.png", "90")]
    assert [outcome.done for outcome in outcomes] == [False, True, True]
    assert session.batch([tmp_path / "c.png"], ["csv"])[0] is None


def test_what_the_page_says_has_failures_first_and_any_name():
    outcomes = [serve.Outcome("a.jpg", "a.png", True), serve.Outcome("<b>|.jpg", "not a readable picture", False)]
    said = text.report(outcomes)
    assert "1 of 2 done" in said and said.index("&lt;b&gt;|.jpg") < said.index("a.png") and "<b>" not in said
    assert text.alert(["<i>.jpg: gone"]) == '<p role="alert">&lt;i&gt;.jpg: gone</p>' and not text.alert([])


def test_names_in_the_zip_file_are_apart_and_have_no_folders():
    paths = [
        "a/one.jpg",
        "b/one.png",
        "b/ONE.png",
        "one_2.jpg",
        "../../two.jpg",
        "..\\..\\C:\\three.jpg",
        "two.cutout.jpg",
    ]
    stems = ["one", "one_2", "ONE_3", "one_2_2", "two", "three", "two.cutout_2"]  # two.cutout.png is the other's
    assert serve.stems_in_zip([Path(path) for path in paths]) == stems


def test_old_files_are_swept_and_samples_stay(tmp_path):
    session = serve.Session(None, tmp_path, ServeOptions())
    old, new = tmp_path / "a/b/old.png", tmp_path / "a/b/new.png"
    old.parent.mkdir(parents=True)
    for path in (old, new):
        path.touch()
    for path in (old, *session.samples):
        os.utime(path, (time.time() - serve.KEPT - 1,) * 2)
    session.sweep()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {new, *session.samples}


def test_sweeping_goes_on_while_others_remove_what_they_made(tmp_path):
    session, done = serve.Session(None, tmp_path, ServeOptions()), threading.Event()

    def work():
        while not done.is_set():
            with tempfile.TemporaryDirectory(dir=tmp_path) as room:
                Path(room, "a.png").touch()

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        try:
            for _ in range(1000):
                session.sweep()
        finally:
            done.set()
    assert not any(worker.exception() for worker in workers)


def test_a_picture_has_its_turn_while_a_batch_is_at_work(tmp_path):
    """And what the batch still needs is not swept, however old."""
    turns, seen = threading.Semaphore(0), []

    def levels(picture, size):
        assert turns.acquire(timeout=PATIENCE)
        seen.append(picture.shape)
        return np.zeros(picture.shape[:2], np.uint8)

    session = serve.Session(SimpleNamespace(levels=levels), tmp_path, ServeOptions())
    paths = [tmp_path / f"uploads/{number}.png" for number in range(20)]
    for path in paths:
        write_png(path, np.zeros((40, 40), np.uint8))
        os.utime(path, (time.time() - serve.KEPT - 1,) * 2)
    small = tmp_path / "small.png"
    write_png(small, np.zeros((30, 30), np.uint8))
    with ThreadPoolExecutor() as pool:
        batch = pool.submit(session.batch, paths)
        while not session._waiting:
            time.sleep(0.01)
        waiting = [pool.submit(session.analyse, small), pool.submit(session.make, "map", small)]
        waiting.append(pool.submit(session.sweep))
        while not all(one.done() for one in waiting):
            turns.release()
            time.sleep(0.05)
        before = len(seen), batch.done()
        turns.release(len(paths))
        outcomes = batch.result()[1]
    assert before[0] < len(paths) and not before[1]
    assert [outcome.what for outcome in outcomes] == [path.name for path in paths]
    assert waiting[0].result().files["map"].is_file() and waiting[1].result().startswith(b"\x89PNG")
    session.close()
    with pytest.raises(ValueError, match="the server was stopped"):
        session.analyse(small)


def test_numbers_of_a_picture_without_focus():
    row = {"width": 6, "height": 4, "in_focus": 0.0, "centre_x": None, "decidedness": 1.0, "sharpness": 0.5}
    said = text.table("a.jpg", row)
    assert ">in focus</th><td>0.0%<" in said and ">decidedness</th><td>1.00<" in said and "centre" not in said


def test_mistakes_end_in_a_sentence(tmp_path):
    code = "import sys; sys.modules['gradio'] = None; import main; sys.exit(main.main(['serve']))"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr == "error: serve needs another package: pip install gradio\n"
    assert not list(tmp_path.glob("ran_serve_*"))
    for wrong in ({"port": 70000}, {"size": 16}):
        with pytest.raises(ValueError, match="--port is at most 65535; --size is at least 32"):
            ServeOptions(**wrong)
    with pytest.raises(ValueError, match="--root_path focus: a path that begins with /"):
        ServeOptions(root_path="focus")
