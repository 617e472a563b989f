import io

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.imaging.depth import to_8_bit, turned
from ran.imaging.masks import read_map
from ran.imaging.pictures import as_rgb, read_image
from tests.faults.making import GREY, PICTURE, by_opencv, chunk, grey3, tiff


@pytest.mark.parametrize("depth", range(8, 17))
def test_every_level_of_every_depth_is_rounded(depth):
    levels = np.arange(2**depth)
    assert np.array_equal(to_8_bit(levels.astype(np.uint16), depth), np.rint(levels * 255 / levels[-1]))


@pytest.mark.parametrize("depth", [-1, 7, 17, 99])
def test_a_depth_that_none_has_is_refused(depth):
    with pytest.raises(ValueError, match=f"depth {depth}: bits, 8 to 16"):
        to_8_bit(np.zeros((2, 2), np.uint16), depth)


def test_opencv_prints_nothing_about_a_file_that_it_cannot_decode(tmp_path, capfd):
    (tmp_path / "a.tif").write_bytes(tiff(PICTURE.astype(np.uint32), photometric="rgb"))
    with pytest.raises(ValueError, match="of a kind that OpenCV does not decode"):
        read_image(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "rgb.png", "rgb.tif"])
def test_values_that_need_fewer_bits_than_their_file_are_doubted(tmp_path, name, bits):
    picture = PICTURE if "rgb" in name else np.dstack([GREY] * 3)
    values = np.rint(picture / 255 * (2**bits - 1)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / name), values[..., ::-1] if "rgb" in name else values[..., 0])
    said: list[str] = []
    dark = read_image(tmp_path / name, warn=said.append)
    assert dark.max() <= 16 and len(said) == 1
    assert said[0].startswith(f"{tmp_path / name}: its highest level is {values.max()} of 65535, nearly black")
    assert "save it as 8-bit PNG" in said[0]
    with pytest.warns(UserWarning, match="save it as 8-bit PNG"):
        as_rgb(values)
    assert np.array_equal(as_rgb(values, bits, said.append), picture) and len(said) == 1
    assert np.array_equal(as_rgb(values, 16, said.append), dark) and len(said) == 1


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_values_of_fewer_bits_are_doubted_where_white_is_0(tmp_path, bits):
    path, said = tmp_path / "a.tif", []
    values = np.rint((255 - GREY) / 255 * (2**bits - 1)).astype(np.uint16)
    path.write_bytes(tiff(values, photometric="miniswhite"))
    light = read_image(path, warn=said.append)
    assert light.min() >= 238 and len(said) == 1
    assert said[0].startswith(f"{path}: its highest level is {values.max()} of 65535, nearly white, as 0 is white")
    assert "save it as 8-bit PNG" in said[0]
    for depth, expected in ((bits, grey3(GREY)), (16, light)):
        with Image.open(path) as picture:
            assert np.array_equal(as_rgb(picture, depth, said.append), expected) and len(said) == 1


def test_what_is_dark_by_nature_is_not_doubted(tmp_path, recwarn):
    as_rgb(np.full((4, 4), 4096, np.uint16))
    as_rgb(np.zeros((4, 4), np.uint16))
    cv2.imwrite(str(tmp_path / "map.png"), np.full((4, 4), 300, np.uint16))
    assert read_map(tmp_path / "map.png").max() == 1
    as_rgb(PICTURE)
    assert not recwarn.list


def test_a_file_that_says_its_depth_is_scaled(tmp_path, recwarn):
    values = np.rint(GREY / 255 * 4095).astype(np.uint16)
    packed = (values[:, ::2].astype(np.uint32) << 12 | values[:, 1::2]).astype(">u4").view(np.uint8).reshape(-1, 4)
    data = tiff(np.zeros((64, 144), np.uint8), photometric="minisblack")  # as many bytes: its header is then changed
    with Image.open(io.BytesIO(data)) as picture:
        start = picture.tile[0].offset
    data = data[:start] + packed[:, 1:].tobytes() + data[start + 64 * 144 :]
    for tag, old, new in ((256, 144, 96), (258, 8, 12)):
        for kind in (3, 4):
            entry = np.array([tag, kind], "<u2").tobytes() + np.array([1, old], "<u4").tobytes()
            data = data.replace(entry, entry[:8] + np.array([new], "<u4").tobytes())
    (tmp_path / "twelve.tif").write_bytes(data)
    assert np.array_equal(read_image(tmp_path / "twelve.tif")[..., 0], GREY)
    (tmp_path / "highest.tif").write_bytes(
        tiff(values, photometric="minisblack", extratags=[(281, "H", 1, 4095, True)])
    )
    assert np.array_equal(read_image(tmp_path / "highest.tif")[..., 0], GREY)
    wrong = tiff(GREY.astype(np.uint16) * 257, photometric="minisblack", extratags=[(281, "H", 1, 4095, True)])
    (tmp_path / "wrong.tif").write_bytes(wrong)
    assert np.array_equal(read_image(tmp_path / "wrong.tif")[..., 0], GREY)
    assert not recwarn.list


@pytest.mark.parametrize("colours", [False, True])
def test_the_significant_bits_of_a_png_count_where_its_values_are_not_shifted_up(tmp_path, colours, recwarn):
    picture = PICTURE if colours else grey3(GREY)
    values = np.rint(picture / 255 * 4095).astype(np.uint16)
    said = chunk(b"sBIT", b"\x0c" * (3 if colours else 1))
    dark = values // 16  # of 12 bits, all of them far below the highest
    for name, levels, expected in (
        ("as they are.png", values, picture),
        ("shifted up.png", values << 4 | values >> 8, picture),
        ("shifted up, dark.png", dark << 4 | dark >> 8, np.rint(dark / 4095 * 255)),
    ):
        content = by_opencv(".png", levels[..., ::-1] if colours else levels[..., 0])
        (tmp_path / name).write_bytes(content[:33] + said + content[33:])
        read = read_image(tmp_path / name)
        assert np.abs(read - expected).max() <= 1, name
    assert len(recwarn.list) == 1 and "dark.png: its highest level" in str(recwarn.list[0].message)


def test_arrays_are_turned_as_pillow_turns_pictures():
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # members of Image.Transpose
    for orientation in range(1, 9):
        picture = Image.fromarray(PICTURE)
        expected = picture.transpose(turns[orientation]) if orientation in turns else picture
        assert np.array_equal(turned(PICTURE, orientation), np.asarray(expected))
