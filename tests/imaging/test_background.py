import re

import numpy as np
import pytest
from PIL import Image

from ran.imaging.background import fitted, read_background
from ran.imaging.writing import write_png


@pytest.mark.parametrize("text", ["white", "#fff", "#ffffff", "rgb(255, 255, 255)", "hsl(0, 0%, 100%)"])
def test_colours_as_css_writes_them(text):
    background = read_background(text)
    assert (fitted(background, (3, 5)) == 255).all() and fitted(background, (3, 5)).shape == (3, 5, 3)
    assert background.code == read_background("white").code != read_background("#fffffe").code


def test_a_picture_covers_all_and_is_cut_at_both_sides_alike(tmp_path):
    stripes = np.repeat(np.arange(0, 200, 2, dtype=np.uint8), 4)  # 400 wide, brighter to the right
    write_png(tmp_path / "wide.png", np.repeat(np.tile(stripes, (100, 1))[..., None], 3, -1))
    background = read_background(str(tmp_path / "wide.png"))
    assert np.array_equal(fitted(background, (100, 400)), background.pixels)
    square = fitted(background, (50, 50))[..., 0]
    assert square.shape == (50, 50) and abs(int(square[:, 0].mean()) - 75) <= 2 and abs(int(square[0, -1]) - 123) <= 2
    tall = fitted(background, (800, 200))[..., 0]
    assert tall.shape == (800, 200) and tall.min() >= 90 and tall.max() <= 108
    assert fitted(background, (800, 200)) is fitted(background, (800, 200))  # the next frame costs nothing
    write_png(tmp_path / "other.png", background.pixels[:, ::-1])
    assert read_background(str(tmp_path / "other.png")).code != background.code


def test_a_deep_upright_picture_is_read_as_photographs_are(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (30, 20), (9, 99, 199)).save(tmp_path / "turned.png", exif=exif)
    assert read_background(str(tmp_path / "turned.png")).pixels.shape == (30, 20, 3)
    Image.fromarray(np.full((20, 30), 200 * 257, np.uint16)).save(tmp_path / "deep.png")
    assert (read_background(str(tmp_path / "deep.png")).pixels == 200).all()


def test_what_is_neither_is_refused(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    for text in ("whit", str(tmp_path / "text.jpg"), str(tmp_path)):
        with pytest.raises(ValueError, match="--background: no colour, such as white or #ffffff, nor a picture: .*"):
            read_background(text)
    with pytest.raises(ValueError, match="--background #ffffff80: a colour with transparency"):
        read_background("#ffffff80")
    for text in ("rgb(300,0,0)", "rgb(0%, 0%, 101%)", "hsl(0,200%,50%)"):
        with pytest.raises(ValueError, match=re.escape(f"--background {text}: no such colour: its numbers")):
            read_background(text)
