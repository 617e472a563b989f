"""serve's API: pictures posted as programs do, to the whole as a process and to its routes alone."""

import asyncio
import io
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.tools.sample import photograph
from ran.tools.serve.session import Session
from ran.utils.photograph_options import ServeOptions
from tests.serving import PATIENCE, served, serving

pytestmark = pytest.mark.xdist_group("serve")

COFFEE = cv2.imencode(".jpg", photograph("coffee")[..., ::-1])[1].tobytes()
USAGE = "POST one picture in the form field file and nothing else, as curl -F file=@photo.jpg does; no URL is fetched"


def form(*fields: tuple[str, str, bytes]) -> tuple[bytes, dict[str, str]]:
    """Body and headers as `curl -F` sends them, of fields (name, file's name or "", content)."""
    parts = []
    for name, file, content in fields:
        named = f'; filename="{file}"' if file else ""
        parts.append(f'--line\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content)
    return b"\r\n".join([*parts, b"--line--\r\n"]), {"Content-Type": "multipart/form-data; boundary=line"}


def answer(url: str, body: bytes | None = None, headers: dict | None = None) -> tuple[int, str, bytes]:
    """Status, kind and content of what a server answers."""
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        response = error
    return response.status, response.headers["Content-Type"], response.read()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    words = ("--root_path", "/focus", "--max_mb", "1", "--max_megapixels", "1")
    with serving(tmp_path_factory.mktemp("api"), *words) as process:
        yield process
        assert "Traceback" not in process.log.read_text()


@served
def test_a_posted_picture_comes_back_as_cutout_map_and_renderings(server):
    posted = form(("file", "a.jpg", COFFEE))
    made = {}
    for path in ("api/remove", "focus/api/remove", "api/map", "api/overlay", "api/bokeh"):  # a proxy may keep its path
        status, kind, content = answer(f"{server.address}{path}", *posted)
        made[path] = Image.open(io.BytesIO(content))
        assert status == 200 and kind == f"image/{made[path].format.lower()}" and made[path].size == (600, 400)
    assert [made[path].mode for path in ("api/remove", "api/map", "api/overlay")] == ["RGBA", "L", "RGB"]
    assert np.array_equal(made["api/remove"].getchannel("A"), made["focus/api/remove"].getchannel("A"))
    grey, alpha = np.asarray(made["api/map"]).astype(int), np.asarray(made["api/remove"].getchannel("A"))
    assert np.ptp(grey) == 255 and abs(grey - alpha).max() <= 1
    (folder,) = server.temporary.glob("ran_serve_*")
    assert not [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "samples"]


@served
def test_what_is_wrong_with_a_request_is_a_sentence(server):
    large = np.zeros((1001, 1000), np.uint8)
    limit = "1000 x 1001 are more than 1 million pixels, the limit here (--max_megapixels of serve): make it smaller"
    for request, status, sentence in (
        (form(("file", "../../b.png", cv2.imencode(".png", large)[1].tobytes())), 413, f"b.png: {limit}"),
        (form(("file", "ü.jpg", b"no picture")), 400, "ü.jpg: not a readable picture (cannot identify image file"),
        (form(("file", "", COFFEE[:100])), 400, USAGE),
        (form(("image", "a.jpg", COFFEE)), 400, USAGE),
        (form(("file", "a.jpg", COFFEE), ("model", "", b"u2net")), 400, USAGE),
        ((b"file=a.jpg", {}), 400, USAGE),
        ((b"no form", {"Content-Type": "multipart/form-data; boundary=line"}), 400, USAGE),
        ((b"--none", {"Content-Type": "multipart/form-data; boundary=line"}), 400, USAGE),
        ((None, {}), 405, USAGE),
    ):
        got, kind, content = answer(f"{server.address}api/remove", *request)
        assert got == status and kind == "application/json"
        assert json.loads(content)["detail"].startswith(sentence)
    assert answer(f"{server.address}api/map?url=http://127.0.0.1/a.jpg")[0] == 405


@served
def test_gradios_client_gets_a_map_from_predict(server, tmp_path):
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    (tmp_path / "coffee.jpg").write_bytes(COFFEE)
    (tmp_path / "notes.jpg").write_text("no picture")
    client = Client(server.address, download_files=str(tmp_path / "got"), verbose=False)
    endpoint = client.view_api(return_format="dict")["named_endpoints"]
    assert list(endpoint) == ["/predict"]
    assert [one["parameter_name"] for one in endpoint["/predict"]["parameters"]] == ["picture"]
    got = Path(client.predict(picture=handle_file(tmp_path / "coffee.jpg"), api_name="/predict"))
    ours = answer(f"{server.address}api/map", *form(("file", "coffee.jpg", COFFEE)))[2]
    assert got.name == "coffee.png" and got.read_bytes() == ours
    with pytest.raises(AppError, match="notes.jpg: not a readable picture"):
        client.predict(picture=handle_file(tmp_path / "notes.jpg"), api_name="/predict")


@pytest.fixture
def client(tmp_path):
    """Calls the routes alone; the network of their session waits for its event."""
    pytest.importorskip("gradio")
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from ran.tools.serve.api import routes

    go_on = Event()

    def levels(picture, size):
        assert go_on.wait(PATIENCE)
        return np.full(picture.shape[:2], 255, np.uint8)

    session = Session(SimpleNamespace(levels=levels), tmp_path, ServeOptions())
    with TestClient(Starlette(routes=routes(session))) as client:
        client.go_on = go_on
        yield client


def test_sixteen_requests_wait_and_the_next_is_told(client, tmp_path):
    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(client.post, "/api/map", files={"file": ("a.jpg", COFFEE)}) for _ in range(16)]
        try:
            end = time.monotonic() + PATIENCE
            while len([*tmp_path.glob("*/a.jpg")]) < 16:
                assert time.monotonic() < end
                time.sleep(0.02)
            refused = client.post("/api/map", files={"file": ("a.jpg", COFFEE)})
        finally:
            client.go_on.set()
        assert [one.result().status_code for one in waiting] == [200] * 16
    assert refused.status_code == 503 and refused.text == "16 requests wait already: try again later"


def test_a_request_beyond_the_limit_is_not_read_to_its_end(client):
    """Whether its header says so or not."""
    body, headers = form(("file", "c.jpg", bytes(51 * 2**20)))
    for content in (body, iter([body])):
        got = client.post("/api/map", content=content, headers=headers)
        assert got.status_code == 413
        assert got.text == "more than 50 MB, the limit here (--max_mb of serve): make the picture smaller"


def test_who_does_not_send_a_picture_gives_the_place_back(monkeypatch):
    pytest.importorskip("gradio")
    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    from ran.tools.serve import api

    monkeypatch.setattr(api, "PATIENCE", 0.1)
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "headers": headers, "query_string": b""}, asyncio.Event().wait)
    with pytest.raises(HTTPException, match="408: the picture was not here after 0.1 seconds"):
        asyncio.run(api.made(request, SimpleNamespace(options=ServeOptions()), "map"))


def test_doubts_about_a_picture_come_in_a_header(client):
    client.go_on.set()
    deep = cv2.imencode(".png", photograph("coffee").astype(np.uint16) * 16)[1].tobytes()
    got = client.post("/api/map", files={"file": ("ü.png", deep)})
    assert got.status_code == 200 and got.headers["X-Warning"].startswith("\\xfc.png: its highest level is")
