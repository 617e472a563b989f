"""predict: what is written, what is skipped, made anew or removed, and what fails in which words."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran import main
from ran.data.images import write_image
from ran.data.resizing import quantised
from ran.photos import predict
from ran.photos.options import PredictOptions
from ran.predictor import load_model
from ran.tools.sample import photograph
from tests import processes

ROOT = Path(__file__).parents[2]
KINDS = (".png", ".overlay.jpg", ".cutout.png", ".bokeh.jpg")


def read(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def written(folder) -> set[str]:
    files = (path.relative_to(folder) for path in Path(folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in files if path.suffix != ".lock"}


def rows(folder: Path) -> dict[str, dict]:
    with (folder / "focus.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def later(path: Path) -> None:
    """Gives a file a date after all results."""
    stamp = path.stat().st_mtime + 60
    os.utime(path, (stamp, stamp))


def test_maps_renderings_and_table(options, run_folder, shoot, tmp_path, capsys):
    options.overlay = options.cutout = options.bokeh = True
    options.table, out = "csv", tmp_path / "out"
    assert predict.run(options) == 0
    assert written(out) == {name + kind for name in ("a", "b", "day 2/ä") for kind in KINDS} | {"focus.csv"}
    predictor, printed = load_model(run_folder, "cpu"), capsys.readouterr().out
    for name in ("a", "b", "day 2/ä"):
        assert np.array_equal(read(out / f"{name}.png"), quantised(predictor(shoot / f"{name}.png")))
    assert read(out / "a.cutout.png").shape == (*read(shoot / "a.png").shape[:2], 4)
    assert f"weights: {run_folder}\n" in printed and "3 image(s) in " in printed
    assert (out / "focus.csv").read_bytes().startswith("\ufeffname,image,".encode())  # Excel knows UTF-8 by that
    row = rows(out)["day 2/ä"]
    assert row["image"] == str(shoot / "day 2/ä.png") and (row["width"], row["height"]) == ("400", "320")
    assert float(row["in_focus"]) == pytest.approx((read(out / "day 2/ä.png") >= 128).mean(), abs=0.01)
    assert float(row["score"]) == pytest.approx(float(row["in_focus"]) * float(row["sharpness"]), abs=2e-3)
    options.table = "json"
    assert predict.run(options) == 0
    assert [row["name"] for row in json.loads((out / "focus.json").read_text())] == ["a", "b", "day 2/ä"]


def test_one_image_may_have_its_map_in_a_named_file(options, run_folder, shoot, tmp_path):
    for name in ("map.png", "map.overlay.jpg", "focus.csv"):
        (tmp_path / name).write_text("of an earlier image, or of somebody else")
    a, out = str(shoot / "a.png"), str(tmp_path / "map.png")
    options.paths, options.output = [a], out
    assert predict.run(options) == 0
    assert np.array_equal(read(out), quantised(load_model(run_folder, "cpu")(a)))
    assert all((tmp_path / name).read_text() for name in ("map.overlay.jpg", "focus.csv"))
    for more in ({"paths": [str(shoot)]}, {"output": "map.jpg"}, {"bokeh": True}, {"table": "csv"}):
        with pytest.raises(ValueError, match="a .png file takes the map of one image and nothing else; name a folder"):
            predict.run(PredictOptions(**vars(options) | more))
    with pytest.raises(FileNotFoundError, match="no images here; skipped: 1 in --output"):
        predict.run(PredictOptions(**vars(options) | {"output": a}))
    options.output = str(tmp_path / "maps.v2")  # no image's suffix: a folder
    assert predict.run(options) == 0 and (tmp_path / "maps.v2/a.png").exists()


def test_what_is_newer_than_its_image_is_skipped(options, shoot, tmp_path, capsys):
    options.paths = [str(shoot / "a.png")]
    predict.run(options)
    before = (tmp_path / "out/a.png").stat().st_mtime_ns
    options.paths = [str(shoot)]
    predict.run(options)
    said = capsys.readouterr().out
    assert "2 image(s) in" in said and "1 image(s) skipped: their results are up to date (--overwrite" in said
    assert (tmp_path / "out/a.png").stat().st_mtime_ns == before
    options.table = "csv"  # rows are missing
    predict.run(options)
    assert "3 image(s) in" in capsys.readouterr().out and len(rows(tmp_path / "out")) == 3
    options.overlay = True  # so are overlays
    predict.run(options)
    assert "3 image(s) in" in capsys.readouterr().out
    predict.run(options)
    assert "0 image(s) in" in capsys.readouterr().out
    options.overwrite = True
    predict.run(options)
    assert "3 image(s) in" in capsys.readouterr().out


def test_nothing_of_an_earlier_image_stays_beside_a_new_map(options, shoot, tmp_path, capsys):
    options.paths, options.table, out = [str(shoot / "a.png")], "csv", tmp_path / "out"
    options.overlay = options.cutout = True
    predict.run(options)
    options.table, options.cutout = "", False
    write_image(shoot / "a.png", photograph("chelsea")[:200, :310])
    later(shoot / "a.png")
    assert predict.run(options) == 0
    error = capsys.readouterr().err
    assert written(out) == {"a.png", "a.overlay.jpg", "focus.csv"} and not rows(out)
    assert read(out / "a.overlay.jpg").shape == (200, 310, 3)
    assert "a.cutout.png: removed, it was older than the new map" in error and "row a removed" in error
    (out / "focus.csv").write_text("x\n1\n")
    with pytest.raises(ValueError, match="focus.csv: not a table of an earlier run .*move it away"):
        predict.run(options)


def test_a_second_image_of_the_name_that_comes_later_is_refused_with_the_way_out(options, shoot, tmp_path):
    """As raw files that are copied beside their JPEGs: nothing is written of either, until one kind is named."""
    options.table, out = "csv", tmp_path / "out"
    predict.run(options)
    Image.open(shoot / "a.png").save(shoot / "a.tif")
    before = {name: (out / name).read_bytes() for name in written(out)}
    with pytest.raises(ValueError, match=r"a.png and .*a.tif would both .* a.png: name one kind of file"):
        predict.run(options)
    options.paths = [str(shoot / "**/*.png")]
    assert predict.run(options) == 0 and {name: (out / name).read_bytes() for name in written(out)} == before


def test_broken_files_are_named_at_the_end_and_the_rest_is_done(options, shoot, tmp_path, capsys):
    data = (shoot / "b.png").read_bytes()
    (shoot / "cut.png").write_bytes(data[: len(data) // 2])
    (shoot / "text.jpg").write_text("no image")
    (shoot / "link.jpg").symlink_to(shoot / "nowhere.jpg")
    Image.new("1", (20000, 20000)).save(shoot / "bomb.png")
    assert predict.run(options) == 1
    error = capsys.readouterr().err
    assert "4 image(s) failed:\n" in error and "Traceback" not in error
    for name in ("cut.png", "text.jpg", "link.jpg", "bomb.png"):
        assert f"{shoot / name}: not a readable" in error
    assert "make it smaller" in error and written(tmp_path / "out") == {"a.png", "b.png", "day 2/ä.png"}


def test_odd_shapes_and_kinds(options, tmp_path, capsys):
    folder, cat = tmp_path / "odd", photograph("chelsea")[:120, :160]
    folder.mkdir()
    Image.fromarray(cat[:1, :1]).save(folder / "tiny.png")
    Image.fromarray(np.tile(cat[:8], (1, 413, 1))).save(folder / "long.png")  # 66,080 pixels
    Image.fromarray(cat).convert("CMYK").save(folder / "print.jpg")
    cv2.imwrite(str(folder / "deep.png"), cat.astype(np.uint16) * 257)
    options.paths, options.table = [str(folder)], "csv"
    options.overlay = options.cutout = options.bokeh = True
    assert predict.run(options) == 1
    error = capsys.readouterr().err
    assert "long.png: long.overlay.jpg: JPEG holds at most 65500 pixels a side" in error
    assert f"warning: {folder}/long.png: 66080 x 8 is very elongated" in error and "try --tile 32" in error
    assert {"long.png", "long.cutout.png"} == {name for name in written(tmp_path / "out") if name.startswith("long")}
    assert read(tmp_path / "out/tiny.png").shape == (1, 1) and read(tmp_path / "out/long.png").shape == (8, 66080)
    assert len(rows(tmp_path / "out")) == 4


def test_renderings_keep_rights_and_transparency(options, tmp_path):
    alpha = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "(c) A. Photographer", 6
    Image.fromarray(np.dstack([photograph("chelsea")[:200, :300], alpha])).save(tmp_path / "a.png", exif=exif)
    options.paths, options.cutout, options.bokeh = [str(tmp_path / "a.png")], True, True
    assert predict.run(options) == 0
    focus_map, cut = read(tmp_path / "out/a.png"), read(tmp_path / "out/a.cutout.png")
    assert np.abs(cut[..., 3] - focus_map.astype(float) * np.rot90(alpha, -1) / 255).max() <= 1
    for name in ("a.cutout.png", "a.bokeh.jpg"):
        with Image.open(tmp_path / "out" / name) as result:
            assert result.getexif()[0x8298] == "(c) A. Photographer" and 0x0112 not in result.getexif()
    options.background = "white"
    assert predict.run(options) == 0  # the cut-out without background is gone: it was of an earlier map
    assert written(tmp_path / "out") == {"a.png", "a.cutout.jpg", "a.bokeh.jpg"}


@pytest.mark.parametrize("words, status, message", [
    ([], 1, "name images before the options"),
    (["SHOOT", "--cutout", "--background", "whit"], 2, "--background whit: expected an opaque colour"),
    (["SHOOT", "--background", "white"], 2, "--background needs --cutout"),
    (["SHOOT", "--blur", "3"], 2, "--blur needs --bokeh"),
    (["SHOOT", "--bokeh", "--blur", "21"], 2, "--blur 21: 0.2 to 20 percent"),
    (["SHOOT", "--bokeh", "--blur", "nan"], 2, "--blur nan: 0.2 to 20 percent"),
    (["SHOOT", "--tile", "8"], 2, "--tile 8: at least 32 pixels, or 0"),
    (["SHOOT", "--device", "gpu"], 2, "--device gpu: expected auto, cpu, cuda, cuda:1 or mps"),
    (["SHOOT", "--model", "none.safetensors"], 1, "no such weights file"),
    (["SHOOT", "--model", "none.onnx"], 1, "none.onnx: no such file"),
])  # fmt: skip
def test_what_cannot_work_is_said_before_anything_is_written(
    shoot, tmp_path, monkeypatch, capsys, words, status, message
):
    monkeypatch.chdir(tmp_path)
    try:
        assert main.main(["predict", *(str(shoot) if word == "SHOOT" else word for word in words)]) == status
    except SystemExit as error:
        assert error.code == status
    assert message in capsys.readouterr().err and written(tmp_path) == {
        "shoot/a.png",
        "shoot/b.png",
        "shoot/day 2/ä.png",
    }


def test_a_full_disk_stops_the_run_and_leaves_no_half_file(options, tmp_path, monkeypatch):
    def full(temporary, path):  # when all but the last step is done
        assert Path(temporary).stat().st_size > 0
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("ran.utils.files.os.replace", full)
    with pytest.raises(OSError, match="cannot be written .No space left on device"):
        predict.run(options)
    assert not written(tmp_path / "out")


def test_quiet_prints_warnings_and_errors_alone(options, shoot, capfd):
    options.quiet = True
    assert predict.run(options) == 0
    assert capfd.readouterr() == ("", "")
    (shoot / "text.jpg").write_text("no image")
    assert predict.run(options) == 1
    out, error = capfd.readouterr()
    assert not out and error.startswith("1 image(s) failed:\n")


@pytest.mark.slow
def test_names_beyond_the_code_page_are_no_error(options, tmp_path):
    """Windows with redirected output, imitated: what the console cannot show is replaced."""
    folder = tmp_path / "写真"
    folder.mkdir()
    write_image(folder / "夕日.png", photograph("coffee")[:100, :100])
    (folder / "壊れた.jpg").write_text("no image")
    command = [sys.executable, ROOT / "main.py", "predict", folder, "-o", tmp_path / "地図", "--table", "csv"]
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "cp1252"}
    result = subprocess.run([*command, "--device", "cpu"], capture_output=True, env=environment)
    assert result.returncode == 1 and b"Traceback" not in result.stderr, result.stderr
    assert b"1 image(s) failed" in result.stderr and written(tmp_path / "地図") == {"夕日.png", "focus.csv"}


@pytest.mark.slow
def test_two_processes_share_the_list_and_the_table(options, shoot, tmp_path):
    words = [ROOT / "main.py", "predict", shoot, "--output", tmp_path / "two", "--model_path", options.model_path,
             "--device", "cpu", "--table", "csv"]  # fmt: skip
    (shoot / "0 broken.png").write_text("no image")  # of the first process, which then waits for the second one
    result = processes.run(tmp_path / "said", *words, torchrun=True)
    assert result.returncode == 1 and "0 broken.png: not a readable image" in result.stderr, result.stderr
    options.table = "csv"
    predict.run(options)
    assert written(tmp_path / "two") == written(tmp_path / "out")
    assert (tmp_path / "two/focus.csv").read_text() == (tmp_path / "out/focus.csv").read_text()


@pytest.mark.parametrize("table", ["csv", ""])
def test_a_run_that_is_killed_leaves_no_stale_row(options, shoot, tmp_path, monkeypatch, table):
    options.table = "csv"
    predict.run(options)
    later(shoot / "a.png")
    options.table = table
    monkeypatch.setattr(predict.Prediction, "_write", lambda *_: None)  # the kill comes before it
    predict.run(options)
    assert {*rows(tmp_path / "out")} == {"b", "day 2/ä"}


@pytest.mark.slow
def test_ctrl_c_leaves_whole_files_and_a_table(options, shoot, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        os.link(shoot / "a.png", folder / f"{number:03}.png")
    words = ["predict", folder, "--output", tmp_path / "out", "--model_path", options.model_path, "--device", "cpu"]
    job = processes.Job(tmp_path / "said", *words, "--table", "csv")
    processes.until(job, lambda: list((tmp_path / "out").glob("*.png")))
    job.send_signal(signal.SIGINT)
    _, error = job.communicate()
    assert job.returncode == 130 and "Traceback" not in error
    names = {name for name in written(tmp_path / "out") if name.endswith(".png")}
    assert 0 < len(names) < 400 and all(read(tmp_path / "out" / name) is not None for name in names)
    assert not [name for name in names if name.startswith(".")]
    assert 0 < len(rows(tmp_path / "out")) <= len(names)
