"""Never wrong in silence: a reader gives what a file holds, whoever wrote it, or raises a ValueError that names it.

RAN_EXAMPLES=10 draws ten times as many files.
"""

import os
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ran.data.images import read_image
from ran.data.masks import read_map, read_mask, read_trimap
from tests.data.any_file import WRITERS, File, exif, in_palette, lay, rng_of, some_tag, with_alpha
from tests.faults.making import encoded, grey3

PAIRS = [(0, 255), (0, 1), (1, 2), (7, 200), (100, 150)]  # of levels in masks
RED, BLUE = (200, 30, 30), (0, 90, 200)
FORMATS = ("PNG", "TIFF", "BMP")  # without loss
NO_MAPS = ("WEBP", "webp", "AVIF", "GIF", "CMYK", "save_all")  # kinds of images that are refused as maps
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Corrupt EXIF")]


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("any") / "file.image"


@st.composite
def drawn(draw: Any, *writers: Any) -> File:
    return draw(st.sampled_from(writers))(draw(st.randoms(use_true_random=False)))


def examples(count: int) -> settings:
    """So many, the same ones every time."""
    count *= int(os.environ.get("RAN_EXAMPLES", "1"))
    return settings(max_examples=count, deadline=None, derandomize=True, database=None,
                    suppress_health_check=list(HealthCheck))  # fmt: skip


def value_of(read: Any, path: Path, file: File, *options: Any) -> np.ndarray | None:
    """What a reader gives; None after a ValueError, which has to name the file."""
    path.write_bytes(file.content)
    try:
        return read(path, *options)
    except ValueError as error:
        assert str(path) in str(error)
        return None


def assert_true(found: np.ndarray, truth: np.ndarray, tolerance: float) -> None:
    assert found.dtype == np.uint8 and found.shape == truth.shape
    assert np.abs(found.astype(int) - truth).mean() <= tolerance


@examples(500)
@given(file=drawn(*WRITERS))
def test_images_are_right_or_refused(path, file):
    if (found := value_of(read_image, path, file)) is not None:
        assert_true(found, file.truth, file.tolerance)


@examples(300)
@given(file=drawn(*WRITERS).filter(lambda file: file.plain))
def test_plain_images_are_read(path, file):
    assert value_of(read_image, path, file) is not None


@examples(400)
@given(file=drawn(*WRITERS))
def test_maps_are_right_or_refused(path, file):
    """Nobody knows the level of a colour, or of what is transparent."""
    assume(" of 10 bits" not in file.kind and " of 12 bits" not in file.kind)  # dark maps of 16 bits
    grey = np.ptp(file.truth, 2).max() == 0 and not file.clear
    if (found := value_of(read_map, path, file)) is not None:
        assert grey
        assert_true(found, file.truth[..., 1], file.tolerance)
        assert np.array_equal(read_map(path, "blurred"), 255 - found)
    else:
        assert not (grey and file.plain) or any(name in file.kind for name in NO_MAPS)
    two = len(np.unique(file.truth.reshape(-1, 3), axis=0)) < 3
    assert grey or two or value_of(read_mask, path, file) is None


def blob(r: Random) -> np.ndarray:
    """H x W bool: an ellipse, and perhaps a rectangle."""
    height, width = r.randint(60, 140), r.randint(60, 140)
    mask, centre = np.zeros((height, width), np.uint8), (r.randint(25, width - 25), r.randint(25, height - 25))
    cv2.ellipse(mask, centre, (r.randint(8, 24), r.randint(8, 24)), r.randint(0, 180), 0, 360, 1, -1)
    mask[: r.choice([0, 0, 9]), : r.choice([0, 30])] = 1
    return mask > 0


def saved(r: Random, image: Any, tag: int, kinds: tuple[str, ...] = FORMATS) -> tuple[str, bytes]:
    """An image in one of the formats, and its name; PNG or TIFF, which hold the orientation, where it is turned."""
    kind = r.choice([kind for kind in kinds if tag == 1 or kind in ("PNG", "TIFF", "JPEG")])
    how = {"quality": r.randint(50, 95)} if kind == "JPEG" else {}
    return f"{kind} {how}, turned {tag}", encoded(image, kind, **how, **exif(tag))


def two_levels(r: Random) -> File:
    truth, tag, bits = blob(r), some_tag(r), r.choice([1, 8, 8, 16])
    low, high = r.choice([*PAIRS, sorted(r.sample(range(256), 2))])
    values = np.where(lay(truth, tag), high, low).astype(np.uint16 if bits == 16 else np.uint8)
    kind, values = r.choice([("grey", values), ("RGB", grey3(values))]) if bits == 8 else ("grey", values)
    values = values * r.choice([1, 257]) if bits == 16 else values > low if bits == 1 else values
    name, content = saved(r, values, tag, ("PNG", "TIFF") if bits == 16 else FORMATS)
    return File(f"{bits} bits {kind} of {low} and {high}, {name}", content, truth * np.uint8(255))


def two_colours(r: Random) -> File:
    """A palette, or RGB."""
    truth, tag = blob(r), some_tag(r)
    kind = r.choice(["greys", "black and a colour", "colours", "alike", "short"])
    dark, bright = {"greys": ((7,) * 3, (200,) * 3), "black and a colour": ((0,) * 3, RED), "colours": (BLUE, RED),
                    "alike": (RED, RED), "short": (RED, None)}[kind]  # fmt: skip
    stored, swapped = lay(truth, tag), kind not in ("alike", "short") and r.random() < 0.5
    palette = [colour for colour in ((bright, dark) if swapped else (dark, bright)) if colour]
    image = in_palette(stored != swapped, palette + [(9, 99, 199)] * (0 if kind == "short" else r.randint(0, 9)))
    if len(palette) == 2 and kind != "alike" and r.random() < 0.3:
        kind, image = f"{kind}, RGB", np.where(stored[..., None], bright, dark).astype(np.uint8)
    kinds = ("PNG",) if kind == "short" else FORMATS
    name, content = saved(r, image, tag, kinds)
    plain = None if kind in ("alike", "short") else not kind.startswith("colours")
    return File(f"{kind}, swapped {swapped}, {name}", content, truth * np.uint8(255), plain)


def alpha(r: Random) -> File:
    """Black and white with an alpha channel, which may be another mask or the same one."""
    truth, tag = blob(r), some_tag(r)
    levels = lay(truth, tag) * np.uint8(255)
    levels = r.choice([levels, grey3(levels)])
    kind = r.choice(["any", "mask"])
    values = with_alpha(r, levels) if kind == "any" else np.dstack([levels, lay(truth, tag) * np.uint8(255)])
    plain = {(255, 255): True, (90, 90): None}.get((values[..., -1].min(), values[..., -1].max()), False)
    name, content = saved(r, values, tag, ("PNG", "TIFF"))
    return File(f"alpha {kind}, {values.shape[2]} channels, {name}", content, truth * np.uint8(255), plain)


def labels(r: Random) -> File:
    """Three and more areas, 9 pixels wide at least."""
    count, size, rng = r.randint(3, 12), r.randint(9, 16), rng_of(r)
    cells = rng.integers(0, count, (r.randint(2, 7), r.randint(2, 7)))
    cells.flat[:3] = 0, 1, 2
    indices = np.kron(cells, np.ones((size, size), int))
    kind = r.choice(["grey", "grey", "16 bits", "palette", "RGB", "JPEG", "JPEG"])
    levels = r.sample(range(256), count) if kind != "JPEG" else r.sample(range(0, 256, 51), 6) * 2
    if kind == "grey" and r.random() < 0.5:
        levels[:3] = r.choice([(0, 1, 255), (0, 128, 255), (0, 254, 255), (0, 1, 2), (0, 60, 250)])
    grey, colours = np.array(levels, np.uint8)[indices], rng.permutation(256)[:, None] * [1, 7, 29] % 256
    image: Any = {"16 bits": grey * np.uint16(257), "palette": in_palette(indices, colours)}.get(kind, grey)
    image = colours[indices].astype(np.uint8) if kind == "RGB" else image
    name, content = saved(r, image, 1, {"16 bits": FORMATS[:2], "JPEG": ("JPEG",)}.get(kind, FORMATS))
    return File(f"labels {levels[:count]}, {kind}, {name}", content, grey, False)


def trimap(r: Random) -> File:
    mask, kernel = blob(r).astype(np.uint8), np.ones([r.choice([5, 7, 9])] * 2, np.uint8)
    levels = np.where(cv2.erode(mask, kernel) > 0, 255, np.where(cv2.dilate(mask, kernel) > 0, 128, 0)).astype(np.uint8)
    name, content = saved(r, lay(levels, tag := some_tag(r)), tag, FORMATS)
    return File(f"trimap, {name}", content, levels, False)


def matte(r: Random) -> File:
    """A ramp over a third of the width and more."""
    height, width, tag = r.randint(30, 99), r.randint(60, 99), some_tag(r)
    ramp = np.clip(np.linspace(0, r.uniform(1, 3), width) - r.uniform(0, 0.2), 0, 1)
    levels = np.tile(np.rint(255 * ramp / ramp.max()).astype(np.uint8), (height, 1))
    name, content = saved(r, lay(levels, tag), tag, (*FORMATS, "JPEG"))
    return File(f"matte, {name}", content, levels, False)


def edges(r: Random) -> File:
    """Black and white, blurred or resized smoothly or neither."""
    levels, tag = blob(r) * np.uint8(255), some_tag(r)
    scales = {"fx": r.uniform(0.5, 1.9), "fy": r.uniform(0.5, 1.9)}
    resized = cv2.resize(
        levels, None, **scales, interpolation=r.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
    )
    levels = r.choice([levels, cv2.GaussianBlur(levels, (0, 0), r.uniform(0.4, 1.2)), resized])
    deep = r.random() < 0.2
    name, content = saved(r, lay(levels * np.uint16(257) if deep else levels, tag), tag,
                          FORMATS[:2] if deep else (*FORMATS, "JPEG", "JPEG"))  # fmt: skip
    return File(f"edges {deep}, {name}", content, np.where(levels > 127, 255, 0).astype(np.uint8), True,
                5 if "JPEG" in name else 0)  # fmt: skip


def one_class(r: Random) -> File:
    level, size, tag = r.choice([0, 1, 255, 100]), (r.randint(2, 40), r.randint(2, 40)), some_tag(r)
    name, content = saved(r, np.full(size[::-1] if tag > 4 else size, level, np.uint8), tag, FORMATS)
    return File(f"level {level} alone, {name}", content, np.full(size, level, np.uint8), level in (0, 255))


@examples(500)
@given(file=drawn(labels))
def test_label_maps_are_always_refused(path, file):
    assert value_of(read_mask, path, file) is None


@examples(600)
@given(file=drawn(two_levels, two_colours, alpha, trimap, matte, edges, edges, one_class))
@pytest.mark.parametrize("white", ["in_focus", "blurred"])
def test_masks_are_right_or_refused(path, file, white):
    found = value_of(read_mask, path, file, white)
    assert file.plain is None or (found is not None) == file.plain
    if found is not None:
        assert_true(found, file.truth if white == "in_focus" else 255 - file.truth, file.tolerance)
    if file.kind.startswith("trimap"):
        unknown = file.truth == 128
        swapped = np.where(unknown, 128, 255 - file.truth)
        assert np.array_equal(read_trimap(path, white), file.truth if white == "in_focus" else swapped)
