"""serve: its parts on their own, then the whole as a process, driven in a real browser."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.renderings import LINE
from ran.imaging.writing import write_png
from ran.predictor import load_model
from ran.tools.sample import photograph
from ran.tools.serve import session as serve
from ran.utils.tool_options import ServeOptions

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # for a machine that has other work, seconds


def served(test):
    """Marks a test of the whole: it takes long, and all of them share one server."""
    return pytest.mark.slow(pytest.mark.xdist_group("serve")(test))


def test_uploads_that_cannot_be_used_are_named_without_their_folder(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "small.png")
    assert serve.read_upload(tmp_path / "small.png", 0.0012).shape == (30, 40, 3)
    (tmp_path / "notes.jpg").write_text("no picture")
    whole = io.BytesIO()
    Image.fromarray(photograph("coffee")).save(whole, "jpeg")
    (tmp_path / "cut.jpg").write_bytes(whole.getvalue()[:5000])
    for name, message in (
        ("small.png", "small.png: 40 x 30 are more than 0.001 million pixels"),
        ("notes.jpg", "notes.jpg: not a readable picture (cannot identify image file 'notes.jpg')"),
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
    assert len(session.analyse(path, said.append)) == 8
    assert len(said) == 1 and said[0].startswith("deep.png: its highest level is") and "--depth 12" in said[0]
    _, rows = session.batch([path])
    assert rows[0][1] == f"deep.png; {said[0]}"


def test_names_in_the_zip_file_are_apart_and_have_no_folders():
    paths = ["a/one.jpg", "b/one.png", "b/ONE.png", "one_2.jpg", "../../two.jpg", "..\\..\\C:\\three.jpg"]
    names = ["one.png", "one_2.png", "ONE_3.png", "one_2_2.png", "two.png", "three.png"]
    assert serve.names_in_zip([Path(path) for path in paths]) == names


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


def test_a_picture_has_its_turn_while_a_batch_is_at_work(tmp_path):
    """And what the batch still needs is not swept, however old."""
    turns, seen = threading.Semaphore(0), []

    def predictor(picture, size):
        assert turns.acquire(timeout=PATIENCE)
        seen.append(picture.shape)
        return np.zeros(picture.shape[:2], np.float32)

    session = serve.Session(predictor, tmp_path, ServeOptions())
    paths = [tmp_path / f"uploads/{number}.png" for number in range(20)]
    for path in paths:
        write_png(path, np.zeros((40, 40), np.uint8))
        os.utime(path, (time.time() - serve.KEPT - 1,) * 2)
    small = tmp_path / "small.png"
    write_png(small, np.zeros((30, 30), np.uint8))
    with ThreadPoolExecutor() as pool:
        batch = pool.submit(session.batch, paths)
        while not session._batches:
            time.sleep(0.01)
        waiting = [pool.submit(session.analyse, small), pool.submit(session.sweep)]
        while not all(one.done() for one in waiting):
            turns.release()
            time.sleep(0.05)
        before = len(seen), batch.done()
        turns.release(len(paths))
        rows = batch.result()[1]
    assert before[0] < len(paths) and not before[1]
    assert [name for _, name in rows] == [path.name for path in paths]
    assert waiting[0].result()[-1].is_file()
    session.close()
    with pytest.raises(ValueError, match="the server was stopped"):
        session.analyse(small)


def test_numbers_of_a_picture_without_focus():
    row = {"width": 6, "height": 4, "in_focus": 0.0, "centre_x": None, "decidedness": 1.0, "sharpness": 0.5}
    assert "| in focus | 0.0% |\n| decidedness | 1.00 |" in serve.table("a.jpg", row)


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


@contextmanager
def serving(folder: Path, *words: str):
    """The server as a process with the weights of the repository; its address and temporary folder are added to it."""
    temporary, log = folder / "tmp", folder / "log"
    temporary.mkdir()
    command = [sys.executable, "main.py", "serve", "--device", "cpu", *words]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with log.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors)
    try:
        assert process.stdout.readline().startswith("weights: ")
        line = process.stdout.readline()
        assert line.startswith("RAN is at http://127.0.0.1:"), log.read_text()
        process.address, process.temporary, process.log = line.split()[3], temporary, log
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("serve")) as process:
        yield process


@pytest.fixture
def page(browser, server):
    """The page in headless Chromium; any error in it and any request to another host fails the test."""
    page, errors, requests = browser.new_page(), [], []
    page.set_default_timeout(1000 * PATIENCE)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(server.address)
    yield page
    page.close()
    assert not errors
    assert all(url.startswith((server.address, "data:", "blob:")) for url in requests)
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """coffee.png, other/coffee.jpg, and notes.jpg, which is none."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "other").mkdir()
    Image.fromarray(photograph("coffee")).save(folder / "coffee.png")
    Image.fromarray(photograph("chelsea")).save(folder / "other/coffee.jpg")
    (folder / "notes.jpg").write_text("no picture")
    return folder


def loaded(page, place: str) -> np.ndarray:
    """Pixels of an image on the page."""
    image = page.locator(place)
    image.wait_for()
    return np.asarray(Image.open(io.BytesIO(page.request.get(image.get_attribute("src")).body())))


def downloaded(page, button) -> Path:
    with page.expect_download() as waiting:
        button.click()
    return waiting.value


@served
def test_a_picture_is_shown_and_its_files_downloaded(page, pictures):
    page.locator("input[type=file]").first.set_input_files(pictures / "coffee.png")
    page.locator("td", has_text="600 × 400").wait_for()
    shown = loaded(page, ".map img")
    assert shown.min() < 25 and shown.max() > 230
    photo, overlay = (loaded(page, f".overlay img >> nth={number}")[..., :3].astype(int) for number in (0, 1))
    if abs(photo - photograph("coffee")).mean() > abs(overlay - photograph("coffee")).mean():
        photo, overlay = overlay, photo
    assert abs(photo - photograph("coffee")).mean() < 5  # what WebP loses
    assert (abs(overlay - LINE).max(axis=-1) < 60).sum() > 500 and overlay.mean() < photo.mean()
    for label, name, shape in (
        ("↓ Focus map", "coffee.png", (400, 600)),
        ("↓ Cut-out", "coffee.cutout.png", (400, 600, 4)),
        ("↓ More blur", "coffee.bokeh.jpg", (400, 600, 3)),
    ):
        file = downloaded(page, page.get_by_role("button", name=label))
        pixels = np.asarray(Image.open(file.path()))
        assert file.suggested_filename == name and pixels.shape == shape
        if label == "↓ Focus map":
            assert pixels.min() == 0 and pixels.max() == 255


@served
def test_a_sample_is_one_click_away_and_a_bad_file_gets_a_sentence(page, pictures):
    page.locator(".gallery-item").nth(1).click()
    page.locator("th", has_text="chelsea.png").wait_for()
    page.get_by_label("Clear").first.click()
    page.locator("th", has_text="chelsea.png").wait_for(state="detached")
    page.locator("input[type=file]").first.set_input_files(pictures / "notes.jpg")
    page.get_by_text("notes.jpg: not a readable picture (cannot identify image file 'notes.jpg')").first.wait_for()


@served
def test_many_pictures_become_one_zip_file(page, pictures):
    page.get_by_role("tab", name="Many pictures").click()
    files = [pictures / name for name in ("coffee.png", "other/coffee.jpg", "notes.jpg")]
    page.locator("input[type=file][multiple]").set_input_files(files)
    page.get_by_text("notes").first.wait_for()
    page.get_by_role("button", name="Make their focus maps").click()
    page.get_by_text("not a readable picture").locator("visible=true").first.wait_for()
    file = downloaded(page, page.locator("a[href$='focus_maps.zip']"))
    with zipfile.ZipFile(file.path()) as archive:
        sizes = {name: Image.open(archive.open(name)).size for name in archive.namelist()}
    assert sizes == {"coffee.png": (600, 400), "coffee_2.png": (451, 300)}


@served
def test_a_batch_of_one_user_blocks_no_other(page, browser, pictures, server):
    page.get_by_role("tab", name="Many pictures").click()
    page.locator("input[type=file][multiple]").set_input_files([pictures / "coffee.png"] * 60)
    page.get_by_text("coffee").nth(10).wait_for()
    page.get_by_role("button", name="Make their focus maps").click()
    page.get_by_text("pictures").locator("visible=true").first.wait_for()
    other = browser.new_page()
    other.goto(server.address)
    other.locator("input[type=file]").first.set_input_files(pictures / "coffee.png")
    other.locator("td", has_text="600 × 400").wait_for(timeout=1000 * PATIENCE)
    other.close()
    assert not page.locator("a[href$='focus_maps.zip']").count()


@served
def test_behind_a_proxy_the_page_knows_its_path(tmp_path):
    with serving(tmp_path, "--root_path", "/focus") as process:
        page = urllib.request.urlopen(process.address).read().decode()
    assert f'"root":"{process.address}focus"' in page


@served
def test_nothing_else_is_served(server):
    (folder,) = server.temporary.glob("ran_serve_*")
    assert folder.stat().st_mode & 0o777 == 0o700

    def fetch(path: Path | str):
        return urllib.request.urlopen(f"{server.address}gradio_api/file={urllib.parse.quote(str(path))}")

    assert fetch(folder / "samples/coffee.png").status == 200
    for path in (ROOT / "main.py", server.log, f"{folder}/../../log"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetch(path)


@served
def test_a_signal_ends_it_and_nothing_is_left(server):
    assert list(server.temporary.glob("ran_serve_*"))
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    assert not list(server.temporary.glob("ran_serve_*")) and "Traceback" not in server.log.read_text()
