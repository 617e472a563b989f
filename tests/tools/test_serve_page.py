"""serve as a process, its page driven in a real browser."""

import io
import re
import signal
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ran.imaging.renderings import LINE
from ran.tools.sample import photograph
from tests.serving import PATIENCE, ROOT, served, serving


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
        ("↓ Overlay", "coffee.overlay.jpg", (400, 600, 3)),
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
    page.locator("caption", has_text="chelsea.png").wait_for()
    page.get_by_label("Clear").first.click()
    page.locator("caption", has_text="chelsea.png").wait_for(state="detached")
    page.locator("input[type=file]").first.set_input_files(pictures / "notes.jpg")
    sentence = "notes.jpg: not a readable picture (cannot identify image file): save it anew as JPEG or PNG"
    page.get_by_role("alert").get_by_text(sentence).wait_for()


@served
def test_the_keyboard_does_all_and_pictures_have_names(page):
    page.locator(".gallery-item").nth(1).wait_for()
    for key in ("Tab", "Tab", "Tab", "Tab", "Tab", "Enter"):  # two tabs, the upload, the first sample, the second
        page.keyboard.press(key)
    slider = page.get_by_role("slider")
    slider.wait_for()
    page.locator("caption", has_text="chelsea.png").wait_for()
    second = page.locator(".overlay img").nth(1)
    second.evaluate("picture => picture.decode()")
    slider.focus()
    for key, value in (("End", 100), ("ArrowLeft", 95), ("Home", 0), ("ArrowRight", 5)):
        page.keyboard.press(key)
        page.locator(f"[role=slider][aria-valuenow='{value}']").wait_for()
        shares = re.findall(r"[\d.]+(?=%)", second.get_attribute("style"))
        assert abs(float(shares[-1]) - value) < 1
    names = [image.get_attribute("alt") for image in page.locator("img").all()]
    assert names[:4] == ["sample: coffee", "sample: chelsea", "photograph", "photograph, what is in focus outlined"]
    assert len(names) == 7 and all(names)
    page.get_by_role("tab", name="Many pictures").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Make their focus maps").wait_for()


@served
def test_on_a_phone_the_picture_comes_before_the_numbers(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".gallery-item").first.click()
    page.locator("caption", has_text="coffee.png").wait_for()
    tops = [page.locator(place).first.bounding_box()["y"] for place in (".overlay", ".numbers", ".map")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@served
def test_many_pictures_become_one_zip_file(page, pictures):
    page.get_by_role("tab", name="Many pictures").click()
    files = [pictures / name for name in ("coffee.png", "other/coffee.jpg", "notes.jpg")]
    page.locator("input[type=file][multiple]").set_input_files(files)
    page.get_by_text("notes").first.wait_for()
    page.get_by_label("Cut-out").check()
    page.get_by_label("Numbers (CSV)").check()
    page.get_by_role("button", name="Make their focus maps").click()
    page.get_by_role("status").get_by_text("2 of 3 done").wait_for()
    first, *others = page.locator(".words tr:has(td)").locator("visible=true").all_inner_texts()
    assert first.startswith("notes.jpg\tnot a readable picture") and others[1] == "coffee.jpg\tcoffee_2.png"
    file = downloaded(page, page.locator("a[href$='focus_maps.zip']"))
    with zipfile.ZipFile(file.path()) as archive:
        assert archive.read("focus.csv").startswith(b"name,picture,width,height,in_focus,")
        pictures = [name for name in archive.namelist() if name != "focus.csv"]
        sizes = {name: Image.open(archive.open(name)).size for name in pictures}
    assert sizes == {"coffee.png": (600, 400), "coffee.cutout.png": (600, 400), "coffee_2.png": (451, 300),
                     "coffee_2.cutout.png": (451, 300)}  # fmt: skip


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
