"""Image files of every kind, read right or refused in a sentence that names the way out; their metadata."""

import io
import sys

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ran.data.images import write_image
from ran.photos.formats import read_metadata, read_photo, read_pixels
from tests.faults.making import BMP, DNG, FLOATS, GREY, JPEG, JPEG_PLAIN, PICTURE, changed, chunk, dng, encoded, tiff

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RIGHTS = {0x010E: "a cat", 0x010F: "Canon", 0x0110: "EOS R5", 0x0112: 6, 0x0132: "2024:06:01 12:00:00",
          0x013B: "A. Photographer", 0x8298: "(c) A. Photographer"}  # fmt: skip
SHOT = {36867: "2024:06:01 12:00:00", 33437: 2.8, 37500: b"note" * 15000, 40962: 96, 40963: 64, 40961: 1}
PLACE = {1: "N", 2: (47.0, 22.0, 30.5)}
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
@pytest.mark.parametrize("primaries, transfer, reason", [
    (9, 16, "an HDR image .PQ."), (9, 18, "an HDR image .HLG."), (12, 13, "colours of a wider gamut than sRGB without"),
])  # fmt: skip
def test_colours_that_are_not_like_srgb_are_refused_by_name(tmp_path, kind, primaries, transfer, reason):
    path = tmp_path / f"a.{kind}"
    if kind == "png":
        path.write_bytes(cicp(encoded(PICTURE, "PNG"), primaries, transfer))
    else:
        content = heic() if kind == "heic" else encoded(PICTURE, "AVIF")
        place = content.index(b"colrnclx") + 8
        path.write_bytes(content[:place] + bytes((0, primaries, 0, transfer)) + content[place + 4 :])
    with pytest.raises(ValueError, match=f"a.{kind}: not a readable image .{reason}.*: save it as .*JPEG or PNG"):
        read_photo(path)


@pytest.mark.parametrize("primaries, profile", [(1, None), (12, PROFILE)])
def test_colours_like_srgb_or_with_a_profile_are_read(tmp_path, primaries, profile):
    (tmp_path / "a.png").write_bytes(cicp(encoded(PICTURE, "PNG", icc_profile=profile), primaries, 13))
    assert np.array_equal(read_pixels(tmp_path / "a.png"), PICTURE)


@pytest.mark.parametrize("values", [FLOATS, FLOATS.astype(np.float16), np.dstack([FLOATS] * 3)])
def test_float_values_are_refused(tmp_path, values):
    (tmp_path / "a.tif").write_bytes(tiff(values, photometric="rgb" if values.ndim == 3 else "minisblack"))
    with pytest.raises(ValueError, match="a.tif: not a readable image .*save it as 8-bit PNG"):
        read_photo(tmp_path / "a.tif")


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


def rights() -> Image.Exif:
    exif = Image.Exif()
    exif.update(RIGHTS)
    exif.get_ifd(ExifTags.IFD.Exif).update(SHOT)
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(PLACE)
    return exif


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.tif", "a.webp", "a.heic", "b.jpg"])
@pytest.mark.parametrize("name", ["out.jpg", "out.png"])
def test_renderings_keep_author_rights_date_camera_and_place_upright(tmp_path, source, name):
    image, exif = Image.fromarray(PICTURE), rights().tobytes()
    if source in ("a.heic", "b.jpg"):  # HEIC by content, whatever its suffix
        import pillow_heif

        heic = pillow_heif.from_pillow(image)
        heic.info["icc_profile"] = PROFILE
        heic.save(tmp_path / "x.heic", exif=exif)
        (tmp_path / "x.heic").rename(tmp_path / source)
    else:
        image.save(tmp_path / source, icc_profile=PROFILE, exif=exif)
    shown = np.dstack([PICTURE, GREY]) if name == "out.png" else PICTURE
    write_image(tmp_path / name, shown, read_metadata(tmp_path / source))
    with Image.open(tmp_path / name) as result:
        exif = result.getexif()
        assert {tag: exif.get(tag) for tag in RIGHTS} == RIGHTS | {0x0112: None}
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert {tag: details.get(tag) for tag in SHOT} == SHOT | {37500: None, 40962: None, 40963: None}
        assert dict(exif.get_ifd(ExifTags.IFD.GPSInfo)) == PLACE
        assert result.info["icc_profile"] == PROFILE
        assert result.size == (96, 64) and result.mode == ("RGBA" if name == "out.png" else "RGB")


def test_what_does_not_fit_a_rendering_is_dropped(tmp_path):
    Image.fromarray(PICTURE).convert("CMYK").save(tmp_path / "a.jpg", icc_profile=PROFILE)
    assert read_metadata(tmp_path / "a.jpg") == {}
    large = Image.Exif()
    large.get_ifd(ExifTags.IFD.Exif)[37510] = b"words" * 20000  # more than a JPEG holds
    Image.fromarray(PICTURE).save(tmp_path / "b.png", exif=large)
    assert read_metadata(tmp_path / "b.png") == {}


def test_damaged_exif_is_dropped(tmp_path):
    (tmp_path / "a.jpg").write_bytes(changed(JPEG, b"Exif", 6, b"II\x2a\0\xff\xff\xff\xff"))
    (tmp_path / "none.jpg").write_bytes(b"no image")
    assert read_metadata(tmp_path / "a.jpg") == read_metadata(tmp_path / "none.jpg") == {}


def test_metadata_of_a_camera_raw_file(tmp_path):
    (tmp_path / "a.dng").write_bytes(dng(6))
    write_image(tmp_path / "out.jpg", PICTURE, read_metadata(tmp_path / "a.dng"))
    with Image.open(tmp_path / "out.jpg") as result:
        exif = result.getexif()
        assert (exif[271], exif[272], exif[315]) == ("Maker", "Camera", "A. Photographer")
        assert not set(exif) & {256, 257, 273, 274, 330, 50706} and "icc_profile" not in result.info
