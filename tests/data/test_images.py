"""One case of each rule of data/images.py; test_never_wrong draws files of every kind."""

import io
import struct
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.data.images import as_rgb, read_image, to_8_bit, write_image
from tests.faults.making import GREY, PICTURE, SIXTEEN, dng, encoded, grey3, tiff, turned

DEEP = PICTURE.astype(np.uint16) * 257
ALPHA = np.dstack([PICTURE, GREY])
KINDS = {
    "a.jpg": encoded(PICTURE, "JPEG", quality=95), "a.png": encoded(PICTURE, "PNG"), "a.tif": encoded(PICTURE, "TIFF"),
    "lzw.tif": encoded(PICTURE, "TIFF", compression="tiff_lzw"), "a.webp": encoded(PICTURE, "WEBP", quality=95),
    "a.bmp": encoded(PICTURE, "BMP"), "a.gif": encoded(PICTURE, "GIF"), "a.avif": encoded(PICTURE, "AVIF"),
    "16.png": cv2.imencode(".png", DEEP[..., ::-1])[1].tobytes(), "16.tif": tiff(DEEP, photometric="rgb"),
}  # fmt: skip


INDICES = np.indices((5, 16)).sum(0, dtype=np.uint8) % 2
BMP = (b"BM", struct.pack("<4I2i2H2I2i2I", 142, 0, 62, 40, 16, 5, 1, 8, 0, 80, 2835, 2835, 2, 0),
       bytes(4), b"\xff\xff\xff\0", INDICES[::-1].tobytes())  # fmt: skip


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated File")
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_named(tmp_path, name):
    content = KINDS[name]
    assert read_image(written(tmp_path, name, content)).shape == PICTURE.shape
    for part in (0, 3, 20, len(content) // 2, len(content) * 9 // 10):
        with pytest.raises(ValueError, match=f"^{tmp_path / name}: not a readable image "):
            read_image(written(tmp_path, name, content[:part]))
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"^{tmp_path / name}: not a readable image .No such file"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("content, expected", [
    (tiff(255 - GREY, photometric="miniswhite"), grey3(GREY)),
    (tiff(SIXTEEN, photometric="minisblack", byteorder=">", compression="zlib"), grey3(GREY)),
    (tiff(DEEP, photometric="rgb", byteorder=">"), PICTURE),
    (tiff(ALPHA, photometric="rgb", extrasamples=["unassalpha"], tile=(16, 16)), PICTURE),
    (b"".join(BMP), grey3(INDICES * 255)),  # Pillow takes the indices of its palette for bits
])  # fmt: skip
def test_tiffs_and_a_bmp_are_read(tmp_path, content, expected):
    assert np.array_equal(read_image(written(tmp_path, "a.tif", content)), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_an_image_is_turned_upright(tmp_path, kind):
    for tag in range(1, 10):
        path = written(tmp_path, "a", turned(tag, kind))
        assert np.array_equal(as_rgb(Image.open(path)), read_image(path))
        assert np.abs(read_image(path).astype(int) - PICTURE).mean() < 5 or tag == 9


REFUSED = {
    "two pages": (tiff(PICTURE, PICTURE, photometric="rgb"), "a TIFF of 2 page.s. of 8 bits; expected 1 page of"),
    "raw, without a DNG's version": (dng(version=False), "a camera raw file; only `predict` and `serve`"),
    "DNG of one page": (tiff(PICTURE, photometric="rgb", extratags=[(50706, "B", 4, (1, 4, 0, 0))]), "a camera raw"),
    "floats": (encoded((GREY / 255).astype("f4"), "TIFF"), "a TIFF of 1 page.s. of 32 bits; .*: save it as 8-bit PNG"),
    "signed": (tiff(GREY.astype("i1"), photometric="minisblack"), "a TIFF of .* 8 bits; expected .* unsigned"),
    "32 bits": (tiff(GREY.astype("u4"), photometric="minisblack"), "a TIFF of .* 32 bits; expected .* unsigned"),
    "16 bits, 0 is white": (tiff(SIXTEEN, photometric="miniswhite"), "a TIFF of .* 16 bits; expected"),
    "CMYK of 16 bits": (tiff(np.dstack([SIXTEEN] * 4), photometric="separated"), "a TIFF of .* 16 bits; expected"),
    "planes": (tiff(PICTURE.transpose(2, 0, 1), photometric="rgb", planarconfig="separate"), "a TIFF .* planes"),
    "premultiplied": (tiff(ALPHA, photometric="rgb", extrasamples=["assocalpha"]), "a TIFF .* premultiplied"),
    "LAB": (encoded(Image.fromarray(PICTURE).convert("LAB"), "TIFF"), "a TIFF of .* no LAB"),
    "JPEG 2000": (encoded(PICTURE, "JPEG2000"), "damaged, or not one of JPEG, PNG, TIFF.*: save it as 8-bit PNG"),
    "text": (b"no image\n", "damaged"), "zeros": (bytes(5000), "damaged"), "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", "dam"),
}  # fmt: skip


@pytest.mark.parametrize("content, reason", REFUSED.values(), ids=REFUSED)
def test_what_is_not_in_the_list_is_refused_with_the_reason(tmp_path, content, reason):
    path = written(tmp_path, "a.image", content)
    for source in (path, path.open("rb")):
        with pytest.raises(ValueError, match=f"^{path}: not a readable image .{reason}"):
            read_image(source)


def test_all_levels_of_16_bits_and_of_floats_are_rounded_but_without_a_high_one_there_may_be_fewer(tmp_path):
    levels = np.arange(2**16, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(to_8_bit(levels), np.rint(levels / 257))
    assert np.array_equal(to_8_bit(levels / 65535), np.rint(levels / 257))
    for value in (-0.01, 1.01, np.nan):
        with pytest.raises(ValueError, match="floats between 0 and 1"):
            to_8_bit(np.array([0.5, value]))
    for values in (np.full((64, 96), 4095, np.uint16), np.full((64, 96, 3), 4095, np.uint16)):
        with pytest.raises(ValueError, match="highest level is 4095"):
            read_image(written(tmp_path, "a.png", cv2.imencode(".png", values)[1].tobytes()))
        values[9, 95] = 4096
        assert read_image(written(tmp_path, "a.png", cv2.imencode(".png", values)[1].tobytes())).max() == 16
        assert not read_image(written(tmp_path, "a.png", cv2.imencode(".png", values * 0)[1].tobytes())).any()


def test_images_in_memory():
    files = (KINDS["a.png"], io.BytesIO(KINDS["a.png"]), io.BytesIO(KINDS["16.png"]))
    colours = (*files, PICTURE, ALPHA, DEEP, PICTURE / 255, Image.fromarray(PICTURE), Image.fromarray(ALPHA))
    greys = (GREY, GREY[..., None], SIXTEEN, Image.fromarray(GREY))
    for image, expected in (*product(colours, [PICTURE]), *product(greys, [grey3(GREY)])):
        assert np.array_equal(as_rgb(image), expected)


@pytest.mark.parametrize("wrong, reason", [
    (GREY.astype(int), "of type int64: expected uint8, uint16, or floats"), (None, "NoneType of shape .*a path"),
    (PICTURE * 1.0, "type float64: .* between 0 and 1"), (PICTURE[None], ".1, 64, 96, 3."), ([1], ".1,.: expected"),
    (PICTURE[:0], "H x W x 1, 3 or 4"), (GREY.reshape(64, 48, 2), ".64, 48, 2."),
    (PICTURE.transpose(2, 0, 1) / 255, ".3, 64, 96.: expected"), (GREY > 127, "of type bool"),
    (Image.fromarray(SIXTEEN), "mode I;16: give its path"), (io.BytesIO(b"no image"), "^an open file: not a readable"),
])  # fmt: skip
def test_what_is_no_image_in_memory_is_refused(wrong, reason):
    with pytest.raises(ValueError, match=reason):
        as_rgb(wrong)


def test_images_are_written_whole(tmp_path):
    for image in (GREY, SIXTEEN, PICTURE, ALPHA):
        write_image(tmp_path / "a.png", image)
        assert np.array_equal(Image.open(tmp_path / "a.png"), image)
    write_image(tmp_path / "a.jpg", PICTURE)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - PICTURE).mean() < 2
    with pytest.raises(ValueError, match="wide.png: OpenCV cannot write it"):
        write_image(tmp_path / "wide.png", np.zeros((1, 1_000_001), np.uint8))
    assert not (tmp_path / "wide.png").exists()
