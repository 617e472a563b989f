"""Camera raw files: developed where rawpy is installed, refused elsewhere; never their thumbnail."""

import sys

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ran.imaging.metadata import read_metadata
from ran.imaging.pictures import as_rgb, picture_size, read_image
from tests.faults.making import BMP, DNG, JPEG_PLAIN, PICTURE, dng, encoded, tiff

ADVICE = "not a readable picture .a camera raw file needs another package: pip install rawpy"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("name, version", [("a.dng", True), ("a.tif", True), ("a.NEF", False), ("a.tiff", False)])
def test_they_are_developed_upright(tmp_path, name, version, orientation):
    pytest.importorskip("rawpy")
    (tmp_path / name).write_bytes(dng(orientation, version))
    developed = read_image(tmp_path / name)
    upright = np.rot90(PICTURE, {1: 0, 3: 2, 6: -1, 8: 1}[orientation])
    assert developed.shape == upright.shape and developed.dtype == np.uint8
    assert picture_size(tmp_path / name) == PICTURE.shape[:2]
    # Brightened as a whole, and blurred by the sensor's mosaic.
    assert np.abs(developed.astype(int) - upright).mean() < 15
    assert np.corrcoef(developed[..., 0].ravel(), upright[..., 0].ravel())[0, 1] > 0.98


def canon(mark: bytes = b"CR\2\0") -> bytes:
    """A TIFF with the mark of Canon's CR2 and a small picture where Pillow looks."""
    directory = ImageFileDirectory_v2()
    for tag, value in ((256, 24), (257, 16), (258, (8, 8, 8)), (262, 2), (277, 3), (278, 16), (279, 1152), (273, 0)):
        directory[tag] = value
    head = b"II*\0\x10\0\0\0" + mark + bytes(4)
    return head + directory.tobytes(16) + PICTURE[::4, ::4].tobytes()  # adds to tag 273 where the pixels begin


KINDS = {
    "a.dng": DNG, "a.tif": DNG, "b.tif": dng(version=False), "c.tif": canon(),
    "a.nef": tiff(PICTURE, photometric="rgb"),
    "a.orf": b"IIRO" + bytes(99), "a.jpg": b"FUJIFILMCCD-RAW " + bytes(99), "a.raf": b"FUJIFILMCCD-RAW " + bytes(99),
    "b.jpg": bytes(4) + b"ftypcrx " + bytes(99), "a.rw2": b"IIU\0" + bytes(99), "a.cr3": b"no picture", "a.arw": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_without_rawpy_they_are_refused_with_advice(tmp_path, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / name).write_bytes(KINDS[name])
    with pytest.raises(ValueError, match=f"{name}: {ADVICE}"):
        read_image(tmp_path / name)
    assert picture_size(tmp_path / name) == (0, 0)


def test_what_rawpy_does_not_know_is_refused(tmp_path):
    pytest.importorskip("rawpy")
    for name in ("a.orf", "a.cr3", "a.arw", "a.nef"):
        (tmp_path / name).write_bytes(KINDS[name])
        with pytest.raises(ValueError, match=f"{name}: .*rawpy does not know: save it as a plain TIFF"):
            read_image(tmp_path / name)
    (tmp_path / "cut.dng").write_bytes(DNG[: len(DNG) // 2])
    with pytest.raises(ValueError, match="cut.dng: not a readable picture"):
        read_image(tmp_path / "cut.dng")


def test_the_thumbnail_that_pillow_sees_is_no_picture(tmp_path):
    for number, content in enumerate((DNG, dng(version=False), canon())):
        (tmp_path / f"{number}.dng").write_bytes(content)
        with (
            Image.open(tmp_path / f"{number}.dng") as picture,
            pytest.raises(ValueError, match="thumbnail of a camera raw file: give its path"),
        ):
            as_rgb(picture)


def test_other_pictures_of_these_names_are_what_they_hold(tmp_path):
    for content in (encoded(PICTURE, "PNG"), BMP):
        (tmp_path / "a.dng").write_bytes(content)
        assert np.array_equal(read_image(tmp_path / "a.dng"), PICTURE)
    marked = PICTURE.copy()
    marked[0, 0] = np.frombuffer(b"CR\2", np.uint8)  # where libtiff puts pixels, the others' mark may come by chance
    Image.fromarray(marked).save(tmp_path / "a.tif", compression="raw")
    assert np.array_equal(read_image(tmp_path / "a.tif"), marked)
    (tmp_path / "plain.tif").write_bytes(canon(bytes(4)))
    assert np.array_equal(read_image(tmp_path / "plain.tif"), PICTURE[::4, ::4])
    (tmp_path / "a.nef").write_bytes(JPEG_PLAIN)
    assert np.abs(read_image(tmp_path / "a.nef").astype(int) - PICTURE).mean() < 3


def test_their_metadata_are_those_of_their_file(tmp_path):
    (tmp_path / "a.dng").write_bytes(dng(6))
    kept = read_metadata(tmp_path / "a.dng")
    exif = Image.Exif()
    exif.load(kept["exif"])
    assert (exif[271], exif[272], exif[315]) == ("Maker", "Camera", "A. Photographer") and 274 not in exif
    assert not set(exif) & {256, 257, 273, 330, 50706} and "icc_profile" not in kept
