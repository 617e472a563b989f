"""Image files that data.images does not read itself, transparency, and the metadata of renderings."""

import io
import sys

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from ran.data.images import write_image
from ran.photos.formats import read_metadata, read_photo, read_pixels
from tests.faults.making import DNG, EXIF, FLOATS, GREY, JPEG, PICTURE, changed, chunk, dng, encoded, tiff

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RIGHTS = {0x010E: "a cat", 0x010F: "Canon", 0x0112: 6, 0x0132: "2024:06:01 12:00:00", 0x8298: "(c) A. Photographer"}
SHOT = {36867: "2024:06:01 12:00:00", 33437: 2.8, 37500: b"note" * 15000, 40962: 96, 40963: 64, 40961: 1}
PLACE = {1: "N", 2: (47.0, 22.0, 30.5)}
ALPHA = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
heif = pytest.importorskip("pillow_heif")


def heic(image: np.ndarray = PICTURE, **options) -> bytes:
    file, opened = io.BytesIO(), heif.from_pillow(Image.fromarray(image))
    opened.info["icc_profile"] = options.pop("icc_profile", None)
    opened.save(file, **options)
    return file.getvalue()


def colours(kind: str, primaries: int, transfer: int, **options) -> bytes:
    """A file that says its colours by ITU-T H.273."""
    content = heic() if kind == "heic" else encoded(PICTURE, kind, **options)
    if kind == "PNG":
        return content[:33] + chunk(b"cICP", bytes((primaries, transfer, 0, 1))) + content[33:]
    return changed(content, b"colrnclx", 8, bytes((0, primaries, 0, transfer)))


@pytest.mark.parametrize("content, tolerance", [
    (encoded(PICTURE, "JPEG", quality=95), 3), (encoded(PICTURE, "AVIF", quality=95), 4),
    (colours("PNG", 1, 13), 0), (colours("PNG", 12, 13, icc_profile=PROFILE), 0), (heic(quality=95), 4),
], ids=["JPEG", "AVIF", "sRGB", "profile", "HEIC"])  # fmt: skip
def test_images_are_read_by_their_content(tmp_path, content, tolerance):
    (tmp_path / "a.jpg").write_bytes(content)
    for source in (tmp_path / "a.jpg", io.BytesIO(content)):
        assert np.abs(read_pixels(source).astype(int) - PICTURE).mean() <= tolerance


WIDE = "colours of a wider gamut than sRGB without .*: save it as JPEG or PNG in sRGB"
REFUSED = [  # file, content, package that is missing, reason
    *(("a", colours(kind, *codes), "", reason) for kind in ("heic", "AVIF", "PNG") for codes, reason in (
        ((9, 16), "an HDR image .PQ.: save it as"), ((9, 18), "an HDR image .HLG."), ((9, 13), WIDE), ((11, 13), WIDE),
        ((12, 13), WIDE))),
    ("a", heic()[:-300], "", ""), ("a", tiff(FLOATS, photometric="minisblack"), "", ".*save it as 8-bit PNG"),
    ("a.jpg", heic(), "pillow_heif", "HEIC needs another package: pip install pillow-heif"),
    ("a.jpg", DNG, "rawpy", "a camera raw file needs another package: pip install rawpy"),
    ("a.RAF", b"FUJIFILMCCD-RAW", "rawpy", "a camera raw file needs"),
]  # fmt: skip


@pytest.mark.parametrize("name, content, package, reason", REFUSED, ids=range(len(REFUSED)))
def test_what_is_not_srgb_and_packages_that_lack_are_named(tmp_path, monkeypatch, name, content, package, reason):
    (tmp_path / name).write_bytes(content)
    monkeypatch.setitem(sys.modules, package or "none", None)
    with pytest.raises(ValueError, match=f"{name}: not a readable image .{reason}"):
        read_photo(tmp_path / name)


@pytest.mark.parametrize("kind, tolerance", [("PNG", 0), ("palette", 0), ("heic", 8)])  # HEIC: with loss
def test_colours_under_transparency_do_not_count(kind, tolerance):
    """Two images that look the same, with other colours where nobody sees them."""
    photos, clear = [], ALPHA < 9
    for hidden in (0, 200):
        rgba, more = np.dstack([np.where(clear[..., None], hidden, PICTURE), ALPHA * ~clear]).astype(np.uint8), {}
        image = Image.fromarray(rgba)
        if kind == "palette":
            image, more = Image.fromarray(clear.astype(np.uint8)), {"transparency": 1}
            image.putpalette([90] * 3 + [hidden] * 3)
        content = heic(rgba, quality=-1) if kind == "heic" else encoded(image, "PNG", **more)
        photos.append(read_photo(io.BytesIO(content)))
    first, second = photos
    assert np.array_equal(first.alpha, second.alpha) and (first.alpha[:, :2] == 0).all() and first.alpha.max() > 200
    assert (first.pixels[:, :2] == 128).all()  # grey
    assert np.abs(first.pixels.astype(int) - second.pixels).max() <= tolerance


def test_transparency_is_turned_with_the_image():
    blended = PICTURE * (ALPHA[..., None] / 255) + 128 * (1 - ALPHA[..., None] / 255)
    for about, turns in ((EXIF, -1), (b"Exif\0\0damaged", 0)):
        photo = read_photo(io.BytesIO(encoded(np.dstack([PICTURE, ALPHA]), "PNG", exif=about)))
        assert np.array_equal(photo.alpha, np.rot90(ALPHA, turns))
        assert np.abs(photo.pixels - np.rot90(blended, turns)).max() <= 1
    assert read_photo(io.BytesIO(encoded(np.dstack([PICTURE, np.full_like(GREY, 255)]), "PNG"))).alpha is None


@pytest.mark.parametrize("name, version, orientation", [("a.dng", True, 1), ("a.tif", True, 6), ("a.NEF", False, 8)])
def test_camera_raw_files_are_developed_upright(tmp_path, name, version, orientation):
    pytest.importorskip("rawpy")
    (tmp_path / name).write_bytes(dng(orientation, version))
    upright, developed = np.rot90(PICTURE, {1: 0, 6: -1, 8: 1}[orientation]), read_pixels(tmp_path / name)
    assert developed.shape == upright.shape and developed.dtype == np.uint8
    # Brightened as a whole, and blurred by the sensor's mosaic.
    assert np.abs(developed.astype(int) - upright).mean() < 15
    assert np.corrcoef(developed[..., 0].ravel(), upright[..., 0].ravel())[0, 1] > 0.98


@pytest.mark.parametrize("kind, name", [("JPEG", "a.png"), ("PNG", "a.jpg"), ("TIFF", "a.jpg"), ("heic", "a.png")])
def test_renderings_keep_author_rights_date_camera_and_place_upright(tmp_path, kind, name):
    exif = Image.Exif()
    exif.update(RIGHTS)
    exif.get_ifd(ExifTags.IFD.Exif).update(SHOT)
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(PLACE)
    about = {"icc_profile": PROFILE, "exif": exif.tobytes()}
    (tmp_path / "in").write_bytes(heic(**about) if kind == "heic" else encoded(PICTURE, kind, **about))
    write_image(tmp_path / name, np.dstack([PICTURE, GREY][: 1 + (name == "a.png")]), read_metadata(tmp_path / "in"))
    with Image.open(tmp_path / name) as result:
        exif = result.getexif()
        assert {tag: exif.get(tag) for tag in RIGHTS} == RIGHTS | {0x0112: None}
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert {tag: details.get(tag) for tag in SHOT} == SHOT | {37500: None, 40962: None, 40963: None}
        assert dict(exif.get_ifd(ExifTags.IFD.GPSInfo)) == PLACE and result.info["icc_profile"] == PROFILE
        assert result.size == (96, 64) and result.mode == ("RGBA" if name == "a.png" else "RGB")


def test_metadata_that_are_damaged_or_do_not_fit_a_rendering_are_dropped(tmp_path):
    large = Image.Exif()
    large[305] = "software"
    large.get_ifd(ExifTags.IFD.Exif)[37510] = b"words" * 20000  # more than a JPEG holds
    cmyk = encoded(Image.fromarray(PICTURE).convert("CMYK"), "JPEG", icc_profile=PROFILE)
    broken = changed(JPEG, b"Exif", 6, b"II\x2a\0" + b"\xff" * 4)
    for content in (cmyk, broken, encoded(PICTURE, "PNG", exif=large), b"no image"):
        (tmp_path / "a").write_bytes(content)
        assert read_metadata(tmp_path / "a") == {}
    (tmp_path / "a.dng").write_bytes(DNG)  # of a camera raw file, those that do not say how its values are stored
    exif = Image.Exif()
    exif.load(read_metadata(tmp_path / "a.dng")[cv2.IMAGE_METADATA_EXIF])
    assert exif[272] == "Camera" and exif[315] == "A. Photographer" and not {256, 257, 273, 274, 330, 50706} & {*exif}
