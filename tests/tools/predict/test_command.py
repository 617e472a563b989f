"""predict on files of every kind: what comes out, what goes on, what is refused and how."""

import csv
import errno
import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.pictures import read_image
from ran.imaging.resizing import quantised
from ran.imaging.writing import write_png
from ran.predictor import load_model
from ran.tools.predict import command as predict
from ran.tools.sample import photograph
from ran.utils.photograph_options import PredictOptions
from tests import processes
from tests.tools.predict.written import read, written

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_maps_are_those_of_the_predictor_whatever_the_batch(options, run_folder, shoot, tmp_path, capsys):
    assert predict.run(options) == 0
    out = tmp_path / "out"
    assert written(out) == {"a.png", "b.png", "day 2/ä.png"}
    predictor = load_model(run_folder, "cpu")
    for name in written(out):
        expected = quantised(predictor(shoot / name))
        assert read(out / name).shape == read(shoot / name).shape[:2]
        assert np.array_equal(read(out / name), expected)
    printed = capsys.readouterr().out
    assert f"weights: {run_folder}\n" in printed and "3 picture(s)" in printed
    Image.fromarray(cv2.resize(photograph("coffee"), (4200, 2800))).save(shoot / "large.jpg")
    for table in ("", "csv"):
        options.output, options.table = str(tmp_path / f"large{table}"), table
        predict.run(options)
        assert np.array_equal(read(f"{options.output}/large.png"), quantised(predictor(shoot / "large.jpg")))
    options.table = ""
    options.output, options.batch_size, options.bits = str(tmp_path / "deep"), 2, 16
    assert predict.run(options) == 0
    deep = read(tmp_path / "deep/a.png")
    assert deep.dtype == np.uint16 and np.abs(deep / 257 - read(out / "a.png")).max() <= 0.51


def test_renderings_and_table(options, shoot, tmp_path):
    options.overlay = options.cutout = options.bokeh = True
    options.table = "csv"
    assert predict.run(options) == 0
    out = tmp_path / "out"
    kinds = (".png", ".overlay.jpg", ".cutout.png", ".bokeh.jpg")
    assert written(out) == {name + kind for name in ("a", "b", "day 2/ä") for kind in kinds} | {"focus.csv"}
    assert read(out / "a.cutout.png").shape == (*read(shoot / "a.png").shape[:2], 4)
    with (out / "focus.csv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    share = (read(out / "a.png") >= 128).mean()
    assert float(rows["a"]["in_focus"]) == pytest.approx(share, abs=0.01)
    assert (rows["day 2/ä"]["width"], rows["day 2/ä"]["height"]) == ("400", "320")
    options.table = "json"
    assert predict.run(options) == 0
    assert [row["name"] for row in json.loads((out / "focus.json").read_text())] == ["a", "b", "day 2/ä"]


def test_earlier_results_are_no_photographs(options, shoot, tmp_path, capsys):
    options.overlay = options.cutout = options.bokeh = True
    options.output = str(shoot / "maps")
    assert predict.run(options) == 0
    options.output, options.bits = str(tmp_path / "out"), 16
    capsys.readouterr()
    assert predict.run(options) == 0
    assert "left out: 12 earlier results\n" in capsys.readouterr().out
    assert len(written(tmp_path / "out")) == 12
    options.paths, options.output = [str(shoot / "maps/a.bokeh.jpg")], str(tmp_path / "named")
    assert predict.run(options) == 0 and (tmp_path / "named/a.bokeh.png").exists()


def test_what_cannot_work_is_said_before_anything_is_written(options, tmp_path):
    for change, message in (
        ({"paths": []}, "name photographs"),
        ({"paths": [str(tmp_path / "none")]}, "no such file or folder"),
        ({"size": 8}, "at least 32"),
        ({"model_path": str(tmp_path / "none.safetensors")}, "no such weights file"),
        ({"engine": "onnx"}, "main.py export --model .*where PyTorch is"),
        ({"engine": "onnx", "model_path": str(tmp_path / "none.onnx")}, "main.py export"),
        ({"output": options.paths[0]}, "choose another --output"),
        ({"output": options.paths[0], "paths": [f"{options.paths[0]}/a.png"]}, "written over a photograph"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            predict.run(PredictOptions(**{**vars(options), **change}))
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="cannot be written to .* choose another folder"):
        predict.run(options)


@pytest.mark.parametrize("rendering", [False, True])
def test_a_full_disk_stops_the_run_and_leaves_no_half_file(options, tmp_path, monkeypatch, rendering):
    def full(temporary, path):  # when all but the last step is done
        assert Path(temporary).stat().st_size > 0
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("ran.utils.files.os.replace", full)
    options.overlay = rendering
    with pytest.raises(OSError, match="nothing more can be written .No space left on device.*the same command goes on"):
        predict.run(options)
    assert not written(tmp_path / "out")


def test_from_the_command_line_with_a_list_and_options_between(options, shoot, tmp_path):
    words = ["predict", "--model_path", options.model_path, "-", "--device", "cpu", "--output", tmp_path / "out",
             shoot / "day 2", "--tta"]  # fmt: skip
    result = processes.run(tmp_path / "said", *words, stdin=f"{shoot}/a.png\n{shoot}/missing.png\n".encode())
    assert result.returncode == 1 and "missing.png: not a readable picture" in result.stderr
    assert "Traceback" not in result.stderr and written(tmp_path / "out") == {"a.png", "ä.png"}


def test_a_photograph_is_decoded_once_and_memory_is_bounded(options, tmp_path, monkeypatch):
    """Whatever is made of it; pictures that together are too large come one after the other."""
    decoded, at_work, in_memory, lock = [], {}, [], threading.Lock()  # at work: read, its map not yet written

    def reading(path, *more):
        picture = read_image(path, *more)
        with lock:
            decoded.append(Path(path).name)
            at_work[Path(path).stem] = picture.shape[0] * picture.shape[1]
            in_memory.append(sum(at_work.values()))
        return picture

    def writing(path, focus_map, comment):
        write_png(path, focus_map, comment)
        with lock:
            del at_work[path.stem]

    monkeypatch.setattr(predict, "read_image", reading)
    monkeypatch.setattr(predict, "write_png", writing)
    options.overlay, options.table, options.batch_size, options.overwrite = True, "csv", 3, True
    for limit, least, most in ((predict.PIXELS, 360_000, 384_000), (250_000, 240_000, 250_000), (1, 120_000, 128_000)):
        monkeypatch.setattr(predict, "PIXELS", limit)  # of 120,000 to 128,000 each: three, two, one at a time
        assert predict.run(options) == 0
        assert sorted(decoded) == ["a.png", "b.png", "ä.png"] and least <= max(in_memory) <= most
        decoded.clear()
        in_memory.clear()
