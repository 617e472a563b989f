import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from ran.imaging import writing
from ran.imaging.pictures import read_image
from ran.imaging.strips import Strips
from ran.imaging.writing import png, write_picture, write_png

SHAPES = [(1, 1), (5, 7), (900, 300), (3, 5000), (5000, 1)]
KINDS = [((), np.uint8, "L"), ((), np.uint16, "I;16"), ((3,), np.uint8, "RGB"), ((4,), np.uint8, "RGBA")]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("channels", "kind", "mode"), KINDS)
@pytest.mark.parametrize("packer", [writing.isal_zlib, None])
def test_both_libraries_read_what_is_written(shape, channels, kind, mode, packer, monkeypatch):
    monkeypatch.setattr(writing, "isal_zlib", packer)
    monkeypatch.setattr(writing, "STRIP_BYTES", 10_000)  # several strips, and rows that are longer than one
    picture = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (*shape, *channels)).astype(kind)
    data = b"".join(png(picture))
    with Image.open(io.BytesIO(data)) as read:
        assert read.mode == mode and np.array_equal(np.asarray(read), picture)
    blue_first = picture[..., [2, 1, 0, 3][: picture.shape[2]]] if channels else picture
    assert np.array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), blue_first)


def test_its_checksums_are_right(monkeypatch):
    """Pillow and OpenCV do not look at that of the packed rows."""
    monkeypatch.setattr(writing, "STRIP_BYTES", 1000)
    data, rows = b"".join(png(np.arange(6000, dtype=np.uint16).reshape(60, 100))), b""
    at, names = 8, []
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        name, stated = data[at + 4 : at + 8], int.from_bytes(data[end : end + 4], "big")
        assert zlib.crc32(data[at + 4 : end]) == stated
        rows += data[at + 8 : end] if name == b"IDAT" else b""
        names.append(name)
        at = end + 4
    assert names[0] == b"IHDR" and names[-1] == b"IEND" and names.count(b"IDAT") > 5
    assert len(zlib.decompress(rows)) == 60 * 201  # raises where its own checksum is wrong


def test_metadata_may_hold_any_letters(tmp_path):
    exif, picture = Image.Exif(), np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    exif[ExifTags.Base.ImageDescription] = "the IDAT chunk"
    for number, (comment, metadata) in enumerate([("", {"exif": exif}), ("IDAT", {"icc_profile": b"IDAT" * 9})]):
        write_png(path := tmp_path / f"{number}.png", picture, comment, metadata)
        assert np.array_equal(read_image(path), picture)


@pytest.mark.parametrize("kind", [bool, np.int32, np.float32])
def test_what_png_does_not_hold_is_refused(kind, tmp_path):
    with pytest.raises(ValueError, match="PNG holds uint8 and uint16"):
        write_png(tmp_path / "a.png", np.zeros((4, 5), kind))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(4, 5, 4), (65_501, 2, 3), (2, 65_501, 3)])
def test_what_jpeg_does_not_hold_is_refused(shape, tmp_path):
    with pytest.raises(ValueError, match="JPEG holds three channels, and at most 65500 pixels a side"):
        write_picture(tmp_path / "a.jpg", np.zeros(shape, np.uint8), {})
    assert not list(tmp_path.iterdir())


def test_a_part_of_an_array_is_written_as_it_is(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (90, 80, 4), np.uint8)
    write_png(tmp_path / "a.png", picture[::2, 5:60, :3])
    assert np.array_equal(read_image(tmp_path / "a.png"), picture[::2, 5:60, :3])


def test_png_round_trip_keeps_the_colours(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_png(tmp_path / "sub" / "ünï.png", picture)
    assert np.array_equal(read_image(tmp_path / "sub" / "ünï.png"), picture)


@pytest.mark.parametrize("shape", [*SHAPES, (203, 1201), (64, 8)])
def test_a_jpeg_in_strips_has_the_pixels_and_metadata_of_pillows(shape, monkeypatch, tmp_path):
    monkeypatch.setattr(writing, "STRIP_BYTES", 10_000)  # more strips than the eight kinds of restart markers
    picture = cv2.blur(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8), (3, 3))
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada"
    metadata = {"exif": exif, "icc_profile": bytes(range(256)) * 300, "dpi": (300, 300)}  # the profile in two segments
    write_picture(tmp_path / "a.jpg", picture, metadata, "made here")
    Image.fromarray(picture).save(tmp_path / "b.jpg", **metadata, quality=92, subsampling=0, comment="made here")
    for picture, other in zip(*([Image.open(tmp_path / f"{name}.jpg") for _ in "12"] for name in "ab")):
        assert picture.info == other.info and picture.size == other.size and picture.layer == other.layer
        assert picture.quantization == other.quantization
        assert np.array_equal(np.asarray(picture), np.asarray(other))
    seen = [cv2.imread(str(tmp_path / f"{name}.jpg")) for name in "ab"]
    assert np.array_equal(*seen)


def test_what_is_made_strip_by_strip_is_written_as_the_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(writing, "STRIP_BYTES", 10_000)
    picture, asked = np.random.default_rng(0).integers(0, 256, (300, 200, 4), np.uint8), []

    def make(rows: slice) -> np.ndarray:
        asked.append(rows.stop - rows.start)
        return picture[rows]

    write_picture(tmp_path / "a.png", Strips(picture.shape, make), {})
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED), picture[..., [2, 1, 0, 3]])
    assert sum(asked) == 300 and max(asked) == 12
    write_picture(tmp_path / "a.jpg", Strips((300, 200, 3), lambda rows: make(rows)[..., :3]), {})
    write_picture(tmp_path / "b.jpg", picture[..., :3], {})
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_a_strip_that_fails_leaves_no_file(tmp_path):
    def make(rows: slice) -> np.ndarray:
        raise MemoryError

    for suffix, channels in ((".png", 4), (".jpg", 3)):
        with pytest.raises(MemoryError):
            write_picture(tmp_path / f"a{suffix}", Strips((3000, 900, channels), make), {})
    assert not list(tmp_path.iterdir())


def test_comments_stand_in_the_header(tmp_path):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    write_png(tmp_path / "a.png", grey, "made here")
    write_png(tmp_path / "b.png", grey.astype(np.uint16) * 257, "made here")
    write_picture(tmp_path / "c.png", np.dstack([grey] * 4), {}, "made here")
    write_picture(tmp_path / "d.jpg", np.dstack([grey] * 3), {}, "made here")
    for path in sorted(tmp_path.iterdir()):
        with Image.open(path) as picture:  # which has not read its pixels yet
            assert picture.info.get("Comment", picture.info.get("comment")) in ("made here", b"made here")
            picture.load()
    assert np.array_equal(cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_UNCHANGED), grey.astype(np.uint16) * 257)
