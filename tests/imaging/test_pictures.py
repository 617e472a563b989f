import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.masks import read_map, read_mask
from ran.imaging.pictures import as_rgb, picture_size, read_image
from tests.faults.making import grey3, tiff

# A smooth coloured ramp: lossy files of it stay close to it.
Y, X = np.mgrid[:32, :48]
RAMP = np.dstack([X * 255 // 47, Y * 255 // 31, np.full_like(X, 90)]).astype(np.uint8)
GREY = RAMP[..., 0]
DEEP = GREY.astype(np.uint16) * 257


def pil(mode=None, **options):
    """Writer of the ramp through Pillow, in another mode."""
    return lambda path: (Image.fromarray(RAMP).convert(mode) if mode else Image.fromarray(RAMP)).save(path, **options)


def rotated(tag):
    """Writer of the ramp as a camera held in another way stores it: turned, with the orientation in its EXIF."""
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270,
            2: Image.Transpose.FLIP_LEFT_RIGHT, 5: Image.Transpose.TRANSPOSE}[tag]  # fmt: skip

    def write(path):
        exif = Image.Exif()
        exif[0x0112] = tag
        Image.fromarray(RAMP).transpose(turn).save(path, exif=exif)

    return write


def array(values):
    return lambda path: cv2.imwrite(str(path), values)


def transparent(path):
    alpha = np.zeros((32, 48, 1), np.uint8)
    Image.fromarray(np.concatenate([RAMP, alpha], -1)).save(path)


def palette_with_transparency(path):
    Image.fromarray(RAMP).quantize(256).save(path, transparency=3)


def pages(path):
    Image.fromarray(RAMP).save(path, save_all=True, append_images=[Image.fromarray(255 - RAMP)])


def tif(*pages, photometric="rgb", **options):
    return lambda path: path.write_bytes(tiff(*pages, photometric=photometric, **options))


DEEP3 = RAMP.astype(np.uint16) * 257
BGR16 = np.dstack([RAMP[..., 2], RAMP[..., 1], RAMP[..., 0]]).astype(np.uint16) * 257
GREY3 = np.dstack([GREY] * 3)
# What each kind of picture becomes: writer, file name, expected values, largest mean difference from them.
KINDS = {
    "JPEG": (pil(quality=95), "a.jpg", RAMP, 3),
    "progressive JPEG": (pil(quality=95, progressive=True), "a.jpg", RAMP, 3),
    "grey JPEG": (array(GREY), "a.jpg", GREY3, 3),
    "CMYK JPEG": (pil("CMYK", quality=95), "a.jpg", RAMP, 3),
    "JPEG turned by its EXIF, 180": (rotated(3), "a.jpg", RAMP, 3),
    "JPEG turned by its EXIF, 90": (rotated(6), "a.jpg", RAMP, 3),
    "JPEG turned by its EXIF, 270": (rotated(8), "a.jpg", RAMP, 3),
    "JPEG mirrored by its EXIF": (rotated(2), "a.jpg", RAMP, 3),
    "PNG turned by its EXIF": (rotated(6), "a.png", RAMP, 0),
    "TIFF turned by its orientation": (rotated(6), "a.tif", RAMP, 0),
    "WebP transposed by its EXIF": (rotated(5), "a.webp", RAMP, 3),
    "PNG": (pil(), "a.png", RAMP, 0),
    "grey PNG": (array(GREY), "a.png", GREY3, 0),
    "black and white PNG, 1 bit": (lambda p: Image.fromarray(GREY > 127).save(p), "a.png", GREY3 // 128 * 255, 0),
    "RGBA PNG, fully transparent": (transparent, "a.png", RAMP, 0),
    "palette PNG": (lambda p: Image.fromarray(RAMP).quantize(256).save(p), "a.png", RAMP, 6),
    "palette PNG with transparency": (palette_with_transparency, "a.png", RAMP, 6),
    "16-bit grey PNG": (array(DEEP), "a.png", GREY3, 0),
    "16-bit RGB PNG": (array(BGR16), "a.png", RAMP, 0),
    "TIFF": (pil(), "a.tiff", RAMP, 0),
    "LZW TIFF": (pil(compression="tiff_lzw"), "a.tif", RAMP, 0),
    "16-bit grey TIFF": (array(DEEP), "a.tif", GREY3, 0),
    "16-bit RGB TIFF": (array(BGR16), "a.tif", RAMP, 0),
    "TIFF of two pages": (pages, "a.tif", RAMP, 0),
    "TIFF whose first page is a thumbnail": (tif(RAMP[::4, ::4], RAMP, reduced=1), "a.tif", RAMP, 0),
    "TIFF in planes": (tif(RAMP.transpose(2, 0, 1), planarconfig="separate"), "a.tif", RAMP, 0),
    "16-bit TIFF in planes": (tif(DEEP3.transpose(2, 0, 1), planarconfig="separate"), "a.tif", RAMP, 0),
    "grey TIFF, 0 is white": (tif(255 - GREY, photometric="miniswhite"), "a.tif", GREY3, 0),
    "16-bit grey TIFF, 0 is white": (tif(65535 - DEEP, photometric="miniswhite"), "a.tif", GREY3, 0),
    "16-bit grey TIFF whose MaxSampleValue is 4095": (
        tif(
            np.rint(GREY / 255 * 4095).astype(np.uint16),
            photometric="minisblack",
            extratags=[(281, "H", 1, 4095, True)],
        ),
        "a.tif",
        GREY3,
        0,
    ),
    "WebP": (pil(quality=95), "a.webp", RAMP, 3),
    "lossless WebP": (pil(lossless=True), "a.webp", RAMP, 0),
    "BMP": (pil(), "a.bmp", RAMP, 0),
    "animated GIF": (pages, "a.gif", RAMP, 12),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_becomes_upright_8_bit_rgb(tmp_path, kind):
    write, name, expected, tolerance = KINDS[kind]
    write(tmp_path / name)
    picture = read_image(tmp_path / name)
    assert picture.dtype == np.uint8 and picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).mean() <= tolerance


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_unreadable_pictures_are_named(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(ValueError, match="broken.jpg: not a readable picture"):
        read_image(tmp_path / "broken.jpg")


def test_the_documented_table_holds_these_kinds():
    lines = (Path(__file__).parents[2] / "docs/pictures.md").read_text().partition("\n## ")[0].splitlines()
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    assert rows[2:] == list(KINDS)


def test_a_mask_turned_by_its_exif_still_fits_its_image(tmp_path):
    rotated(6)(tmp_path / "photo.png")
    expected = (cv2.cvtColor(RAMP, cv2.COLOR_RGB2GRAY) >= 128).astype(np.uint8) * 255
    with Image.open(tmp_path / "photo.png") as photo:
        photo.convert("L").point(lambda level: 255 * (level >= 128)).save(tmp_path / "mask.png", exif=photo.getexif())
    assert np.array_equal(read_mask(tmp_path / "mask.png"), expected)


def test_photographs_of_floats_are_refused_and_maps_of_another_range(tmp_path):
    for values in (GREY / 255, GREY, RAMP / 255):
        cv2.imwrite(str(tmp_path / "hdr.tif"), values.astype(np.float32))
        with pytest.raises(ValueError, match="hdr.tif.*float values, .*: save it as 8-bit PNG"):
            read_image(tmp_path / "hdr.tif")
    cv2.imwrite(str(tmp_path / "hdr.tif"), GREY.astype(np.float32))
    with pytest.raises(ValueError, match="hdr.tif.*not between 0 and 1"):
        read_map(tmp_path / "hdr.tif")
    cv2.imwrite(str(tmp_path / "hdr.tif"), (GREY / 255).astype(np.float32))
    assert np.array_equal(read_map(tmp_path / "hdr.tif"), GREY)


def test_truncated_files_are_named(tmp_path):
    for name in ("a.jpg", "a.png", "a.webp"):
        pil()(tmp_path / name)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-40])
        with pytest.raises(ValueError, match=f"{name}: not a readable picture"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_picture(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(RAMP).save(path, exif=exif)
    assert read_image(path).shape == ((48, 32, 3) if orientation >= 5 else (32, 48, 3))
    assert set(picture_size(path)) == {32, 48}


def test_a_damaged_exif_is_no_damaged_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RAMP).save(tmp_path / "a.jpg", exif=exif)
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    start = data.index(b"Exif\0\0") + 6
    for position in range(start, start + 40):
        broken = bytearray(data)
        broken[position : position + 4] = b"\xff\xfe\xff\xff"
        (tmp_path / "b.jpg").write_bytes(broken)
        try:
            assert read_image(tmp_path / "b.jpg").size
        except ValueError as error:
            assert "not a readable picture" in str(error)


ANY_LEVELS = np.random.default_rng(0).integers(0, 2**16, (6, 9, 4), dtype=np.uint16)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_levels_are_rounded(tmp_path, suffix, channels):
    values = ANY_LEVELS[..., :channels]
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), values)
    colours = values[..., 2::-1] if channels > 1 else np.repeat(values, 3, -1)
    expected = np.rint(colours / 257)
    assert np.array_equal(read_image(path), expected) and np.array_equal(as_rgb(colours), expected)
    with Image.open(path) as picture:
        assert np.array_equal(as_rgb(picture), expected)


def test_a_16_bit_png_in_colours_is_turned_by_its_exif(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), ANY_LEVELS[..., :3])
    data, exif = (tmp_path / "a.png").read_bytes(), Image.Exif()
    exif[0x0112] = 6
    content = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    (tmp_path / "b.png").write_bytes(data[:33] + chunk + data[33:])
    assert np.array_equal(read_image(tmp_path / "b.png"), np.rot90(read_image(tmp_path / "a.png"), -1))


def test_the_depth_of_a_file_decides_and_not_what_it_holds(tmp_path):
    """A map of a picture that is blurred all over: its largest level is 205 of 65535, which is 1 of 255."""
    dark = np.linspace(0, 205, 60).astype(np.uint16).reshape(6, 10)
    for name in ("dark.png", "dark.tif"):
        cv2.imwrite(str(tmp_path / name), dark)
        assert np.array_equal(read_map(tmp_path / name), np.rint(dark / 257))
    assert as_rgb(dark).max() == 1
    Image.fromarray(dark.astype(np.int32)).save(tmp_path / "wide.tif")
    assert read_image(tmp_path / "wide.tif").max() == 1
    Image.fromarray(dark.astype(np.int32) + 65500).save(tmp_path / "wider.tif")
    with pytest.raises(ValueError, match="65500 to 65705, are not between 0 and 65535"):
        read_image(tmp_path / "wider.tif")


def test_pictures_in_memory_become_rgb_bytes():
    alpha = np.dstack([RAMP, GREY])
    for picture in (RAMP, alpha, RAMP.astype(np.uint16) * 257, Image.fromarray(RAMP), Image.fromarray(alpha)):
        assert np.array_equal(as_rgb(picture), RAMP)
    assert np.array_equal(as_rgb(RAMP / 255), RAMP) and np.array_equal(as_rgb((RAMP / 255).astype(np.float32)), RAMP)
    for grey in (GREY, GREY[..., None], Image.fromarray(GREY)):
        assert np.array_equal(as_rgb(grey), GREY3)
    for wrong, message in (
        (RAMP.astype(np.int64), "int64"), (RAMP * 1.0, "not between 0 and 1"), (RAMP[None], "1 x 32 x 48 x 3"),
        (RAMP[:0], "0 x 48 x 3"), (np.full((4, 4), np.nan), "not between"),
        (np.zeros((4, 4, 2), np.uint8), "4 x 4 x 2"), (Image.new("RGB", (0, 5)), "without pixels"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            as_rgb(wrong)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_that_pillow_would_map_to_memory_is_turned(tmp_path, orientation):
    """Pillow 12 mixes up width and height of uncompressed ones of these modes."""
    for number, values in enumerate((GREY, DEEP, np.dstack([RAMP, GREY]))):
        kind = "minisblack" if values.ndim == 2 else "rgb"
        (tmp_path / f"{number}.tif").write_bytes(
            tiff(values, photometric=kind, extratags=[(274, "H", 1, orientation, True)])
        )
        flat = as_rgb(values)
        expected = {2: flat[:, ::-1], 3: flat[::-1, ::-1], 4: flat[::-1], 5: flat.swapaxes(0, 1),
                    6: np.rot90(flat, -1), 7: np.rot90(flat, 2).swapaxes(0, 1), 8: np.rot90(flat)}  # fmt: skip
        assert np.array_equal(read_image(tmp_path / f"{number}.tif"), expected.get(orientation, flat))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_tiff_of_16_bits_with_alpha_is_turned(tmp_path, planar):
    values = np.dstack([DEEP3, DEEP])
    values = values if planar == "contig" else values.transpose(2, 0, 1)
    how = {"planarconfig": planar, "extrasamples": ["unassalpha"], "extratags": [(274, "H", 1, 6, True)]}
    tif(values, **how)(tmp_path / "a.tif")
    assert np.array_equal(read_image(tmp_path / "a.tif"), np.rot90(RAMP, -1))


@pytest.mark.parametrize("bits, levels", [(1, (0, 255)), (4, (0, 255)), (8, (0, 255)), (4, range(16)), (8, range(256))])
def test_bmp_of_few_bits_is_as_opencv_reads_it(tmp_path, bits, levels):
    """Of 4 and 8 bits with a palette of black and white Pillow takes the indices for bits."""
    indices = np.random.default_rng(0).integers(0, len(levels), (5, 16), dtype=np.uint8)
    rows = (indices[::-1, :, None] >> np.arange(bits - 1, -1, -1, dtype=np.uint8) & 1).reshape(5, -1)
    pixels = b"".join(bytes(np.packbits(row)).ljust(4, b"\0") for row in rows)
    colours = b"".join(bytes([level, level, level, 0]) for level in levels)
    about = struct.pack("<IiiHHIIiiII", 40, 16, 5, 1, bits, 0, len(pixels), 2835, 2835, len(levels), 0)
    start = 54 + len(colours)
    path = tmp_path / "a.bmp"
    path.write_bytes(b"BM" + struct.pack("<III", start + len(pixels), 0, start) + about + colours + pixels)
    assert np.array_equal(read_image(path), grey3(np.array(levels, np.uint8)[indices]))
    assert np.array_equal(read_image(path), cv2.imread(str(path)))
    assert np.array_equal(as_rgb(Image.open(path)), read_image(path))
