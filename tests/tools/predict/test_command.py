"""predict on files of every kind: what comes out, what goes on, what is refused and how."""

import csv
import errno
import io
import json
import os
import signal
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
from ran.utils.tool_options import PredictOptions
from tests import processes

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shoot(tmp_path) -> Path:
    """Three pictures, in a folder and one below it."""
    folder = tmp_path / "shoot"
    for number, name in enumerate(("a.png", "b.png", "day 2/ä.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(folder / name, photograph("coffee")[40 * number :, : 300 + 50 * number])
    return folder


@pytest.fixture
def options(shoot, run_folder, tmp_path) -> PredictOptions:
    return PredictOptions(paths=[str(shoot)], output=str(tmp_path / "out"), model_path=str(run_folder), device="cpu")


def read(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def written(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


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


def test_lines_of_an_older_version_are_made_anew(options, tmp_path, capsys):
    options.table, table = "csv", tmp_path / "out/focus.csv"
    predict.run(options)
    made = table.read_text()
    table.write_text(made.replace("decidedness", "confidence"))
    predict.run(options)
    assert "were there already" not in capsys.readouterr().out
    predict.run(options)
    assert "0 picture(s)" in capsys.readouterr().out


def test_a_stopped_run_goes_on_where_it_was(options, tmp_path, capsys):
    options.table = "csv"
    options.paths = [f"{options.paths[0]}/a.png"]
    predict.run(options)
    before = (tmp_path / "out/a.png").stat().st_mtime_ns
    options.paths = [str(tmp_path / "shoot")]
    assert predict.run(options) == 0
    assert "1 were there already" in capsys.readouterr().out
    assert (tmp_path / "out/a.png").stat().st_mtime_ns == before
    assert len((tmp_path / "out/focus.csv").read_text().splitlines()) == 4
    os.utime(tmp_path / "shoot/a.png")  # a newer photograph of that name
    predict.run(options)
    assert (tmp_path / "out/a.png").stat().st_mtime_ns > before
    options.overwrite = True
    before = (tmp_path / "out/b.png").stat().st_mtime_ns
    predict.run(options)
    assert (tmp_path / "out/b.png").stat().st_mtime_ns > before
    options.overwrite, options.overlay = False, True  # a new wish is fulfilled for old maps, too
    predict.run(options)
    assert (tmp_path / "out/a.overlay.jpg").exists()


def test_a_replaced_photograph_is_seen_whatever_its_date(options, shoot, tmp_path, capsys):
    options.overlay = True
    assert predict.run(options) == 0
    before = read(tmp_path / "out/a.png")
    write_png(shoot / "a.png", photograph("chelsea")[:200, :300])
    for path in shoot.glob("*.png"):  # b.png is as it was, with another date
        os.utime(path, (10**9, 10**9))
    assert predict.run(options) == 0
    said = capsys.readouterr().out
    assert "1 picture(s)" in said and "2 were there" in said and "1 had results of another file of their name" in said
    assert not np.array_equal(read(tmp_path / "out/a.png"), before)
    options.overlay = False
    write_png(shoot / "a.png", photograph("coffee")[:200, :300])
    os.utime(shoot / "a.png", (10**9, 10**9))
    predict.run(options)
    options.overlay = True  # of the photograph before
    predict.run(options)
    assert capsys.readouterr().out.count("1 had results of another file") == 2
    options.tta = True  # another map
    predict.run(options)
    assert "3 had results of another file of their name, or by other options" in capsys.readouterr().out
    Image.open(tmp_path / "out/a.png").save(tmp_path / "out/a.png")  # without a comment: somebody's
    with pytest.raises(ValueError, match="a.png: no result of predict, .*--overwrite replaces it"):
        predict.run(options)
    options.overwrite = True
    assert predict.run(options) == 0


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


def bad_files(folder: Path) -> None:
    """Files that are none, and pictures that look odd; all in one folder."""
    good = photograph("chelsea")[:120, :160]
    jpeg = io.BytesIO()
    Image.fromarray(good).save(jpeg, "JPEG")
    (folder / "bad_cut.jpg").write_bytes(jpeg.getvalue()[:-3000])
    (folder / "bad_text.jpg").write_text("no picture")
    (folder / "bad_empty.png").touch()
    (folder / "bad_link.jpg").symlink_to(folder / "nowhere.jpg")
    Image.new("1", (20000, 20000)).save(folder / "bad_bomb.png")
    Image.fromarray(good[:1, :1]).save(folder / "tiny.png")
    Image.fromarray(np.tile(good[:10], (1, 125, 1))).save(folder / "wide.png")
    frames = [Image.fromarray(x).convert("P") for x in (good, 255 - good)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    cv2.imwrite(str(folder / "deep.png"), good.astype(np.uint16) * 257)
    Image.fromarray(good).convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(good).quantize(64).save(folder / "palette.png", transparency=3)


@pytest.mark.parametrize("tile", [0, 500])
def test_odd_pictures_work_and_broken_ones_are_named_at_the_end(options, tmp_path, capsys, tile):
    folder = tmp_path / "odd"
    folder.mkdir()
    bad_files(folder)
    options.paths, options.tile, options.table = [str(folder)], tile, "csv"
    options.overlay = options.cutout = options.bokeh = True
    assert predict.run(options) == 1
    error = capsys.readouterr().err
    assert "5 picture(s) failed" in error
    for name in ("bad_cut.jpg", "bad_text.jpg", "bad_empty.png", "bad_link.jpg", "bad_bomb.png"):
        assert f"{name}: not a readable picture" in error
    maps = {name for name in written(tmp_path / "out") if name.count(".") == 1} - {"focus.csv"}
    assert maps == {f"{name}.png" for name in ("tiny", "wide", "moving", "deep", "print", "palette")}
    assert read(tmp_path / "out/tiny.png").shape == (1, 1) and read(tmp_path / "out/wide.png").shape == (10, 20000)


def test_what_cannot_work_is_said_before_anything_is_written(options, tmp_path):
    for change, message in (
        ({"paths": []}, "name photographs"),
        ({"paths": [str(tmp_path / "none")]}, "no such file or folder"),
        ({"size": 8}, "at least 32"),
        ({"model_path": str(tmp_path / "none.safetensors")}, "no such weights file"),
        ({"engine": "onnx"}, "main.py export --model .*with PyTorch"),
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
    result = processes.run(tmp_path / "said", *words, stdin=f"{shoot}/a.png\n{shoot}/missing.png\n")
    assert result.returncode == 1 and "missing.png: not a readable picture" in result.stderr
    assert "Traceback" not in result.stderr and written(tmp_path / "out") == {"a.png", "ä.png"}


def test_two_processes_share_the_list_and_merge_the_table(options, shoot, tmp_path):
    words = [ROOT / "main.py", "predict", shoot, "--output", tmp_path / "two", "--model_path", options.model_path,
             "--device", "cpu", "--table", "csv"]  # fmt: skip
    result = processes.run(tmp_path / "said", *words, torchrun=True)
    assert result.returncode == 0, result.stderr
    options.table = "csv"
    predict.run(options)
    assert written(tmp_path / "two") == written(tmp_path / "out")
    assert (tmp_path / "two/focus.csv").read_text() == (tmp_path / "out/focus.csv").read_text()
    assert "3 picture(s)" in result.stdout
    result = processes.run(tmp_path / "said", *words, torchrun=True)
    assert result.returncode == 0 and "0 picture(s)" in result.stdout and "3 were there already" in result.stdout


def test_ctrl_c_leaves_whole_files_and_a_table(options, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        os.link(tmp_path / "shoot/a.png", folder / f"{number:03}.png")
    words = ["predict", folder, "--output", tmp_path / "out", "--model_path", options.model_path, "--device", "cpu"]
    job = processes.Job(tmp_path / "said", *words, "--table", "csv")
    processes.until(job, lambda: list((tmp_path / "out").glob("*.png")))
    job.send_signal(signal.SIGINT)
    _, error = job.communicate()
    assert job.returncode == 130 and "Traceback" not in error
    names = {name for name in written(tmp_path / "out") if name.endswith(".png")}
    assert 0 < len(names) < 400 and all(read(tmp_path / "out" / name) is not None for name in names)
    assert not [name for name in names if name.startswith(".")]
    assert len((tmp_path / "out/focus.csv").read_text().splitlines()) == len(names) + 1


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


def test_doubtful_values_and_long_strips_are_named_at_the_end(options, shoot, tmp_path, capsys):
    twelve = photograph("coffee")[..., ::-1].astype(np.uint16) * 16
    cv2.imwrite(str(shoot / "twelve.png"), twelve)
    write_png(shoot / "strip.png", np.tile(photograph("coffee")[:100, :300], (1, 2, 1)))
    assert predict.run(options) == 0
    error = capsys.readouterr().err
    assert f"warning: {shoot}/twelve.png: its highest level is {twelve.max()} of 65535" in error
    assert "--depth 12 of predict" in error and error.count("warning: ") == 2
    assert f"warning: {shoot}/strip.png: 600 x 100 is a long strip" in error and "--tile 100 of predict" in error
    dark = read(tmp_path / "out/twelve.png")
    options.depth, options.tile, options.overwrite = 12, 100, True
    assert predict.run(options) == 0 and "warning" not in capsys.readouterr().err
    write_png(tmp_path / "same.png", np.rint(twelve / 4095 * 255).astype(np.uint8)[..., ::-1])
    expected = quantised(load_model(options.model_path, "cpu")(tmp_path / "same.png", tile=100))
    assert np.array_equal(read(tmp_path / "out/twelve.png"), expected) and not np.array_equal(expected, dark)
    options.depth = 10
    assert predict.run(options) == 1
    error = capsys.readouterr().err
    assert "1 picture(s) failed" in error and "twelve.png: not a readable picture" in error and "and 1023" in error


def test_pictures_beyond_the_limit_are_done_on_request(options, tmp_path, capsys):
    options.max_megapixels = 0.11  # a.png has 0.12 million
    options.paths = [f"{options.paths[0]}/a.png"]
    assert predict.run(options) == 1
    error = capsys.readouterr().err
    assert "a.png: not a readable picture" in error and "exceeds limit of 110000 pixels; --max_megapixels" in error
    options.max_megapixels = 0.13
    assert predict.run(options) == 0 and written(tmp_path / "out") == {"a.png"}


def test_a_side_that_jpeg_cannot_hold_leaves_map_and_cut_out(options, shoot, tmp_path, capsys):
    write_png(tmp_path / "long.png", np.tile(photograph("coffee")[:8, :600], (1, 110, 1)))
    options.paths, options.tile, options.table = [str(tmp_path / "long.png")], 32 * 100, "csv"
    options.overlay = options.cutout = options.bokeh = True
    assert predict.run(options) == 1
    assert "long.png: JPEG holds at most 65500 pixels a side: no overlay, bokeh; the rest is written" in (
        capsys.readouterr().err
    )
    assert written(tmp_path / "out") == {"long.png", "long.cutout.png", "focus.csv"}
    assert read(tmp_path / "out/long.png").shape == read(tmp_path / "out/long.cutout.png").shape[:2] == (8, 66000)


def test_cut_outs_stay_transparent_and_renderings_keep_the_rights(options, tmp_path):
    alpha = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "(c) A. Photographer", 6
    cat = photograph("chelsea")[:200, :300]
    Image.fromarray(np.dstack([cat, alpha])).save(tmp_path / "a.png", exif=exif, dpi=(300, 300))
    options.paths, options.cutout, options.bokeh = [str(tmp_path / "a.png")], True, True
    assert predict.run(options) == 0
    focus_map, cut = read(tmp_path / "out/a.png"), read(tmp_path / "out/a.cutout.png")
    assert cut.shape == (300, 200, 4)
    expected = focus_map.astype(float) * np.rot90(alpha, -1) / 255
    assert np.abs(cut[..., 3] - expected).max() <= 1
    for name in ("a.cutout.png", "a.bokeh.jpg"):
        with Image.open(tmp_path / "out" / name) as made:
            assert made.getexif()[0x8298] == "(c) A. Photographer" and 0x0112 not in made.getexif()
            assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)
