"""predict on pictures of odd kinds, shapes and sizes: what comes out, and what is said of them."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.resizing import quantised
from ran.imaging.writing import write_png
from ran.predictor import load_model
from ran.tools.predict import command as predict
from ran.tools.sample import photograph
from tests.tools.predict.written import read, written


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


@pytest.mark.slow
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


@pytest.mark.slow
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
