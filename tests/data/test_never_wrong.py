"""Never wrong in silence: a reader gives what a file holds, whoever wrote it, or raises a ValueError that names it."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from ran.data.images import read_image
from ran.data.masks import read_map, read_mask
from tests.data.test_masks import in_palette
from tests.faults.making import encoded, grey3

MODES = {  # of Pillow that each format holds
    "PNG": "1 L LA P RGB RGBA I;16", "TIFF": "1 L LA P RGB RGBA CMYK YCbCr I;16 I F", "JPEG": "L RGB CMYK",
    "MPO": "RGB", "BMP": "1 L P RGB RGBA", "GIF": "1 L P", "WEBP": "L RGB RGBA", "AVIF": "L RGB RGBA",
}  # fmt: skip
TURNED = ("PNG", "TIFF", "JPEG", "WEBP", "AVIF")
LOSS = {"JPEG": 8, "MPO": 8, "AVIF": 8, "YCbCr": 2, "CMYK": 2}  # mean difference of levels that a format or mode makes
Y, X = np.mgrid[0:1:24j, 0:1:40j]
COLOURS = np.rint(np.dstack([250 * X, 180 * Y + 40, 90 + 100 * X * Y])).astype(np.uint8)
GREYS = grey3(COLOURS[..., 1])
ALPHA = np.rint(255 - 200 * X * Y).astype(np.uint8)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Corrupt EXIF")]


def in_mode(mode: str, shown: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """An image of Pillow, and what it shows."""
    grey = shown[..., 1]
    if mode == "P":
        palette = np.random.default_rng(0).integers(0, 256, (200, 3))
        palette = palette if np.ptp(shown, 2).any() else palette[:, :1].repeat(3, 1)
        indices = grey.astype(int) * 200 // 256
        return in_palette(indices, palette.tolist()), palette[indices]
    if mode == "CMYK":
        inks = 255 - np.dstack([shown, grey])
        return Image.frombytes(mode, inks.shape[1::-1], inks.tobytes()), np.rint(shown * (grey[..., None] / 255))
    if mode in ("RGB", "RGBA", "YCbCr"):
        return Image.fromarray(np.dstack([shown, ALPHA]) if mode == "RGBA" else shown).convert(mode), shown
    values = {"1": grey > 127, "I;16": grey * np.uint16(257), "I": grey * np.int32(257), "F": (grey / 255).astype("f4"),
              "LA": np.dstack([grey, ALPHA])}  # fmt: skip
    return Image.fromarray(values.get(mode, grey)), grey3(np.where(grey > 127, 255, 0) if mode == "1" else grey)


def by_pillow() -> Iterator[tuple[str, bytes, np.ndarray, int, bool]]:
    """A file's name, its bytes, what it shows (upright, H x W x 3), the mean difference that its compression may cause,
    and whether it is transparent anywhere.
    """
    for kind, shown, tag, frames in product(MODES, (COLOURS, GREYS), (1, 6), (1, 2)):
        for mode in MODES[kind].split():
            image, truth = in_mode(mode, shown)
            how: dict[str, Any] = {"lossless": True, "exact": True} if kind == "WEBP" else {}
            if frames == 2 and kind in ("PNG", "TIFF", "GIF", "WEBP", "MPO"):
                how |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
            if tag == 6 and kind in TURNED:
                how["exif"] = Image.Exif()
                how["exif"][ExifTags.Base.Orientation], truth = tag, np.rot90(truth, -1)
            loss, clear = max(LOSS.get(kind, 0), LOSS.get(mode, 0)), mode in ("LA", "RGBA") and kind != "BMP"
            yield f"{kind} {mode} {how}", encoded(image, kind, **how), truth, loss, clear


def is_read(read: Any, path: Path, content: bytes, truth: np.ndarray, loss: int, name: str) -> bool:
    """Whether a reader gives the truth; False after a ValueError, which has to name the file."""
    path.write_bytes(content)
    try:
        found = read(path)
    except ValueError as error:
        assert str(path) in str(error)
        return False
    assert found.dtype == np.uint8 and found.shape == truth.shape, name
    assert np.abs(found.astype(int) - truth).mean() <= loss, name
    return True


def test_images_and_maps_are_right_or_refused(tmp_path):
    """Nobody knows the level of a colour, or of what is transparent."""
    path, images, maps = tmp_path / "file.image", 0, 0
    for name, content, truth, loss, clear in by_pillow():
        grey = np.ptp(truth, 2).max() == 0 and not clear
        images += is_read(read_image, path, content, truth, loss, name)
        if is_read(read_map, path, content, truth[..., 1], loss if grey else -1, name):
            assert np.array_equal(read_map(path, "blurred"), 255 - read_map(path))
            maps += 1
        if not grey or len(np.unique(truth)) > 2:
            assert not is_read(read_mask, path, content, truth, -1, name)
    assert images >= 232 and maps >= 80


def edges(r: Random) -> tuple[str, bytes, np.ndarray, int]:
    """An ellipse and perhaps a rectangle, black and white, blurred or resized smoothly or neither."""
    height, width = r.randint(60, 140), r.randint(60, 140)
    levels, centre = np.zeros((height, width), np.uint8), (r.randint(25, width - 25), r.randint(25, height - 25))
    cv2.ellipse(levels, centre, (r.randint(8, 24), r.randint(8, 24)), r.randint(0, 180), 0, 360, 255, -1)
    levels[: r.choice([0, 9]), :30] = 255
    way = r.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
    resized = cv2.resize(levels, None, fx=r.uniform(0.5, 1.9), fy=r.uniform(0.5, 1.9), interpolation=way)
    levels = r.choice([levels, cv2.GaussianBlur(levels, (0, 0), r.uniform(0.4, 1.2)), resized])
    kind = r.choice(["PNG", "TIFF", "BMP", "JPEG"])
    content = encoded(levels, kind, quality=r.randint(50, 95))
    return kind, content, (levels > 127) * np.uint8(255), 5 if kind == "JPEG" else 0


def labels(r: Random) -> tuple[str, bytes]:
    """Three and more areas, 9 pixels wide at least."""
    count, size, rng = r.randint(3, 12), r.randint(9, 16), np.random.default_rng(r.getrandbits(32))
    cells = rng.integers(0, count, (r.randint(2, 7), r.randint(2, 7)))
    cells.flat[:3] = 0, 1, 2
    indices, kind = np.kron(cells, np.ones((size, size), int)), r.choice(["grey", "16 bits", "palette", "RGB", "JPEG"])
    levels = r.sample(range(256), count) if kind != "JPEG" else r.sample(range(0, 256, 51), 6) * 2
    if kind == "grey":
        levels[:3] = r.choice([(0, 1, 255), (0, 128, 255), (0, 254, 255), (0, 1, 2), (0, 60, 250)])
    grey, colours = np.array(levels, np.uint8)[indices], rng.permutation(256)[:, None] * [1, 7, 29] % 256
    images: dict = {"16 bits": grey * np.uint16(257), "palette": in_palette(indices, colours.tolist())}
    images["RGB"] = colours[indices].astype(np.uint8)
    content = encoded(images.get(kind, grey), "JPEG" if kind == "JPEG" else "PNG", quality=r.randint(50, 95))
    return f"labels {levels[:count]}, {kind}", content


def test_masks_with_edges_are_read_and_label_maps_refused(tmp_path):
    path = tmp_path / "file.image"
    for seed in range(300):
        name, content, truth, loss = edges(Random(seed))
        assert is_read(read_mask, path, content, truth, loss, name), name
        name, content = labels(Random(seed))
        assert not is_read(read_mask, path, content, truth, -1, name)
