"""serve: what it makes of a file, the whole as a process, and its page in a browser."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ran.data.images import write_image
from ran.photos import serve
from ran.photos.onnx import load_model
from ran.photos.options import RENDERINGS
from ran.tools.sample import photograph
from tests import processes
from tests.processes import ROOT

PATIENCE = 120  # for a machine that has other work, seconds
BROKEN = "broken.jpg: not a readable"


def served(test):
    """Marks a slow test; those of this file share one server."""
    return pytest.mark.slow(pytest.mark.xdist_group("serve")(test))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The server as a process with the shipped weights, and its address, temporary folder and log."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("serve")
    command = [sys.executable, "main.py", "serve", "--device", "cpu", "--max_mb", "1"]
    streams = {"stdout": subprocess.PIPE, "stderr": (folder / "log").open("w")}
    environment = os.environ | {"TMPDIR": str(folder), "GRADIO_ROOT_PATH": "/focus"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **streams)
    try:
        assert process.stdout.readline().startswith("weights: ")
        process.temporary, process.log, process.address = folder, folder / "log", process.stdout.readline().split()[3]
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder with coffee.jpg, others of that name, iphone.heic, and broken.jpg, which is no image."""
    folder, heif = tmp_path_factory.mktemp("images"), pytest.importorskip("pillow_heif")
    write_image(folder / "coffee.jpg", photograph("coffee"))
    for name in ("other/coffee.png", "same/coffee.jpg"):
        write_image(folder / name, photograph("chelsea"))
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


def expected_map(path: Path) -> np.ndarray:
    return load_model(device="cpu").levels(serve.read_pixels(path))


def submit(page, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_label("Remove file").wait_for()
    page.get_by_test_id("submit-button").click()
    page.get_by_label("Remove file").wait_for(state="detached")


def test_images_become_maps_renderings_and_numbers(run_folder, images, tmp_path):
    names = ("coffee.jpg", "same/coffee.jpg", "other/coffee.png", "coffee.jpg")
    predictor, paths = load_model(run_folder, "cpu"), [images / name for name in names]
    prediction = serve.results(predictor, paths, str(tmp_path), RENDERINGS, "csv")
    ends, stems = (".png", ".overlay.jpg", ".cutout.png", ".bokeh.jpg"), ["coffee" + n * "_2" for n in range(4)]
    files = {path.name for path in prediction.output.iterdir()} - {"focus.csv", ".focus.csv.lock"}
    assert files == {f"{stem}{end}" for stem in stems for end in ends}
    for path, stem in zip(paths, stems):
        focus_map = Image.open(prediction.output / f"{stem}.png")
        assert np.array_equal(focus_map, predictor.levels(serve.read_pixels(path)))
        assert prediction.table.rows[stem]["image"] == path.name
    assert not prediction.failed + prediction.warned and list(tmp_path.iterdir()) == [prediction.output]


def test_sentences_name_files_without_their_folder(run_folder, tmp_path):
    (tmp_path / "broken.jpg").write_text("no image")
    write_image(tmp_path / "long.png", np.zeros((4, 2000), np.uint8))
    paths = [tmp_path / "broken.jpg", tmp_path / "long.png"]
    prediction = serve.results(load_model(run_folder, "cpu"), paths, str(tmp_path), ())
    assert len(prediction.failed) == len(prediction.warned) == 1 and prediction.failed[0].startswith(BROKEN)
    assert prediction.warned[0].startswith("long.png: 2000 x 4 is very elongated")


def test_a_missing_package_ends_in_a_sentence():
    code = "import sys; sys.modules['gradio'] = None; import main; sys.exit(main.main(['serve']))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr == "error: serve needs another package: pip install gradio\n"


@served
def test_a_program_gets_the_map_that_predict_makes(server, images, tmp_path):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    client = Client(server.address, download_files=str(tmp_path), verbose=False)
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/predict"]
    for name in ("coffee.jpg", "iphone.heic"):
        path = Path(client.predict(handle_file(images / name), api_name="/predict"))
        assert path.stem == Path(name).stem and np.array_equal(Image.open(path), expected_map(images / name))
    with pytest.raises(AppError, match=BROKEN):
        client.predict(handle_file(images / "broken.jpg"), api_name="/predict")
    assert "Traceback" not in server.log.read_text()


@served
def test_nothing_else_is_served(server, images):
    page = urllib.request.urlopen(server.address).read().decode()
    assert f'"root":"{server.address}focus"' in page  # as a reverse proxy needs it
    (folder,) = server.temporary.glob("ran_serve_*")
    for path in (ROOT / "main.py", server.log, f"{folder}/../../log"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{server.address}gradio_api/file={path}")
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="../../%s"\r\n\r\n%s\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    def upload(name: bytes, data: bytes) -> str:
        request = urllib.request.Request(f"{server.address}gradio_api/upload", body % (name, data), headers)
        return urllib.request.urlopen(request, timeout=PATIENCE).read().decode()

    assert f'["{folder}/' in upload(b"a.jpg", b"no image") and not list(server.temporary.glob("*.jpg"))
    with pytest.raises(urllib.error.HTTPError, match="413"):
        upload(b"large.jpg", bytes(2**20 + 1))


@served
def test_one_image_is_shown_and_its_files_are_downloaded(page, images):
    for name, size in (("coffee.jpg", (600, 400)), ("iphone.heic", (600, 300))):
        submit(page, images / name)
        page.get_by_text(str(size[1]), exact=True).first.wait_for()
        buttons, sizes = page.get_by_label("Download", exact=True), []
        for number, end in enumerate((".overlay.jpg", ".png", ".cutout.png", ".bokeh.jpg")):
            with page.expect_download() as waiting:
                buttons.nth(number).click()
            assert waiting.value.suggested_filename == f"{Path(name).stem}{end}"
            sizes.append(Image.open(file := waiting.value.path()).size)
            assert end != ".png" or np.array_equal(Image.open(file), expected_map(images / name))
        assert sizes == [size] * 4


@served
def test_a_broken_file_gets_a_sentence_and_no_result(page, images):
    submit(page, images / "broken.jpg")
    page.get_by_test_id("toast-body").get_by_text(BROKEN).wait_for()
    assert not page.get_by_label("Download", exact=True).count()


@served
def test_many_images_become_one_zip_file(page, images):
    page.get_by_role("tab", name="Many images").click()
    names = ("coffee.jpg", "other/coffee.png", "broken.jpg", "iphone.heic")
    page.locator("input[type=file][multiple]").set_input_files([images / name for name in names])
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


@served
def test_uploads_and_results_are_deleted(run_folder, images, tmp_path, monkeypatch):
    gradio_client = pytest.importorskip("gradio_client")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = serve.build(load_model(run_folder, "cpu"), str(tmp_path), 1)
    assert page.delete_cache == (60, 600)
    page.delete_cache = (1, 1)
    try:
        address = page.launch(quiet=True, prevent_thread_lock=True)[1]
        client = gradio_client.Client(address, download_files=False, verbose=False)
        client.predict(gradio_client.handle_file(images / "coffee.jpg"), api_name="/predict")
        deadline = time.monotonic() + PATIENCE
        while list(tmp_path.glob("*/coffee.*")) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        page.close(verbose=False)
    assert len(list(tmp_path.glob("*/"))) >= 2 and not list(tmp_path.glob("*/coffee.*"))
    assert not list(tmp_path.rglob("*focus.csv*"))  # Gradio would leave it


@served
def test_a_taken_port_is_named_and_a_signal_leaves_nothing(server, run_folder, tmp_path):
    port = server.address.split(":")[-1].strip("/")
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    for bad in (port, "70000"):
        result = processes.run(tmp_path, "serve", "--model_path", run_folder, "--port", bad, env=environment)
        assert result.stderr.startswith(f"error: cannot listen on 127.0.0.1, port {bad}: it is"), result.stderr
        assert result.returncode == 1
    server.send_signal(signal.SIGTERM)
    assert server.wait(PATIENCE) == 0
    assert not list(server.temporary.glob("ran_serve_*")) and "Traceback" not in server.log.read_text()
