"""Photographs of every kind, read right or refused in a sentence that names the way out."""

import io
import sys

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ran.photos.formats import read_photo, read_pixels
from tests.faults.making import BMP, DNG, FLOATS, GREY, JPEG_PLAIN, PICTURE, chunk, dng, encoded, tiff

ALPHA = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))


def heic(image: np.ndarray = PICTURE, **options) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(image)).save(file, **options)
    return file.getvalue()


def cicp(content: bytes, primaries: int, transfer: int) -> bytes:
    """A PNG that says its colours by ITU-T H.273."""
    return content[:33] + chunk(b"cICP", bytes((primaries, transfer, 0, 1))) + content[33:]


@pytest.mark.parametrize("name", ["a.heic", "a.jpg", "a.hif", "A.PNG"])
def test_heic_is_known_by_its_content(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(heic(quality=95))
    assert np.abs(read_pixels(tmp_path / name).astype(int) - PICTURE).mean() < 4
    assert np.abs(read_pixels(io.BytesIO(heic(quality=95))).astype(int) - PICTURE).mean() < 4
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ValueError, match=f"{name}: not a readable image .HEIC needs .*pip install pillow-heif"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize("place", range(40, 1000, 60))
def test_damaged_files_get_a_sentence_whatever_their_reader_raises(tmp_path, place):
    content = bytearray(heic(quality=50))
    content[place : place + 20] = bytes(range(255, 235, -1))
    (tmp_path / "a.heic").write_bytes(content)
    try:
        assert read_photo(tmp_path / "a.heic").pixels.ndim == 3  # not every byte counts
    except ValueError as error:
        assert str(error).startswith(f"{tmp_path / 'a.heic'}: not a readable image (")


def test_tiffs_of_senseless_tags_and_of_any_size_get_a_sentence(tmp_path, monkeypatch):
    tags = ImageFileDirectory_v2()
    tags.tagtype[254] = 2
    tags[254] = "text"
    Image.fromarray(PICTURE).save(tmp_path / "a.tif", tiffinfo=tags)
    with pytest.raises(ValueError, match="a.tif: not a readable image"):
        read_photo(tmp_path / "a.tif")
    Image.fromarray(PICTURE).save(tmp_path / "b.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="b.tif: .*exceeds limit of 200 pixels: make it smaller"):
        read_photo(tmp_path / "b.tif")


def test_avif_is_no_heic_and_needs_no_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.avif").write_bytes(encoded(PICTURE, "AVIF", quality=95))
    assert np.abs(read_pixels(tmp_path / "a.avif").astype(int) - PICTURE).mean() < 4


@pytest.mark.parametrize("kind", ["heic", "avif", "png"])
@pytest.mark.parametrize("transfer, name", [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_by_name(tmp_path, kind, transfer, name):
    path = tmp_path / f"a.{kind}"
    if kind == "png":
        path.write_bytes(cicp(encoded(PICTURE, "PNG"), 9, transfer))
    else:
        content = heic() if kind == "heic" else encoded(PICTURE, "AVIF")
        place = content.index(b"colrnclx") + 8
        path.write_bytes(content[:place] + bytes((0, 9, 0, transfer)) + content[place + 4 :])
    with pytest.raises(ValueError, match=f"a.{kind}: .*an HDR image .{name}.: save it as 8-bit JPEG or PNG"):
        read_photo(path)


def test_a_wide_gamut_without_profile_is_said(tmp_path):
    said: list[str] = []
    (tmp_path / "a.png").write_bytes(cicp(encoded(PICTURE, "PNG"), 12, 13))
    assert np.array_equal(read_photo(tmp_path / "a.png", said.append).pixels, PICTURE)
    assert len(said) == 1 and "a.png: its colours have a wider gamut" in said[0]
    (tmp_path / "a.png").write_bytes(cicp(encoded(PICTURE, "PNG"), 1, 13))
    read_photo(tmp_path / "a.png", said.append)
    assert len(said) == 1


@pytest.mark.parametrize("values", [FLOATS, FLOATS.astype(np.float16), np.dstack([FLOATS] * 3)])
def test_float_values_are_refused(tmp_path, values):
    (tmp_path / "a.tif").write_bytes(tiff(values, photometric="rgb" if values.ndim == 3 else "minisblack"))
    with pytest.raises(ValueError, match="a.tif: not a readable image .*save it as 8-bit PNG"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("head", [b"\xff\x0a\xfa\x7f", b"\0\0\0\x0cJXL \r\n\x87\n"])
def test_jpeg_xl_is_refused_by_name(tmp_path, head):
    (tmp_path / "a.jxl").write_bytes(head + bytes(99))
    with pytest.raises(ValueError, match="a.jxl: .*JPEG XL is not supported: save it as JPEG or PNG"):
        read_photo(tmp_path / "a.jxl")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "palette", "heic"])
def test_colours_under_transparency_do_not_count(tmp_path, kind):
    """Two images that look the same, with other colours where nobody sees them."""
    photos = []
    for hidden in (0, 200):
        pixels = np.where(ALPHA[..., None] == 0, np.uint8(hidden), PICTURE)
        rgba = np.dstack([pixels, np.where(ALPHA < 9, 0, ALPHA)])
        rgba[ALPHA < 9, :3] = hidden
        if kind == "palette":
            image = Image.fromarray(np.where(ALPHA < 9, 3, 7).astype(np.uint8)).convert("P")
            image.putpalette([hidden if level == 3 else 90 for level in range(256) for _ in "RGB"])
            content = encoded(image, "PNG", transparency=3)
        elif kind == "heic":
            content = heic(rgba, quality=-1)
        else:
            content = encoded(rgba, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
        (tmp_path / "a").write_bytes(content)
        photos.append(read_photo(tmp_path / "a"))
    first, second = photos
    assert np.array_equal(first.alpha, second.alpha) and (first.alpha[:, :2] == 0).all() and first.alpha.max() > 200
    assert (first.pixels[:, :2] == 128).all()  # grey
    tolerance = 8 if kind == "heic" else 0  # it is packed with loss, across the edge
    assert np.abs(first.pixels.astype(int) - second.pixels).max() <= tolerance


def test_opaque_images_have_no_alpha_and_transparency_is_turned_with_the_image(tmp_path):
    Image.fromarray(np.dstack([PICTURE, np.full_like(GREY, 255)])).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png").alpha is None
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.dstack([PICTURE, ALPHA])).save(tmp_path / "a.png", exif=exif)
    photo = read_photo(tmp_path / "a.png")
    assert photo.pixels.shape == (96, 64, 3) and np.array_equal(photo.alpha, np.rot90(ALPHA, -1))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("name, version", [("a.dng", True), ("a.tif", True), ("a.NEF", False), ("a.tiff", False)])
def test_camera_raw_files_are_developed_upright(tmp_path, name, version, orientation):
    pytest.importorskip("rawpy")
    (tmp_path / name).write_bytes(dng(orientation, version))
    upright = np.rot90(PICTURE, {1: 0, 3: 2, 6: -1, 8: 1}[orientation])
    with open(tmp_path / name, "rb") as file:
        for source in (tmp_path / name, file):
            developed = read_pixels(source)
            assert developed.shape == upright.shape and developed.dtype == np.uint8
            # Brightened as a whole, and blurred by the sensor's mosaic.
            assert np.abs(developed.astype(int) - upright).mean() < 15
            assert np.corrcoef(developed[..., 0].ravel(), upright[..., 0].ravel())[0, 1] > 0.98


def canon() -> bytes:
    """A TIFF with the mark of Canon's CR2 and a small image where Pillow looks."""
    directory = ImageFileDirectory_v2()
    for tag, value in ((256, 24), (257, 16), (258, (8, 8, 8)), (262, 2), (277, 3), (278, 16), (279, 1152), (273, 0)):
        directory[tag] = value
    return b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + directory.tobytes(16) + PICTURE[::4, ::4].tobytes()


RAW = {
    "a.dng": DNG, "a.tif": DNG, "b.tif": dng(version=False), "c.tif": canon(), "a.orf": b"IIRO" + bytes(99),
    "a.jpg": b"FUJIFILMCCD-RAW " + bytes(99), "b.jpg": b"\0\0\0\x18ftypcrx " + bytes(99), "a.rw2": b"IIU\0" + bytes(99),
    "a.cr3": b"no image", "a.arw": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_without_rawpy_raw_files_are_refused_with_advice(tmp_path, name, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / name).write_bytes(RAW[name])
    with pytest.raises(ValueError, match=f"{name}: .*a camera raw file needs another package: pip install rawpy"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize("name", ["a.orf", "a.cr3", "a.arw"])
def test_raw_files_that_rawpy_does_not_know_are_refused(tmp_path, name):
    pytest.importorskip("rawpy")
    (tmp_path / name).write_bytes(RAW[name])
    with pytest.raises(ValueError, match=f"{name}: .*rawpy cannot read.*save it as TIFF"):
        read_photo(tmp_path / name)


def test_plain_kinds_are_read_as_everywhere(tmp_path):
    for name, content in (("a.bmp", BMP), ("a.png", encoded(PICTURE, "PNG"))):
        (tmp_path / name).write_bytes(content)
        assert np.array_equal(read_pixels(tmp_path / name), PICTURE)
    (tmp_path / "a.jpg").write_bytes(JPEG_PLAIN)
    assert np.abs(read_pixels(tmp_path / "a.jpg").astype(int) - PICTURE).mean() < 3
    for name, content in (("a.png", b"no image"), ("none.png", None)):
        if content:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}: not a readable"):
            read_photo(tmp_path / name)
    with pytest.raises(ValueError, match="not a readable image .a folder, a pipe or the like"):
        read_photo(tmp_path)
