"""Image files of any kind, as Pillow, OpenCV, tifffile and other programs write them, and what each holds."""

import struct
import zlib
from random import Random
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import ExifTags, Image

from tests.faults.making import chunk, encoded, grey3, tiff

MODES = {  # of Pillow that each format holds
    "PNG": "1 L LA P RGB RGBA I;16", "TIFF": "1 L LA P RGB RGBA CMYK YCbCr I;16 I F", "JPEG": "L RGB CMYK YCbCr",
    "MPO": "RGB", "BMP": "1 L P RGB RGBA", "GIF": "1 L P", "WEBP": "L RGB RGBA", "AVIF": "L RGB RGBA",
}  # fmt: skip
TURNED = ("PNG", "TIFF", "JPEG", "WEBP", "AVIF")
OPENCV = {".png": "BH", ".tif": "BHf", ".bmp": "B", ".webp": "B"}  # types of values
TOPS = {"B": 255, "H": 65535, "I": 2**32 - 1, "b": 127, "h": 32767, "e": 1, "f": 1, "?": 1}  # white of tifffile's types
EXTRA = [None, None, "unassalpha", "unspecified", "assocalpha"]


class File(NamedTuple):
    """A file and what it holds.

    Attributes:
        kind: how it was written.
        truth: uint8, upright: H x W x 3 of an image, H x W of a mask.
        plain: True has to be read, False has to be refused, None may be either.
        tolerance: mean difference that its compression may cause, of 255.
        clear: whether it is transparent anywhere.
    """

    kind: str
    content: bytes
    truth: np.ndarray
    plain: bool | None = True
    tolerance: float = 0
    clear: bool = False

    def __repr__(self) -> str:
        return f"{self.kind}, {self.truth.shape[1]} x {self.truth.shape[0]}"


def lay(values: np.ndarray, tag: int) -> np.ndarray:
    """Upright values as a camera stores them that writes this EXIF orientation."""
    values = values.swapaxes(0, 1) if tag in (5, 7) else np.rot90(values, {6: 1, 8: -1}.get(tag, 0))
    down, across = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 7: (-1, -1)}.get(tag, (1, 1))
    return np.ascontiguousarray(values[::down, ::across])


def upright(values: np.ndarray, tag: int) -> np.ndarray:
    return lay(values, {6: 8, 8: 6}.get(tag, tag)).astype(np.uint8)


def exif(tag: int) -> dict[str, Image.Exif]:
    (found := Image.Exif())[ExifTags.Base.Orientation] = tag
    return {"exif": found} if tag > 1 else {}


def some_tag(r: Random) -> int:
    return r.randint(1, 8) if r.random() < 0.5 else 1


def rng_of(r: Random) -> np.random.Generator:
    return np.random.default_rng(r.getrandbits(32))


def deep(levels: np.ndarray) -> np.ndarray:
    """16-bit values that are rounded to these levels of 8 bits."""
    noise = np.random.default_rng(levels.size).integers(-128, 129, (*levels.shape[:2], *[1] * (levels.ndim - 2)))
    return np.where(levels < 255, (levels.astype(int) * 257 + noise).clip(0), 65535).astype(np.uint16)


def content_of(r: Random, low: int = 2, smooth: bool = False) -> np.ndarray:
    """H x W x 3 as stored, grey or in colours: smooth, or noise, which may be dark or have a margin."""
    height, width, rng = r.randint(low, 40), r.randint(low, 40), rng_of(r)
    if smooth:
        y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
        colours = np.dstack([250 * x, 180 * y + 40, 90 + 0 * x])[..., rng.permutation(3)]
    else:
        colours = rng.integers(0, 256, (height, width, 3)) // r.choice([1, 1, 1, 4, 24])
        colours[:, : r.randint(0, 5)] = r.choice([0, 0, 9, 255])
    return np.rint(np.repeat(colours.mean(2, keepdims=True), 3, 2) if r.random() < 0.4 else colours).astype(np.uint8)


def with_alpha(r: Random, levels: np.ndarray) -> np.ndarray:
    alpha = rng_of(r).integers(1, 255, (*levels.shape[:2], 1))
    return np.dstack([levels, r.choice([alpha, np.full_like(alpha, 90), np.full_like(alpha, 255)])]).astype(np.uint8)


def in_palette(indices: np.ndarray, palette: Any) -> Image.Image:
    (image := Image.fromarray(indices.astype(np.uint8))).putpalette(np.array(palette, np.uint8).tobytes())
    return image


def in_mode(r: Random, mode: str, colours: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """An image of Pillow, and what it shows."""
    grey = colours[..., 1]
    if mode == "P":
        palette = rng_of(r).permuted(np.tile(np.arange(256), (3, 1)), axis=1).T
        palette = palette[: r.randint(2, 256), [0, 0, 0] if np.ptp(colours, 2).max() == 0 else [0, 1, 2]]
        indices = grey.astype(int) * len(palette) // 256
        return in_palette(indices, palette), palette[indices]
    if mode == "CMYK":
        inks = 255 - np.dstack([colours, grey])
        return Image.frombytes(mode, inks.shape[1::-1], inks.tobytes()), np.rint(colours * (grey[..., None] / 255))
    if mode in ("RGB", "RGBA", "YCbCr"):
        return Image.fromarray(with_alpha(r, colours) if mode == "RGBA" else colours).convert(mode), colours
    if mode == "LA":
        return Image.fromarray(with_alpha(r, grey)), grey3(grey)
    values = {"1": grey > 127, "I;16": deep(grey), "I": deep(grey).astype("i4"), "F": (grey / 255).astype("f4")}
    return Image.fromarray(values.get(mode, grey)), grey3(np.where(grey > 127, 255, 0) if mode == "1" else grey)


def by_pillow(r: Random) -> File:
    kind, how = r.choice(list(MODES)), {}
    mode = r.choice(MODES[kind].split())
    lossy = kind in ("JPEG", "MPO", "AVIF") or (kind in ("WEBP", "TIFF") and mode in ("L", "RGB") and r.random() < 0.3)
    if kind == "TIFF":
        ways = [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", *["group4"] * (mode == "1")]
        how["compression"] = "jpeg" if lossy else r.choice(ways)
    elif kind == "JPEG":
        how = {"quality": r.randint(50, 95), "progressive": r.random() < 0.5, "subsampling": r.choice([0, 1, 2])}
    elif kind == "WEBP":
        how = {"quality": r.randint(60, 95)} if lossy else {"lossless": True, "exact": True}
    image, truth = in_mode(r, mode, content_of(r, 9 if lossy else 2, lossy))
    if mode == "P" and kind in ("PNG", "GIF") and r.random() < 0.3:
        how["transparency"] = image.getpixel((0, 0))
    tag = some_tag(r) if kind in TURNED else 1
    if pages := kind == "MPO" or (kind in ("PNG", "TIFF", "GIF", "WEBP") and r.random() < 0.2):
        how |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    strange = mode in ("F", "YCbCr") or (kind == "TIFF" and (pages or mode == "I"))
    strange |= mode[0] == "I" and truth.max() < 17
    tolerance = 8 if lossy else 2 if mode in ("YCbCr", "CMYK") else 0
    clear = "transparency" in how or (mode in ("LA", "RGBA") and kind != "BMP" and image.getextrema()[-1][0] < 255)
    content = encoded(image, kind, **how, **exif(tag))
    return File(f"Pillow {kind} {mode} {how} turned {tag}", content, upright(truth, tag), None if strange else True,
                tolerance, clear)  # fmt: skip


def by_opencv(r: Random) -> File:
    suffix, bits = r.choice(list(OPENCV)), r.choice([16, 16, 12, 10])
    kind, channels, truth = r.choice(OPENCV[suffix]), r.choice([1, 3, 4]), content_of(r)
    truth = truth if channels > 1 else grey3(truth[..., 1])
    values = truth[..., :1] if channels == 1 else truth[..., ::-1]
    values = with_alpha(r, values) if channels == 4 else values
    clear = channels == 4 and values[..., 3].min() < 255
    if kind == "f":
        values = (values / 255).astype("f4")
    elif kind == "H":
        values = deep(values) if bits == 16 else np.rint(values / 255 * (2**bits - 1)).astype(np.uint16)
    plain = kind == "B" or (kind == "H" and bits == 16 and truth.max() > 16)
    content = cv2.imencode(suffix, values)[1].tobytes()
    name = f"OpenCV {suffix} {kind} {channels} channels" + f" of {bits} bits" * (kind == "H")
    return File(name, content, truth, plain or None, 0, clear)


def by_tifffile(r: Random) -> File:
    kind, extra, tag, bits = r.choice("BBBBHHHHIbhef?"), r.choice(EXTRA), some_tag(r), r.choice([16, 16, 12, 10])
    shown = "minisblack" if kind == "?" else r.choice(["minisblack", "miniswhite", "rgb", "rgb"])
    extra, top = None if shown == "miniswhite" or kind == "?" else extra, TOPS[kind]
    colours = content_of(r)
    values = colours if shown == "rgb" else colours[..., :1]
    values = np.where(values > 127, 255, 0) if kind == "?" else values
    truth = np.broadcast_to(values, colours.shape)
    values = top - values / 255 * top if shown == "miniswhite" else values / 255 * top
    if kind == "H":
        values = np.rint(values / 65535 * (2**bits - 1))
    if extra:
        alpha = rng_of(r).integers(1, 255, (*values.shape[:2], 1)) / 255
        values = np.dstack([values * alpha if extra == "assocalpha" else values, alpha * top])
    values = (values if top == 1 else np.rint(values)).astype(kind)
    planar = "separate" if values.shape[2] > 1 and r.random() < 0.3 else "contig"
    values = np.moveaxis(values, 2, 0) if planar == "separate" else values[..., 0] if values.shape[2] == 1 else values
    how: dict[str, Any] = {"byteorder": r.choice("<>"), "bigtiff": r.random() < 0.2, "planarconfig": planar}
    how |= {"tile": (16, 16)} if r.random() < 0.3 else {"rowsperstrip": r.randint(1, 50)}
    if r.random() < 0.5:
        how |= {"compression": "zlib", "predictor": 2 if kind not in "ef?" and r.random() < 0.5 else None}
    pages = [values] * (1 + (r.random() < 0.2))
    content = tiff(*pages, photometric=shown, extrasamples=[extra] if extra else None,
                   extratags=[(274, "H", 1, tag, True)], **how)  # fmt: skip
    usual = kind == "B" or (kind == "H" and bits == 16 and truth.max() > 16 and shown != "miniswhite")
    usual &= planar == "contig" and len(pages) == 1 and extra in (None, "unassalpha") and not (extra and shown != "rgb")
    usual &= not (how["bigtiff"] and how["byteorder"] == ">")
    name = f"tifffile {kind} {shown} {extra} of {bits} bits, {len(pages)} pages, {how}, turned {tag}"
    return File(name, content, upright(truth, tag), usual or None, 0, extra in ("unassalpha", "assocalpha"))


def png(r: Random) -> File:
    """A PNG of 1, 2, 4, 8 or 16 bits."""
    colours, kind = content_of(r), r.choice([0, 0, 2, 4, 6])  # grey, RGB, grey and alpha, RGBA
    bits = r.choice([8, 16] if kind else [1, 2, 4, 8, 16])
    values = levels = colours if kind & 2 else colours[..., :1]
    if kind & 4:
        values = with_alpha(r, levels)
    clear = bool(kind & 4 and values[..., -1].min() < 255)
    values = values.astype(">u2") * 257 if bits == 16 else values >> (8 - bits)
    truth = levels if bits == 16 else np.rint(values[..., : levels.shape[2]] / (2**bits - 1) * 255)
    if bits < 8:
        values = np.packbits((values >> np.arange(bits - 1, -1, -1) & 1).reshape(len(values), -1).astype(bool), axis=1)
    lines = zlib.compress(b"".join(b"\0" + line.tobytes() for line in values))
    header = struct.pack(">IIBBBBB", colours.shape[1], colours.shape[0], bits, kind, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    truth = np.broadcast_to(truth, colours.shape).astype(np.uint8)
    return File(f"PNG of {bits} bits, kind {kind}", content, truth, bits < 16 or truth.max() > 16 or None, 0, clear)


WRITERS = (by_pillow, by_pillow, by_opencv, by_tifffile, png)
