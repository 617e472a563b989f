"""Masks as labelling tools write them: what is unambiguous is understood, the rest is refused with what was found."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ran.imaging.masks import read_levels

WHITE = np.zeros((24, 40), bool)
WHITE[5:15, 8:30] = True
SMALL = np.zeros((240, 400), np.uint8)
SMALL[5:9, 8:12] = 1
MANY = np.arange(9600).reshape(96, 100)  # four rows for 400 of them
HALVES = np.arange(40) // 20


def levels(low, high, kind=np.uint8):
    return np.where(WHITE, high, low).astype(kind)


def palette(colours, values=WHITE):
    picture = Image.fromarray(values.astype(np.uint8))
    picture.putpalette([level for colour in colours for level in colour])
    return picture


def colours(first, second):
    return np.where(WHITE[..., None], second, first).astype(np.uint8)


def save(picture, path):
    if isinstance(picture, Image.Image):
        picture.save(path)
    else:
        cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 and picture.shape[2] == 3 else picture)
    return path


UNDERSTOOD = {
    "palette of VOC": (palette([(0, 0, 0), (128, 0, 0)]), "index 0 and 1 (128, 0, 0)"),
    "red palette": (palette([(0, 0, 0), (255, 0, 0)]), "index 0 and 1 (255, 0, 0)"),
    "palette of other colours": (palette([(31, 11, 80), (25, 12, 14)]), "index 0 (31, 11, 80) and 1 (25, 12, 14)"),
    "palette whose second is black": (palette([(0, 200, 0), (0, 0, 0)], ~WHITE),
                                      "index 1 (0, 0, 0) and 0 (0, 200, 0)"),
    "palette of blacks": (palette([(0, 0, 0)] * 256), "level 0 and 1"),
    "palette of whites": (palette([(255, 255, 255)] * 256), "level 0 and 1"),
    "palette of reds": (palette([(200, 0, 0)] * 256), "level 0 and 1"),
    "two blacks in a palette": (palette([(0, 0, 0), (0, 0, 0), (9, 200, 3)]), "level 0 and 1"),
    "palette that lacks an index": (palette([(255, 0, 0)]), "level 0 and 1"),
    "grey palette": (palette([(0, 0, 0), (255, 255, 255)]), "black and white"),
    "blue on black": (colours((0, 0, 0), (0, 0, 255)), "colour 0 and (0, 0, 255)"),
    "a colour that is nearly black": (colours((0, 0, 0), (1, 0, 0)), "colour 0 and (1, 0, 0)"),
    "labels 0 and 1": (levels(0, 1), "level 0 and 1"),
    "labels 1 and 2": (levels(1, 2), "level 1 and 2"),
    "labels 0 and 100": (levels(0, 100), "level 0 and 100"),
    "levels of video": (levels(16, 235), "black and white"),
    "16 bits of 0 and 1": (levels(0, 1, np.uint16), "level 0 and 1"),
    "16 bits of 0 and 255": (levels(0, 255, np.uint16), "black and white"),
    "colours of 16 bits, 0 and 1": (np.dstack([levels(0, 1, np.uint16)] * 3), "level 0 and 1"),
    "colours of 16 bits": (np.dstack([levels(0, 65535, np.uint16)] * 3), "black and white"),
    "alpha of a black picture": (np.dstack([levels(0, 0)] * 3 + [levels(0, 255)]), "alpha transparent and opaque"),
    "alpha of a white picture": (np.dstack([levels(255, 255)] * 3 + [levels(0, 255)]), "alpha transparent and opaque"),
    "alpha that says the same": (np.dstack([levels(0, 255)] * 4), "alpha transparent and opaque"),
    "red on transparent white": (np.dstack([levels(255, 0), levels(255, 0), levels(255, 255), levels(0, 255)]),
                                 "alpha transparent and opaque"),
    "a photograph cut out": (np.dstack([np.arange(960, dtype=np.uint8).reshape(24, 40)] * 3 + [levels(0, 255)]),
                             "alpha transparent and opaque"),
    "opaque alpha": (np.dstack([levels(0, 255)] * 3 + [levels(255, 255)]), "black and white"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNDERSTOOD)
def test_two_values_are_understood(tmp_path, kind):
    picture, said = UNDERSTOOD[kind]
    mask, found = read_levels(save(picture, tmp_path / "mask.png"))
    assert np.array_equal(mask > 0, WHITE) and found.kind == said and not found.one_class
    assert np.array_equal(read_levels(tmp_path / "mask.png", "blurred")[0] == 0, WHITE)


REFUSED = {
    "three labels": (levels(HALVES * 2, 1), "levels 0, 1, 2, "),
    "a trimap": (levels(HALVES * 255, 128), "a trimap"),
    "void edges of VOC": (cv2.rectangle(levels(0, 1), (8, 5), (29, 14), 255, 1), "levels 0, 1, 255"),
    "a small object with a rim of 255": (cv2.rectangle(SMALL.copy(), (7, 4), (12, 9), 255, 1), "levels 0, 1, 255"),
    "a rim of 200": (cv2.rectangle(SMALL * 255, (7, 4), (12, 9), 200, 1), "levels 0, 200, 255"),
    "a soft matte": (np.tile(np.linspace(0, 255, 40), (24, 1)).astype(np.uint8), "40 levels from 0 to 255"),
    "labels in areas, and a little 255": (np.where(MANY % 97 == 0, 255, MANY // 400).astype(np.uint8),
                                          "25 levels from 0 to 255, areas of "),
    "bright labels in areas": (np.where(MANY // 300 > 11, 200 + MANY // 300, 0).astype(np.uint8),
                              "21 levels from 0 to 231, areas of "),
    "areas of 85 and 170": (np.where(MANY < 300, 85, np.where(MANY < 500, 170, MANY // 5000 * 255)).astype(np.uint8),
                            "levels 0, 85, 170, 255"),
    "16 bits in areas": (np.where(MANY % 97 == 0, 65535, MANY // 400 * 99).astype(np.uint16), "areas of 0, "),
    "two greys": (levels(120, 200), "levels 120 and 200"),
    "one grey": (levels(100, 100), "level 100 alone"),
    "red on white": (colours((255, 255, 255), (255, 0, 0)), "neither is black"),
    "three colours": (cv2.line(colours((0, 0, 0), (0, 0, 255)), (0, 0), (9, 0), (255, 0, 0), 1), "3 colours"),
    "three indices": (palette([(0, 0, 0), (128, 0, 0), (0, 128, 0)], WHITE + 1 * (np.arange(40) > 20)), "3 indices"),
    "alpha against colours": (np.dstack([levels(0, 255)] * 3 + [levels(255, 0)]), "another mask than its transparency"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_two_classes_is_refused_with_its_values(tmp_path, kind):
    picture, said = REFUSED[kind]
    with pytest.raises(ValueError, match=r"mask\.png: not a mask of two classes: ") as error:
        read_levels(save(picture, tmp_path / "mask.png"))
    assert said in str(error.value)


def test_noise_of_jpeg_makes_no_labels(tmp_path):
    """A bright JPEG holds levels 250 to 255, a mask in JPEG grey values at its edges; a dark one may hide labels."""
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(250, 256, (24, 40)).astype(np.uint8)).save(tmp_path / "bright.jpg")
    assert read_levels(tmp_path / "bright.jpg")[0].all()
    Image.fromarray(levels(200, 255)).save(tmp_path / "two.jpg", quality=95)
    with pytest.raises(ValueError, match="levels from .* to 255: more classes"):
        read_levels(tmp_path / "two.jpg")
    Image.fromarray(rng.integers(0, 4, (24, 40)).astype(np.uint8)).save(tmp_path / "dark.jpg")
    with pytest.raises(ValueError, match="more classes, or a soft matte"):  # labels 0 and 1, or one class
        read_levels(tmp_path / "dark.jpg")
    Image.fromarray(levels(0, 2)).save(tmp_path / "labels.webp", lossless=True)
    assert np.array_equal(read_levels(tmp_path / "labels.webp")[0] > 0, WHITE)
    many = np.repeat(np.repeat(levels(0, 255), 4, 0), 4, 1)
    many[:4, :80] = np.repeat(np.arange(0, 240, 12, dtype=np.uint8), 4)  # twenty labels of 4 x 4
    Image.fromarray(many).save(tmp_path / "labels.webp", lossless=True, exif=Image.Exif(), icc_profile=b"some")
    with pytest.raises(ValueError, match="more classes"):
        read_levels(tmp_path / "labels.webp")
    Image.fromarray(levels(0, 255)).save(tmp_path / "mask.jpg", quality=85)
    assert np.array_equal(read_levels(tmp_path / "mask.jpg")[0] > 0, WHITE)


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 95])
def test_edges_and_noise_are_no_labels(tmp_path, quality):
    """A mask that was a JPEG, or was resized or blurred, is still one in PNG."""
    mask = np.zeros((300, 400), np.uint8)
    cv2.circle(mask, (170, 140), 100, 255, -1)
    cv2.fillPoly(mask, [np.array([[300, 20], [390, 60], [310, 200]])], 255)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    for found in (
        jpeg,
        cv2.resize(jpeg, (120, 90), interpolation=cv2.INTER_AREA),
        cv2.resize(jpeg, (900, 700)),
        cv2.GaussianBlur(mask, (0, 0), quality / 40),
    ):
        assert np.array_equal(read_levels(save(found, tmp_path / "mask.png"))[0] > 0, found > 127)


def test_one_index_of_a_palette_that_says_nothing(tmp_path):
    for index, white in ((1, True), (0, False)):
        picture = palette([(0, 0, 0)] * 256, WHITE * 0 + index)
        mask, found = read_levels(save(picture, tmp_path / "mask.png"))
        assert found.one_class and (mask == white * 255).all()
    assert read_levels(save(palette([(255, 255, 255)], WHITE * 0), tmp_path / "white.png"))[0].all()


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    mask=st.integers(2, 12).flatmap(
        lambda width: st.lists(st.lists(st.booleans(), min_size=width, max_size=width), min_size=2, max_size=9)
    ),
    values=st.one_of(
        st.tuples(st.just(0), st.integers(1, 255)), st.integers(1, 14).map(lambda low: (low, low + 1))
    ),
    how=st.sampled_from(["grey", "palette", "16 bits", "alpha"]),
)  # fmt: skip
def test_two_labels_come_back_or_are_refused(tmp_path_factory, mask, values, how):
    mask, path = np.array(mask), tmp_path_factory.mktemp("any") / "mask.png"
    picture = np.where(mask, values[1], values[0])
    if how == "grey":
        save(picture.astype(np.uint8), path)
    elif how == "16 bits":
        save(picture.astype(np.uint16), path)
    elif how == "alpha":
        save(np.dstack([np.full(mask.shape, values[1], np.uint8)] * 3 + [mask.astype(np.uint8) * 255]), path)
    else:
        save(palette([(7 * i % 256, 90, 30) for i in range(256)], picture), path)
    try:
        found, said = read_levels(path)
    except ValueError as error:
        assert mask.all() or not mask.any(), error  # of one value nobody may know what it means
    else:
        if mask.any() and not mask.all():
            assert np.array_equal(found > 0, mask), said
        else:
            assert said.one_class
