"""TIFF files of every kind that the writers at hand can make: equal to their 8-bit original, or refused."""

import io
import re

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ran.imaging.masks import read_map, read_mask
from ran.imaging.pictures import as_rgb, picture_size, read_image
from tests.faults.making import BGR16, FLOATS, GREY, PICTURE, SIXTEEN, grey3, tiff
from tests.faults.test_readers import budget

TYPES = {"uint8": 255, "uint16": 65535, "uint32": 65535, "float16": 1, "float32": 1, "float64": 1}
# What is refused today; whatever else cannot be read fails the test.
REFUSED = "float values|kind that OpenCV does not decode|an array of uint32|where 0 is white, of a highest level"

BITS = GREY > 100
FOREIGN = {"bigtiff": True, "byteorder": ">", "photometric": "minisblack"}  # how Pillow does not open them


@st.composite
def pictures(draw) -> np.ndarray:
    """Levels of 0 to 255, H x W x 3."""
    height, width, seed = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@st.composite
def by_tifffile(draw) -> tuple[np.ndarray, bytes]:
    picture = draw(pictures())
    kind, colours = (
        draw(st.sampled_from(list(TYPES))),
        draw(st.sampled_from(["rgb", "rgba", "minisblack", "miniswhite"])),
    )
    levels = picture if "rgb" in colours else picture[..., 0]
    if colours == "rgba":
        levels = np.dstack([levels, levels[..., 0]])
    top = TYPES[kind]
    values = (levels / 255 * top).astype(kind) if top == 1 else levels.astype(kind) * (top // 255)
    if colours == "miniswhite":
        values = (top - values).astype(kind)
    how = {"compression": draw(st.sampled_from([None, "zlib"])), "byteorder": draw(st.sampled_from("<>"))}
    if "rgb" in colours:
        how["planarconfig"] = draw(st.sampled_from(["contig", "separate"]))
        values = np.moveaxis(values, -1, 0) if how["planarconfig"] == "separate" else values
        how["extrasamples"] = ["unassalpha"] * (colours == "rgba")
    if draw(st.booleans()):
        how["tile"] = (16, 16)
    else:
        how["rowsperstrip"] = draw(st.integers(1, 50))
    how["bigtiff"] = draw(st.booleans())
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric=colours[:3] if "rgb" in colours else colours, **how)
    return (picture if "rgb" in colours else grey3(picture[..., 0])), file.getvalue()


@st.composite
def by_pillow(draw) -> tuple[np.ndarray, bytes]:
    picture = draw(pictures())
    mode = draw(st.sampled_from(["RGB", "RGBA", "RGBX", "L", "LA", "I;16", "I;16B", "I", "F", "P", "1"]))
    grey, expected = picture[..., 0], grey3(picture[..., 0])
    if mode in ("I;16", "I;16B", "I", "F"):
        kind = {"I;16": "<u2", "I;16B": ">u2", "I": "i4", "F": "f4"}[mode]
        image = Image.fromarray((grey / 255).astype(kind) if mode == "F" else grey.astype(kind) * np.array(257, kind))
    elif mode in ("L", "LA", "P"):
        image = Image.fromarray(grey).convert(mode)
    elif mode == "1":
        image, expected = Image.fromarray(grey > 127), grey3(np.where(grey > 127, 255, 0).astype(np.uint8))
    else:
        image, expected = Image.fromarray(picture).convert(mode), picture
    file = io.BytesIO()
    compression = draw(st.sampled_from([None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"]))
    info = (
        {317: 2}
        if mode in ("RGB", "RGBA", "L") and compression not in (None, "packbits") and draw(st.booleans())
        else {}
    )
    image.save(file, "TIFF", compression=compression, big_tiff=draw(st.booleans()), tiffinfo=info)
    return expected, file.getvalue()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*its highest level is")
@budget(600)
@given(made=st.one_of(by_tifffile(), by_tifffile(), by_pillow()))
def test_every_variant_is_read_right_or_refused(made, tmp_path_factory):
    expected, content = made
    path = tmp_path_factory.getbasetemp() / "variant.tif"
    path.write_bytes(content)
    try:
        read = read_image(path)
    except ValueError as error:
        assert re.search(REFUSED, str(error)), error
    else:
        assert read.shape == expected.shape and picture_size(path) == expected.shape[:2]
        assert np.abs(read.astype(int) - expected).max() <= 1


def test_what_is_commonly_found_is_not_refused(tmp_path):
    """So that the test above cannot pass by refusing everything."""
    path, deep = tmp_path / "a.tif", PICTURE.astype(np.uint16) * 257
    separate = {"planarconfig": "separate"}
    for values, how in ((deep, separate), (deep, separate | {"compression": "zlib"}), (deep, {}),
                        (deep, {"byteorder": ">"}), (deep, {"compression": "zlib"})):  # fmt: skip
        values = values.transpose(2, 0, 1) if "planarconfig" in how else values
        path.write_bytes(tiff(values, photometric="rgb", **how))
        assert np.array_equal(read_image(path), PICTURE)
    for values, kind in ((65535 - SIXTEEN, "<"), (65535 - SIXTEEN, ">"), (255 - GREY, ">")):
        path.write_bytes(tiff(values, photometric="miniswhite", byteorder=kind))
        assert np.array_equal(read_image(path), grey3(GREY))


def test_floats_are_read_as_maps(tmp_path):
    path, floats = tmp_path / "a.tif", grey3(FLOATS)
    for values, how in ((floats, {}), (floats, {"byteorder": ">"}), (floats, {"compression": "zlib"}),
                        (floats.transpose(2, 0, 1), {"planarconfig": "separate"}), (floats.astype(np.float64), {}),
                        (1 - FLOATS, {"photometric": "miniswhite"})):  # fmt: skip
        path.write_bytes(tiff(values, **{"photometric": "rgb"} | how))
        assert np.array_equal(read_map(path), GREY)


@pytest.mark.parametrize("pages", ["uint8", "uint16", "float32"])
def test_the_first_full_page_is_taken(tmp_path, pages):
    path, whole = tmp_path / "a.tif", {"uint8": PICTURE, "uint16": BGR16[..., ::-1], "float32": grey3(FLOATS)}[pages]
    read, expected = (read_map, GREY) if pages == "float32" else (read_image, PICTURE)
    more = [whole[::2]] * (read == read_image)  # a map has one full page
    path.write_bytes(tiff(whole[::8, ::8], whole[::4, ::4], whole, *more, reduced=2, photometric="rgb"))
    assert np.array_equal(read(path), expected) and picture_size(path) == PICTURE.shape[:2]
    path.write_bytes(tiff(PICTURE[::4, ::4], whole, reduced=1, photometric="rgb"))
    assert np.array_equal(read(path), expected) and picture_size(path) == PICTURE.shape[:2]
    path.write_bytes(tiff(PICTURE, reduced=1, photometric="rgb"))  # all that there is
    assert np.array_equal(read_image(path), PICTURE)


@pytest.mark.parametrize("how", [{}, {"compression": "zlib"}])
def test_cut_off_ones_are_refused(tmp_path, how):
    for read, values, planar in ((read_image, BGR16.transpose(2, 0, 1), "separate"),
                                 (read_map, grey3(FLOATS), "contig")):  # fmt: skip
        content = tiff(values, photometric="rgb", planarconfig=planar, **how)
        (tmp_path / "a.tif").write_bytes(content[: len(content) * 2 // 3])
        with pytest.raises(ValueError, match="a.tif: not a readable picture"):
            read(tmp_path / "a.tif")


def test_16_bit_planes_of_other_colours_are_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(
        tiff(np.zeros((4, 8, 8), np.uint16), photometric="separated", planarconfig="separate")
    )
    with pytest.raises(ValueError, match="a.tif: .*planes of 16-bit CMYK: save it with interleaved channels"):
        read_image(tmp_path / "a.tif")


def test_inks_of_16_bits_need_their_high_bits(tmp_path):
    path, inks = tmp_path / "a.tif", np.asarray(Image.fromarray(PICTURE).convert("CMYK"))
    path.write_bytes(tiff(inks.astype(np.uint16) * 257, photometric="separated"))
    assert np.array_equal(read_image(path), np.asarray(Image.fromarray(inks, "CMYK").convert("RGB")))
    path.write_bytes(tiff(inks.astype(np.uint16) * 16, photometric="separated"))
    with pytest.raises(ValueError, match="a.tif: .*16-bit CMYK whose highest level is 4080: save it as RGB"):
        read_image(path)


def test_pages_that_are_left_out_are_counted(tmp_path):
    path, said = tmp_path / "a.tif", []
    path.write_bytes(tiff(PICTURE, PICTURE[::2], PICTURE, photometric="rgb"))
    assert np.array_equal(read_image(path, warn=said.append), PICTURE)
    assert said == [f"{path}: 2 more page(s) or frame(s) in it are not read"]
    path.write_bytes(tiff(PICTURE[::2], PICTURE, reduced=1, photometric="rgb"))  # smaller versions do not count
    (tmp_path / "c.tif").write_bytes(tiff(BITS, BITS, **FOREIGN))
    Image.fromarray(PICTURE).save(tmp_path / "b.png", save_all=True, append_images=[Image.fromarray(255 - PICTURE)])
    said.clear()
    for name in ("a.tif", "b.png", "c.tif"):
        read_image(tmp_path / name, warn=said.append)
    assert said == [f"{tmp_path / name}: 1 more page(s) or frame(s) in it are not read" for name in ("b.png", "c.tif")]


@pytest.mark.parametrize("kind", ["uint8", "uint16", "bool"])
def test_a_thumbnail_in_all_but_name_is_not_taken(tmp_path, kind):
    path, said = tmp_path / "a.tif", []
    whole = {"uint8": PICTURE, "uint16": BGR16[..., ::-1], "bool": BITS}[kind]
    how, shown = (FOREIGN, grey3(BITS * np.uint8(255))) if kind == "bool" else ({"photometric": "rgb"}, PICTURE)
    large = np.concatenate([np.concatenate([whole, whole])] * 2, 1)
    for pages, page, sentence in (
        ((whole[::5, ::5], whole), shown, "1 more page(s) or frame(s) in it, smaller than page 2, are"),
        ((whole[::5, ::5], whole, whole, whole), shown, "3 more page(s) or frame(s) in it, smaller than page 2, are"),
        ((whole, large), shown, "1 more page(s) or frame(s) in it, of up to 192 x 128 pixels, are"),  # A6 and A4, say
        ((whole[:20], large[:, :96]), shown[:20], "1 more page(s) or frame(s) in it, of up to 96 x 128 pixels, are"),
        ((whole, whole[::4, ::4]), shown, "1 more page(s) or frame(s) in it are"),
        ((whole, whole), shown, "1 more page(s) or frame(s) in it are"),
    ):
        path.write_bytes(tiff(*pages, **how))
        assert np.array_equal(read_image(path, warn=said.append), page) and picture_size(path) == page.shape[:2]
        assert said.pop() == f"{path}: {sentence} not read" and not said
    with pytest.raises(ValueError, match=r"1 more page\(s\) or frame\(s\) in it: save the one that is meant"):
        read_map(path)
    path.write_bytes(tiff(PICTURE[::5, ::5], PICTURE, photometric="rgb"))
    with pytest.raises(ValueError, match=r"in it, smaller than page 2: save the one that is meant"):
        read_map(path)


def test_what_was_decoded_before_is_not_dark_in_silence(tmp_path):
    path, said = tmp_path / "a.tif", []
    for values, planar, heard in ((BGR16[..., ::-1], "contig", 0), (BGR16[..., ::-1] // 16, "contig", 1)):
        path.write_bytes(tiff(np.ascontiguousarray(values), photometric="rgb", planarconfig=planar))
        with Image.open(path) as picture:
            picture.load()
            as_rgb(picture, warn=said.append)
        assert len(said) == heard
    assert said[0].startswith("its highest level is 14 of 255, nearly black: ")
    path.write_bytes(tiff(BGR16[..., ::-1].transpose(2, 0, 1), photometric="rgb", planarconfig="separate"))
    with Image.open(path) as picture:
        picture.load()
        with pytest.raises(ValueError, match="mixed up when it was decoded: give the file's path"):
            as_rgb(picture)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit_is_black_and_white_for_every_reader_of_a_file_that_pillow_does_not_open(tmp_path, photometric):
    shown = GREY > 100
    stored = shown if photometric == "minisblack" else ~shown
    tifffile.imwrite(path := tmp_path / "a.tif", stored, bigtiff=True, byteorder=">", photometric=photometric)
    for levels in (read_map(path), read_mask(path), read_image(path)[..., 1]):
        assert np.array_equal(levels, np.where(shown, 255, 0))
