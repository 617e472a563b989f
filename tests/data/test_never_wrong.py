"""Never wrong in silence: a reader gives what a file holds, whoever wrote it, or raises a ValueError that names it.

RAN_EXAMPLES=10 draws ten times as many files.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from ran.data.images import read_image
from ran.data.masks import read_map, read_mask
from tests.data.test_masks import in_palette
from tests.faults.making import encoded, grey3, tiff

COUNT = 700 * int(os.environ.get("RAN_EXAMPLES", "1"))  # files of each test
MODES = {  # of Pillow that each format holds
    "PNG": "1 L LA P RGB RGBA I;16", "TIFF": "1 L LA P RGB RGBA CMYK YCbCr I;16 I F", "JPEG": "L RGB CMYK",
    "MPO": "RGB", "BMP": "1 L P RGB RGBA", "GIF": "1 L P", "WEBP": "L RGB RGBA", "AVIF": "L RGB RGBA",
}  # fmt: skip
TURNED = ("PNG", "TIFF", "JPEG", "WEBP", "AVIF")
TOPS = {"B": 255, "H": 65535, "I": 2**32 - 1, "b": 127, "h": 32767, "f": 1, "?": 1}  # white of tifffile's types
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Corrupt EXIF")]


class File(NamedTuple):
    """A file and what it holds, upright: H x W x 3 of an image, H x W of a mask, None of what no mask may be."""

    kind: str
    content: bytes
    truth: Any
    tolerance: float = 0  # mean difference of levels that its compression may cause
    clear: bool = False  # whether it is transparent anywhere


def drawn(*writers: Callable[[Random], File]) -> Iterator[File]:
    """Files of these writers in turn, the same ones every time."""
    return (writers[seed % len(writers)](Random(seed)) for seed in range(COUNT))


def value_of(read: Any, path: Path, file: File, *options: Any) -> np.ndarray | None:
    """What a reader gives; None after a ValueError, which has to name the file."""
    path.write_bytes(file.content)
    try:
        return read(path, *options)
    except ValueError as error:
        assert str(path) in str(error)
        return None


def assert_true(found: np.ndarray, truth: np.ndarray, file: File) -> None:
    assert found.dtype == np.uint8 and found.shape == truth.shape, file.kind
    assert np.abs(found.astype(int) - truth).mean() <= file.tolerance, file.kind


def upright(values: np.ndarray, tag: int) -> np.ndarray:
    """What a file shows that holds these values and this EXIF orientation; test_images has them all."""
    return np.rot90(values, {6: -1, 8: 1}.get(tag, 0)).astype(np.uint8)


def exif(tag: int) -> dict[str, Image.Exif]:
    (found := Image.Exif())[ExifTags.Base.Orientation] = tag
    return {"exif": found}


def rng_of(r: Random) -> np.random.Generator:
    return np.random.default_rng(r.getrandbits(32))


def colours_of(r: Random, smooth: bool = False) -> np.ndarray:
    """H x W x 3, grey or in colours: noise, dark or not, or smooth for what compression changes."""
    height, width, rng = r.randint(9, 40), r.randint(9, 40), rng_of(r)
    colours = rng.integers(0, 256, (height, width, 3)) // r.choice([1, 1, 4, 24])
    if smooth:
        y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
        colours = np.dstack([250 * x, 180 * y + 40, 90 + 0 * x])[..., rng.permutation(3)]
    return np.rint(np.repeat(colours.mean(2, keepdims=True), 3, 2) if r.random() < 0.4 else colours).astype(np.uint8)


def with_alpha(r: Random, levels: np.ndarray) -> np.ndarray:
    alpha = rng_of(r).integers(1, 255, (*levels.shape[:2], 1))
    return np.dstack([levels, r.choice([alpha, np.full_like(alpha, 255)])]).astype(np.uint8)


def in_mode(r: Random, mode: str, colours: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """An image of Pillow, and what it shows."""
    grey = colours[..., 1]
    if mode == "P":
        palette = rng_of(r).integers(0, 256, (r.randint(2, 256), 3))
        indices = grey.astype(int) * len(palette) // 256
        return in_palette(indices, palette.tolist()), palette[indices]
    if mode == "CMYK":
        inks = 255 - np.dstack([colours, grey])
        return Image.frombytes(mode, inks.shape[1::-1], inks.tobytes()), np.rint(colours * (grey[..., None] / 255))
    if mode in ("RGB", "RGBA", "YCbCr"):
        return Image.fromarray(with_alpha(r, colours) if mode == "RGBA" else colours).convert(mode), colours
    values = {"1": grey > 127, "I;16": grey * np.uint16(257), "I": grey * np.int32(257), "F": (grey / 255).astype("f4"),
              "LA": with_alpha(r, grey)}  # fmt: skip
    return Image.fromarray(values.get(mode, grey)), grey3(np.where(grey > 127, 255, 0) if mode == "1" else grey)


def by_pillow(r: Random) -> File:
    kind, how = r.choice(list(MODES)), {}
    mode, tag = r.choice(MODES[kind].split()), r.choice([1, 6, 8]) if kind in TURNED else 1
    lossy = kind in ("JPEG", "MPO", "AVIF") or (kind == "WEBP" and mode != "RGBA" and r.random() < 0.5)
    if kind == "TIFF":
        how["compression"] = r.choice([None, "tiff_lzw", "packbits", "group4" if mode == "1" else "tiff_deflate"])
    elif kind in ("JPEG", "WEBP"):
        how = {"quality": r.randint(60, 95)} if lossy else {"lossless": True, "exact": True}
    image, truth = in_mode(r, mode, colours_of(r, lossy))
    if mode == "P" and kind in ("PNG", "GIF") and r.random() < 0.3:
        how["transparency"] = image.getpixel((0, 0))
    if kind == "MPO" or (kind in ("PNG", "TIFF", "GIF", "WEBP") and r.random() < 0.2):
        how |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    clear = "transparency" in how or (mode in ("LA", "RGBA") and kind != "BMP" and image.getextrema()[-1][0] < 255)
    name, tolerance = f"Pillow {kind} {mode} {how} turned {tag}", 8 if lossy else 2 if mode in ("YCbCr", "CMYK") else 0
    return File(name, encoded(image, kind, **how, **exif(tag)), upright(truth, tag), tolerance, clear)


def by_opencv(r: Random) -> File:
    suffix, kind = r.choice([(".png", "B"), (".png", "H"), (".tif", "B"), (".tif", "H"), (".tif", "f")])
    channels, truth = r.choice([1, 3, 4]), colours_of(r)
    truth = truth if channels > 1 else grey3(truth[..., 1])
    values = truth[..., :1] if channels == 1 else truth[..., ::-1]
    values = with_alpha(r, values) if channels == 4 else values
    clear = channels == 4 and values[..., 3].min() < 255
    values = {"B": values, "H": values * np.uint16(257), "f": (values / 255).astype("f4")}[kind]
    return File(f"OpenCV {suffix} {kind} {channels}", cv2.imencode(suffix, values)[1].tobytes(), truth, 0, clear)


def by_tifffile(r: Random) -> File:
    kind, tag = r.choice("BBBHHHIbhf?"), r.choice([1, 6, 8])
    shown = "minisblack" if kind == "?" else r.choice(["minisblack", "miniswhite", "rgb", "rgb"])
    extra = r.choice([None, "unassalpha", "assocalpha"]) if shown == "rgb" else None
    truth, top = colours_of(r), TOPS[kind]
    truth = truth if shown == "rgb" else grey3(np.where(truth > 127, 255, 0)[..., 0] if kind == "?" else truth[..., 0])
    values = (255 - truth if shown == "miniswhite" else truth) / 255 * top
    if extra:
        alpha = rng_of(r).integers(1, 255, (*values.shape[:2], 1)) / 255
        values = np.dstack([values * alpha if extra == "assocalpha" else values, alpha * top])
    values = (values if top == 1 else np.rint(values)).astype(kind)[..., slice(None) if shown == "rgb" else 0]
    planar = "separate" if shown == "rgb" and r.random() < 0.3 else "contig"
    how = {"byteorder": r.choice("<>"), "planarconfig": planar, "compression": r.choice([None, "zlib"])}
    how |= {"tile": (16, 16)} if r.random() < 0.3 else {"rowsperstrip": r.randint(1, 50)}
    pages = [np.moveaxis(values, 2, 0) if planar == "separate" else values] * r.choice([1, 1, 1, 2])
    content = tiff(*pages, photometric=shown, extrasamples=[extra] if extra else None,
                   extratags=[(274, "H", 1, tag, True)], **how)  # fmt: skip
    return File(f"tifffile {kind} {shown} {extra} {how} turned {tag}", content, upright(truth, tag), 0, bool(extra))


def test_images_are_right_or_refused(tmp_path):
    read = 0
    for file in drawn(by_pillow, by_opencv, by_tifffile):
        if (found := value_of(read_image, tmp_path / "file.image", file)) is not None:
            assert_true(found, file.truth, file)
            read += 1
    assert read > 0.6 * COUNT


def test_maps_are_right_or_refused(tmp_path):
    """Nobody knows the level of a colour, or of what is transparent."""
    path, read = tmp_path / "file.image", 0
    for file in drawn(by_pillow, by_opencv, by_tifffile):
        grey = np.ptp(file.truth, 2).max() == 0 and not file.clear
        if (found := value_of(read_map, path, file)) is not None:
            assert grey, file.kind
            assert_true(found, file.truth[..., 1], file)
            assert np.array_equal(read_map(path, "blurred"), 255 - found)
            read += 1
        if not grey and len(np.unique(file.truth.reshape(-1, 3), axis=0)) > 2:
            assert value_of(read_mask, path, file) is None, file.kind
    assert read > 0.3 * COUNT


def blob(r: Random) -> np.ndarray:
    """H x W bool: an ellipse, and perhaps a rectangle."""
    height, width = r.randint(60, 140), r.randint(60, 140)
    mask, centre = np.zeros((height, width), np.uint8), (r.randint(25, width - 25), r.randint(25, height - 25))
    cv2.ellipse(mask, centre, (r.randint(8, 24), r.randint(8, 24)), r.randint(0, 180), 0, 360, 1, -1)
    mask[: r.choice([0, 9]), :30] = 1
    return mask > 0


def two_levels(r: Random) -> File:
    truth, (low, high) = blob(r), r.choice([(0, 255), (0, 1), (1, 2), sorted(r.sample(range(256), 2))])
    values = np.where(truth, high, low).astype(r.choice([np.uint8, np.uint16]))
    values = grey3(values) if values.dtype == np.uint8 and r.random() < 0.3 else values
    return File(f"{values.dtype} of {low} and {high}", encoded(values, "PNG"), truth * np.uint8(255))


def edges(r: Random) -> File:
    """Black and white, blurred or resized smoothly or neither."""
    levels = blob(r) * np.uint8(255)
    way = r.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
    resized = cv2.resize(levels, None, fx=r.uniform(0.5, 1.9), fy=r.uniform(0.5, 1.9), interpolation=way)
    levels = r.choice([levels, cv2.GaussianBlur(levels, (0, 0), r.uniform(0.4, 1.2)), resized])
    kind = r.choice(["PNG", "TIFF", "BMP", "JPEG"])
    content = encoded(levels, kind, quality=r.randint(50, 95))
    return File(f"edges {kind}", content, (levels > 127) * np.uint8(255), 5 if kind == "JPEG" else 0)


def labels(r: Random) -> File:
    """Three and more areas, 9 pixels wide at least."""
    count, size, rng = r.randint(3, 12), r.randint(9, 16), rng_of(r)
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
    return File(f"labels {levels[:count]}, {kind}", content, None)


def test_masks_are_right_or_refused(tmp_path):
    """All that are of two classes are read, and no label map is."""
    path = tmp_path / "file.image"
    for file in drawn(two_levels, edges, edges, labels, labels):
        found = value_of(read_mask, path, file)
        assert (found is None) == (file.truth is None), file.kind
        if found is not None:
            assert_true(found, file.truth, file)
            assert np.array_equal(read_mask(path, "blurred"), 255 - found)
