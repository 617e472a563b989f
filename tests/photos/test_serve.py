"""serve: the whole as a process, for programs and in a browser; its files; its errors."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from main import main
from ran.data.images import write_image
from ran.photos import serve
from ran.photos.onnx import load_model
from ran.tools.sample import photograph
from tests.processes import ROOT

PATIENCE = 120  # for a machine that has other work, seconds
BROKEN = "broken.jpg: not a readable"
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("serve")]  # the tests share one server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The server as a process with the shipped weights, its address, temporary folder and log."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("serve")
    command = [sys.executable, "main.py", "serve", "--device", "cpu"]
    streams = {"stdout": subprocess.PIPE, "stderr": (folder / "log").open("w")}
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)}, text=True, **streams)
    try:
        assert process.stdout.readline().startswith("weights: ")
        process.temporary, process.log, process.address = folder, folder / "log", process.stdout.readline().split()[3]
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder, heif = tmp_path_factory.mktemp("images"), pytest.importorskip("pillow_heif")
    write_image(folder / "coffee.jpg", photograph("coffee"))
    write_image(folder / "other/coffee.png", photograph("chelsea"))
    heif.from_pillow(Image.fromarray(photograph("coffee")[:300])).save(folder / "iphone.heic")
    (folder / "broken.jpg").write_text("no image")
    return folder


@pytest.fixture
def page(browser, server):
    """The page in Chromium. A fault in it, and a request to another host, fail the test."""
    page, faults, requests = browser.new_page(), [], []
    page.set_default_timeout(1000 * PATIENCE)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(server.address)
    yield page
    page.close()
    assert not faults and "Traceback" not in server.log.read_text()
    assert all(url.startswith((server.address, "data:", "blob:")) for url in requests)


def choose(page, button, *paths: Path) -> None:
    """Chooses files as a user does: the button opens the browser's dialogue once this part of the page is ready."""
    with page.expect_file_chooser() as waiting:
        button.click()
    waiting.value.set_files(paths)


def test_a_program_gets_the_map_that_predict_makes_and_nothing_else(server, images, tmp_path):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    client = Client(server.address, download_files=str(tmp_path), verbose=False)
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/predict"]
    path = Path(client.predict(handle_file(images / "iphone.heic"), api_name="/predict"))
    focus_map = load_model(device="cpu").levels(serve.read_pixels(images / "iphone.heic"))
    assert path.stem == "iphone" and np.array_equal(Image.open(path), focus_map)
    (large := tmp_path / "large.jpg").write_bytes(bytes(50 * 2**20 + 1))
    for path, kind, said in ((images / "broken.jpg", AppError, BROKEN), (large, Exception, "413|exceeds")):
        with pytest.raises(kind, match=said):
            client.predict(handle_file(path), api_name="/predict")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{server.address}gradio_api/file={ROOT / 'main.py'}")
    assert "Traceback" not in server.log.read_text()


def test_one_image_is_shown_its_files_are_downloaded_and_a_broken_one_gets_a_sentence(page, images):
    def submit(name: str) -> None:
        choose(page, page.get_by_test_id("upload-button"), images / name)
        page.get_by_label("Remove file").wait_for()
        page.get_by_test_id("submit-button").click()
        page.get_by_label("Remove file").wait_for(state="detached")

    submit("iphone.heic")
    focus_map = load_model(device="cpu").levels(serve.read_pixels(images / "iphone.heic"))
    page.get_by_text("300", exact=True).first.wait_for()  # its height, among the numbers
    buttons = page.get_by_label("Download", exact=True)
    for number, end in enumerate((".overlay.jpg", ".png", ".cutout.png", ".bokeh.jpg")):
        with page.expect_download() as waiting:
            buttons.nth(number).click()
        assert waiting.value.suggested_filename == f"iphone{end}"
        image = Image.open(waiting.value.path())
        assert image.size == (600, 300)
        assert end != ".png" or np.array_equal(image, focus_map)
    submit("broken.jpg")
    page.get_by_test_id("toast-body").get_by_text(BROKEN).wait_for()
    buttons.first.wait_for(state="detached")


def test_many_images_become_one_zip_file(page, server, images):
    page.get_by_role("tab", name="Many images").click()
    names = ("coffee.jpg", "other/coffee.png", "broken.jpg", "iphone.heic")
    choose(page, page.get_by_text("Click to Upload"), *(images / name for name in names))
    page.get_by_text("iphone").first.wait_for()
    page.get_by_label("Cut-out").check()
    page.get_by_role("button", name="Make focus maps").click()
    with page.expect_download() as waiting:
        page.locator("a[href$='focus_maps.zip']").first.click()
    assert page.get_by_label("Report").input_value().startswith(f"3 of 4 images done\nFailed: {BROKEN}")
    with zipfile.ZipFile(waiting.value.path()) as archive:
        table = archive.read("focus.csv").decode("utf-8-sig").splitlines()
        sizes = {name: Image.open(archive.open(name)).size for name in archive.namelist() if name != "focus.csv"}
    expected = {"coffee": (600, 400), "coffee_2": (451, 300), "iphone": (600, 300)}
    assert sizes == {f"{stem}{end}": size for stem, size in expected.items() for end in (".png", ".cutout.png")}
    assert [row.split(",")[1] for row in table] == ["image", "coffee.jpg", "coffee.png", "iphone.heic"]
    assert not list(server.temporary.rglob("*focus.csv*"))  # Gradio would not delete it


def test_errors_are_said_and_a_signal_leaves_nothing(server, run_folder, tmp_path, monkeypatch, capsys):
    assert serve.build(load_model(run_folder, "cpu"), str(tmp_path)).delete_cache == (60, 600)
    monkeypatch.setattr(os, "environ", os.environ.copy())  # what serve changes in its process
    port = server.address.split(":")[-1].strip("/")
    assert main(["serve", "--model_path", str(run_folder), "--port", port]) == 1
    assert f"error: cannot listen on 127.0.0.1, port {port}: it is taken, or not on" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err == "error: serve needs another package: pip install gradio\n"
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    assert not [*server.temporary.glob("ran_serve_*"), *server.temporary.rglob("*.png")]
    assert "Traceback" not in server.log.read_text()
