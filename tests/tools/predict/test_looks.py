"""predict's renderings as options want them: what is written, and what is made anew when they change."""

import re

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.pictures import read_image
from ran.imaging.writing import write_png
from ran.main import main
from ran.tools.predict import command as predict
from ran.tools.predict.results import is_result
from ran.tools.sample import photograph
from tests.tools.predict.written import read, written


@pytest.fixture
def odd(tmp_path):
    """Pictures whose cut-outs have their own ways, and the one that all of them are of."""
    folder, cat = tmp_path / "odd", photograph("chelsea")[:120, :160]
    folder.mkdir()
    exif = Image.Exif()
    exif[0x8298], exif[0x0112] = "(c) A. Photographer", 6
    Image.fromarray(cat).save(folder / "turned.jpg", exif=exif, quality=95)
    cv2.imwrite(str(folder / "deep.png"), cat[..., ::-1].astype(np.uint16) * 257)
    Image.fromarray(cat).convert("CMYK").save(folder / "print.tif")
    Image.fromarray(cat).convert("L").save(folder / "grey.png")
    alpha = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    Image.fromarray(np.dstack([cat, alpha])).save(folder / "clear.png")
    return folder


def test_cut_outs_of_every_kind_lie_on_the_background(options, odd, tmp_path):
    options.paths, options.cutout, out = [str(odd)], True, tmp_path / "out"
    assert predict.run(options) == 0
    options.background = "#204080"
    assert predict.run(options) == 0
    names = ("turned", "deep", "print", "grey", "clear")
    assert written(out) == {name + end for name in names for end in (".png", ".cutout.png", ".cutout.jpg")}
    for name in names:
        cut = Image.open(out / f"{name}.cutout.png")
        expected = Image.new("RGBA", cut.size, "#204080")
        expected.alpha_composite(cut)
        made = read_image(out / f"{name}.cutout.jpg").astype(int)
        assert np.abs(made - np.asarray(expected)[..., :3]).mean() < 3 and is_result(out / f"{name}.cutout.jpg")
    assert np.abs(made[:, 0] - (0x20, 0x40, 0x80)).max() < 12  # the left rim of clear.png is transparent
    with Image.open(out / "turned.cutout.jpg") as picture:
        assert picture.size == (120, 160) and picture.getexif()[0x8298] == "(c) A. Photographer"
        assert 0x0112 not in picture.getexif()


def test_another_background_is_made_anew_and_the_same_one_is_not(options, shoot, tmp_path, capsys):
    options.paths, options.cutout = [str(shoot / "a.png")], True
    write_png(picture := tmp_path / "beach.png", photograph("coffee"))
    for background, done in (("", 1), ("white", 1), ("#fff", 0), (str(picture), 1), (str(picture), 0), ("", 0)):
        options.background = background
        assert predict.run(options) == 0
        assert f"{done} picture(s) in" in capsys.readouterr().out
    write_png(picture, photograph("rocket"))
    options.background = str(picture)
    before = read(tmp_path / "out/a.cutout.jpg")
    assert predict.run(options) == 0
    said = capsys.readouterr().out
    assert "1 picture(s) in" in said and "1 had results of another file of their name, or by other options" in said
    assert not np.array_equal(read(tmp_path / "out/a.cutout.jpg"), before)
    options.output, options.paths = str(tmp_path / "again"), [str(tmp_path / "out")]
    with pytest.raises(FileNotFoundError, match="left out: 3 earlier results"):
        predict.run(options)


def test_another_blur_makes_the_bokeh_anew(options, shoot, tmp_path, capsys):
    options.paths, options.overlay, options.bokeh = [str(shoot / "a.png")], True, True
    assert predict.run(options) == 0
    plain = read(tmp_path / "out/a.bokeh.jpg")
    for blur, done in ((2.4, 0), (8, 1), (8, 0), (1, 1)):
        options.blur = blur
        assert predict.run(options) == 0
        assert f"{done} picture(s) in" in capsys.readouterr().out
    assert not np.array_equal(read(tmp_path / "out/a.bokeh.jpg"), plain)
    options.bokeh = False  # what has no blur is there already
    assert predict.run(options) == 0 and "0 picture(s) in" in capsys.readouterr().out
    options.bokeh, options.blur = True, 2.4
    assert predict.run(options) == 0 and np.array_equal(read(tmp_path / "out/a.bokeh.jpg"), plain)


def test_what_cannot_work_is_said_before_anything_is_written(shoot, tmp_path, capsys):
    for words, message in (
        (["--cutout", "--background", "whit"], "--background: no colour, such as white .*, nor a picture: whit"),
        (["--background", "white"], "--background is about what is transparent: --cutout of predict"),
        (["--blur", "3"], "--blur is about the bokeh: --bokeh of predict"),
        (["--bokeh", "--blur", "21"], "--blur 21: 20 percent of the longer side at most"),
        (["--bokeh", "--blur", "0.1"], "0.1 is below the smallest value, 0.2"),
        (["--bokeh", "--blur", "nan"], "nan is below the smallest value, 0.2"),
    ):
        try:
            status = main(["predict", str(shoot), "--output", str(tmp_path / "out"), *words])
        except SystemExit as error:
            status = error.code
        assert status and re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
