import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from ran.imaging.metadata import read_metadata
from ran.imaging.writing import write_picture
from tests.faults.making import GREY, JPEG, PICTURE, changed

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


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.tif", "a.webp", "a.heic"])
@pytest.mark.parametrize("name", ["b.jpg", "b.png"])
def test_renderings_keep_author_rights_date_camera_and_place_upright(tmp_path, source, name):
    picture, exif = Image.fromarray(PICTURE), rights().tobytes()
    if source == "a.heic":
        import pillow_heif

        pillow_heif.from_pillow(picture).save(tmp_path / source, exif=exif)
    else:
        picture.save(tmp_path / source, dpi=(300, 300), icc_profile=PROFILE, exif=exif)
    shown = np.dstack([PICTURE, GREY]) if name == "b.png" else PICTURE
    write_picture(tmp_path / name, shown, read_metadata(tmp_path / source))
    with Image.open(tmp_path / name) as made:
        exif = made.getexif()
        assert {tag: exif.get(tag) for tag in RIGHTS} == RIGHTS | {0x0112: None}
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert {tag: details.get(tag) for tag in SHOT} == SHOT | {37500: None, 40962: None, 40963: None}
        assert dict(exif.get_ifd(ExifTags.IFD.GPSInfo)) == PLACE
        if source in ("a.jpg", "a.png", "a.tif"):
            assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        if source != "a.heic":
            assert made.info["icc_profile"] == PROFILE
        assert made.size == (96, 64) and made.mode == ("RGBA" if name == "b.png" else "RGB")


@pytest.mark.parametrize("top", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_those_of_a_tiff_are_of_the_page_that_is_read(tmp_path, top, order):
    whole = {"uint8": PICTURE, "uint16": PICTURE.astype(np.uint16) * 257, "float32": np.float32(PICTURE / 255)}[top]
    rights = [(315, "s", 0, "A. Photographer", True), (33432, "s", 0, "(c) A. Photographer", True)]
    about = {"resolution": (300, 300), "resolutionunit": "inch", "extratags": rights}
    file, plain = tmp_path / "a.tif", {"photometric": "rgb", "metadata": None, "software": False}
    for said_by in (0, 1):  # by the thumbnail, as cameras do, or by the page itself
        with tifffile.TiffWriter(file, byteorder=order) as writer:
            writer.write(whole[::4, ::4], subfiletype=1, **plain, **(about if not said_by else {}))
            writer.write(whole, **plain, **(about if said_by else {}))
        kept = read_metadata(file)
        write_picture(tmp_path / "b.jpg", PICTURE, kept)
        with Image.open(tmp_path / "b.jpg") as made:
            assert (made.getexif()[315], made.getexif()[33432]) == ("A. Photographer", "(c) A. Photographer")
            assert not said_by or made.info["dpi"] == (300, 300)


def test_a_profile_and_a_resolution_stay_beside_a_damaged_exif(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.jpg", dpi=(300, 300), icc_profile=PROFILE, exif=rights())
    (tmp_path / "a.jpg").write_bytes(changed((tmp_path / "a.jpg").read_bytes(), b"Exif", 6, b"no TIFF."))
    assert read_metadata(tmp_path / "a.jpg") == {"icc_profile": PROFILE, "dpi": (300, 300)}


def test_what_is_not_there_is_not_added(tmp_path):
    exif = Image.Exif()
    exif[0x8298] = "(c) A. Photographer"
    Image.fromarray(PICTURE).save(tmp_path / "a.jpg", exif=exif)
    write_picture(tmp_path / "b.jpg", PICTURE, read_metadata(tmp_path / "a.jpg"))
    with Image.open(tmp_path / "b.jpg") as made:
        assert dict(made.getexif()) == {0x8298: "(c) A. Photographer"}


def test_what_does_not_fit_a_rendering_is_left_out(tmp_path):
    Image.fromarray(PICTURE).convert("CMYK").save(tmp_path / "a.jpg", icc_profile=PROFILE)
    assert read_metadata(tmp_path / "a.jpg") == {}
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=rights(), dpi=(0.001, 0.001))
    assert set(read_metadata(tmp_path / "a.png")) == {"exif"}
    Image.fromarray(PICTURE).save(tmp_path / "a.tif")  # which Pillow opens as if it had said 1 dpi
    assert read_metadata(tmp_path / "a.tif") == {}
    large = Image.Exif()
    large.get_ifd(ExifTags.IFD.Exif)[37510] = b"words" * 20000  # more than a JPEG holds
    Image.fromarray(PICTURE).save(tmp_path / "b.png", exif=large)
    assert read_metadata(tmp_path / "b.png") == {}


def test_damaged_exif_is_left_out(tmp_path):
    (tmp_path / "a.jpg").write_bytes(changed(JPEG, b"Exif", 6, b"II\x2a\0\xff\xff\xff\xff"))
    write_picture(tmp_path / "b.jpg", PICTURE, read_metadata(tmp_path / "a.jpg"))
    (tmp_path / "none.jpg").write_bytes(b"no picture")
    assert read_metadata(tmp_path / "none.jpg") == {} and (tmp_path / "b.jpg").stat().st_size
