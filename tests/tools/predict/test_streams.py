import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.writing import write_png
from ran.tools.predict import command
from ran.tools.predict.streams import read_input
from ran.tools.sample import photograph
from ran.utils.photograph_options import PredictOptions
from tests import processes

MAIN = Path(__file__).parents[3] / "main.py"
LIST = "a.jpg\r\n\r\nday 2/ä 東京.JPG\nP6/BM.png"
NAMES = ["a.jpg", "day 2/ä 東京.JPG", "P6/BM.png"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_of_every_system(tmp_path, encoding):
    assert read_input(LIST.encode(encoding), False, tmp_path) == NAMES
    assert read_input((LIST + "\n").encode(encoding), False, tmp_path) == NAMES
    assert read_input("".encode(encoding), False, tmp_path) == []
    assert read_input("".join(f"{name}\0" for name in NAMES).encode(encoding), True, tmp_path) == NAMES


def test_paths_of_any_bytes(tmp_path):
    names = [b"caf\xe9.jpg", b" one\ntwo .jpg\r", b"\xff\xfe.jpg"]
    assert [os.fsencode(name) for name in read_input(b"\0".join(names) + b"\0", True, tmp_path)] == names
    assert [os.fsencode(name) for name in read_input(names[0] + b"\n", False, tmp_path)] == names[:1]
    with pytest.raises(ValueError, match="-0 takes paths that end with a NUL"):
        read_input(b"\0".join(names), False, tmp_path)
    with pytest.raises(ValueError, match="standard input: not a list in UTF-16"):
        read_input("ab".encode("utf-16")[:-1], False, tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "AVIF", "HEIF", "JPEG2000"])
def test_pictures_are_known_by_their_first_bytes(tmp_path, kind):
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.fromarray(photograph("coffee")[:64, :96]).save(file, kind)
    for data in (file.getvalue(), file.getvalue()[:500] + b"\0"):  # one that is cut is no list, either
        (path,) = read_input(data, False, tmp_path)
        assert Path(path).read_bytes() == data and Path(path).parent == tmp_path


@pytest.mark.parametrize(("stream", "name"), [("stdin", "input"), ("stdout", "output")])
def test_a_closed_stream_is_named(options, stream, name, monkeypatch):
    monkeypatch.setattr(sys, stream, None)
    options.paths, options.output = (["-"], "out") if stream == "stdin" else (["a.jpg"], "-")
    with pytest.raises(ValueError, match=f"standard {name} is closed"):
        command.run(options)


@pytest.mark.slow
def test_a_picture_in_and_a_map_out(tmp_path):
    """Through pipes, and then from and to files, as the shell's < and > give them."""
    write_png(path := tmp_path / "a.png", photograph("coffee")[:64, :96])
    data, cpu = path.read_bytes(), ("--device", "cpu")
    piped = subprocess.run(
        [sys.executable, MAIN, "predict", "-", "--output", "-", *cpu], input=data, capture_output=True, timeout=300
    )
    assert piped.returncode == 0 and b"1 picture(s) in" in piped.stderr and b"weights: " in piped.stderr
    assert cv2.imdecode(np.frombuffer(piped.stdout, np.uint8), cv2.IMREAD_UNCHANGED).shape == (64, 96)
    assert piped.stdout.startswith(b"\x89PNG") and piped.stdout.endswith(b"IEND\xaeB`\x82")

    def predict(*words, stdin: bytes = b"") -> tuple[int, bytes, str]:
        job = processes.Job(tmp_path / "said", "predict", *words, *cpu, stdin=stdin)
        return job.wait(), job.streams[1].read_bytes(), job.stderr

    assert predict(path, "--output", "-")[:2] == (0, piped.stdout)
    assert predict("-", "--output", tmp_path / "maps", stdin=data)[0] == 0
    assert (tmp_path / "maps/stdin.png").read_bytes() == piped.stdout
    status, out, said = predict("-", "--output", "-", stdin=data[:2000])
    assert status == 1 and not out and "stdin: not a readable picture" in said


def test_a_picture_on_standard_input_is_not_sorted(options, shoot, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((shoot / "a.png").read_bytes())))
    options.paths, options.sort = ["-"], "link"
    with pytest.raises(ValueError, match="--sort is for several photographs"):
        command.run(options)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{shoot}/a.png\n".encode())))
    assert command.run(options) == 0 and (tmp_path / "out/sorted/0001_a.png").resolve() == shoot / "a.png"


@pytest.mark.parametrize("change, message", [
    ({"output": "-"}, "--output - is for one picture, not 2"),
    ({"output": "-", "overlay": True}, "--output - is for a map alone"),
    ({"output": "-", "table": "csv"}, "--output - is for a map alone"),
    ({"output": "-", "sort": "print"}, "--output - is for a map alone"),
    ({"null": True}, "-0 is about the list on standard input"),
])  # fmt: skip
def test_what_does_not_go_together_is_refused(run_folder, tmp_path, change, message):
    for number in range(2):
        write_png(tmp_path / f"shoot/{number}.png", photograph("coffee")[:64, :96])
    options = {"paths": [str(tmp_path / "shoot")], "output": str(tmp_path / "out"), "model_path": str(run_folder)}
    with pytest.raises(ValueError, match=message):
        command.run(PredictOptions(**options | change))
    assert not (tmp_path / "out").exists()
