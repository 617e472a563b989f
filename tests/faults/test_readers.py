"""Readers on bytes that nobody meant: a value of the promised shape, or ValueError, whatever the file holds."""

import csv
import json
import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ran.data.images import read_image
from ran.data.masks import read_map, read_mask
from ran.photos.formats import read_metadata, read_photo
from ran.photos.predict import Table
from ran.utils.checkpoint import read_state, read_weights, save_state, save_weights
from ran.utils.command_line import read_yaml
from tests.faults import making

PICTURES = {
    ".jpg": [making.JPEG, making.turned(6), making.encoded(making.PICTURE, "JPEG", progressive=True)],
    ".png": [making.PNG, making.encoded(making.MASK, "PNG"), making.turned(8, "PNG")],
    ".tif": [
        making.TIFF,
        making.LZW,
        making.encoded(making.FLOATS, "TIFF"),
        making.DNG,
        making.tiff(making.BGR16.transpose(2, 0, 1), **making.PLANES),
    ],
    ".gif": [making.GIF],
    ".bmp": [making.BMP],
    ".webp": [making.WEBP, making.encoded(making.PICTURE, "WEBP", lossless=True)],
}


def budget(examples: int) -> settings:
    """So many examples, the same ones every time."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )


@st.composite
def mutated(draw, files: list[bytes]) -> bytes:
    """A valid file after up to four of: bytes changed, cut out, put in, a slice doubled, the end cut off."""
    data = bytearray(draw(st.sampled_from(files)))
    # Half of the places are near the beginning, where the structure is.
    places = st.one_of(st.integers(0, min(len(data), 200)), st.integers(0, len(data)))
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(places), draw(st.integers(1, 40))
        kind = draw(st.sampled_from(["change", "cut", "insert", "double", "end"]))
        if kind == "change":
            new = draw(st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f"])))
            data[start : start + len(new)] = new
        elif kind == "cut":
            del data[start : start + length]
        elif kind == "insert":
            data[start:start] = draw(st.binary(min_size=1, max_size=20))
        elif kind == "double":
            data[start:start] = data[start : start + length]
        else:
            del data[start:]
    return bytes(data)


def anything(files: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(mutated(files), mutated(files), mutated(files), st.binary(max_size=300))


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("readers")


def value_of(reader, path: Path, said: list[str] | None = None):
    """What a reader returns, None after a ValueError, whose words go into the list; it must name the file."""
    try:
        return reader(path)
    except ValueError as error:
        assert path.name in str(error)
        (said or []).append(str(error))
        return None


@pytest.mark.parametrize("suffix", PICTURES)
@budget(500)
@given(data=st.data())
def test_pictures(suffix, data, room):
    path = room / f"picture{suffix}"
    path.write_bytes(data.draw(anything(PICTURES[suffix])))
    image = value_of(read_image, path, said := [""])
    may_be_a_map = image is not None or "16 bits whose highest level is" in said[-1]
    for reader in (read_mask, read_map):
        levels = value_of(reader, path)
        assert levels is None or (may_be_a_map and levels.ndim == 2 and levels.size and levels.dtype == np.uint8)
        assert levels is None or image is None or levels.shape == image.shape[:2]
    if image is not None:
        assert image.ndim == 3 and image.shape[2] == 3 and image.size and image.dtype == np.uint8
        try:
            read_mask(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: not a readable image (")
    assert set(read_metadata(path)) <= {cv2.IMAGE_METADATA_EXIF, cv2.IMAGE_METADATA_ICCP}
    photo = value_of(read_photo, path)
    assert photo is not None or image is None  # and camera raw files are read
    if photo is not None:
        assert photo.pixels.dtype == np.uint8 and photo.pixels.shape[2:] == (3,)
        assert photo.alpha is None or photo.alpha.shape == photo.pixels.shape[:2]


@cache
def tables() -> dict[str, list[bytes]]:
    """Valid tables of both kinds."""
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("csv", "json"):
            table = Table(Path(folder) / f"focus.{kind}")
            for name in ("a", 'ä "quoted", with\na line'):
                table.changes[name] = {"name": name, "image": f"photos/{name}.jpg", "width": 96, "centre_x": None}
            table.write()
        return {f".{kind}": [(Path(folder) / f"focus.{kind}").read_bytes()] for kind in ("csv", "json")}


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@budget(300)
@given(data=st.data())
def test_tables(suffix, data, room):
    path = room / f"focus{suffix}"
    path.write_bytes(data.draw(anything(tables()[suffix])))
    if (table := value_of(Table, path)) is None:
        return
    assert all(isinstance(name, str) and row["name"] == name for name, row in table.rows.items())
    table.changes["new"] = {"name": "new", "image": "new.jpg"}
    table.write()  # what is taken can be written, too
    read = list(csv.DictReader(path.open(newline="", encoding="utf-8-sig", errors="surrogateescape")))
    assert len(read if suffix == ".csv" else json.loads(path.read_bytes())) == len(table.rows)


@pytest.mark.parametrize("name, text", [("a.csv", "image,name\na.jpg\n"), ("a.json", '[{"name": null}]')])
def test_a_table_with_a_row_without_a_name_is_refused(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}: not a table of an earlier run"):
        Table(tmp_path / name)


@pytest.fixture(scope="module")
def trained(room) -> dict[str, bytes]:
    """A small weights file and a small training state."""
    state = {"encoder.weight": torch.ones(3, 4), "bias": torch.zeros(2, dtype=torch.float16)}
    save_weights(room / "valid.safetensors", state, {"model": {"arch": "resnet18"}, "config": {"img_size": 64}})
    save_state(room / "valid.pt", {"network": state, "config": {"lr": 0.1}, "history": [{"epoch": 1}], "epoch": 1})
    return {suffix: (room / f"valid{suffix}").read_bytes() for suffix in (".safetensors", ".pt")}


@budget(300)
@given(data=st.data())
def test_weights(data, room, trained):
    path = room / "weights.safetensors"
    path.write_bytes(data.draw(anything([trained[path.suffix]])))
    if (read := value_of(read_weights, path)) is not None:
        state, metadata = read
        assert all(isinstance(tensor, torch.Tensor) for tensor in state.values())
        assert isinstance(metadata["model"], dict) and isinstance(metadata["config"], dict)


@budget(300)
@given(data=st.data())
def test_states(data, room, trained):
    path = room / "last.pt"
    path.write_bytes(data.draw(anything([trained[path.suffix]])))
    value_of(read_state, path)


YAML = b"img_size: 320\nloss_weights: [0.5, 1, 4]\nschedule: onecycle\nbase: &base {lr: 1e-4}\nmore:\n  <<: *base\n"


@budget(300)
@given(content=anything([YAML]))
@example(content=b"a: &a [*a]")
@example(content=b"? [1, 2]\n: 3")
@example(content=b"[" * 5000)
@example(content=b"a: !!python/object/apply:os.system [exit]")
def test_yaml(content, room):
    path = room / "options.yaml"
    path.write_bytes(content)
    values = value_of(read_yaml, path)
    assert values is None or isinstance(values, dict)


@pytest.mark.parametrize("reader", [read_image, read_photo, read_mask, read_map, read_weights, read_state, read_yaml])
def test_a_file_that_is_not_there(reader, tmp_path):
    with pytest.raises((OSError, ValueError), match="nothing.here"):
        reader(tmp_path / "nothing.here")
    assert Table(tmp_path / "nothing.csv").rows == {}
