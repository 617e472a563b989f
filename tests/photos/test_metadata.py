import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from ran.data.images import write_image
from ran.photos.metadata import read_metadata
from tests.faults.making import GREY, JPEG, PICTURE, changed, dng

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RIGHTS = {0x010E: "a cat", 0x010F: "Canon", 0x0110: "EOS R5", 0x0112: 6, 0x0132: "2024:06:01 12:00:00",
          0x013B: "A. Photographer", 0x8298: "(c) A. Photographer"}  # fmt: skip
SHOT = {36867: "2024:06:01 12:00:00", 33437: 2.8, 37500: b"note" * 15000, 40962: 96, 40963: 64, 40961: 1}
PLACE = {1: "N", 2: (47.0, 22.0, 30.5)}


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
