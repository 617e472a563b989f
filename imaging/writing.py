"""Pictures written: maps, masks and renderings."""

import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from ..utils.files import atomic
from ..utils.progress import cores_of_process, in_order
from .strips import Picture

try:
    from isal import isal_zlib
except ImportError:  # it has no wheel for this machine, or this is a deployment by onnxruntime alone
    isal_zlib = None  # type: ignore[assignment]

JPEG_SIDE = 65_500  # pixels: libjpeg writes no longer one
STRIP_BYTES = 2**18  # that a thread makes and packs at a time: what fits in its cache
BLOCK = 8  # pixels, the side of what JPEG packs together
SIZE, PIXELS, SAYING = 0xC0, 0xDA, (*range(0xE0, 0xF0), 0xFE)  # JPEG's segments: size, pixels, metadata and comments
Made = TypeVar("Made")


def write_picture(path: Path, picture: Picture, metadata: dict[str, Any], comment: str = "") -> None:
    """Writes H x W x 3 uint8 (RGB) as JPEG or PNG, or H x W x 4 (and alpha) as PNG, by the path's suffix.

    Args:
        metadata: what metadata.read_metadata gives.
        comment: in ASCII.
    """
    if path.suffix == ".png":
        write_png(path, picture, comment, metadata)
        return
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.writelines(jpeg(picture, comment, metadata))


def write_png(path: Path, picture: Picture, comment: str = "", metadata: dict[str, Any] | None = None) -> None:
    """Writes H x W (grey) uint8 or uint16, or H x W x 3 or 4 (RGB, alpha) uint8, as PNG; see write_picture."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.writelines(png(picture, comment, metadata))


def jpeg(picture: Picture, comment: str, metadata: dict[str, Any]) -> Iterator[bytes]:
    """The pieces of a JPEG file, as they are made: quality 92, colours at full resolution.

    Strips of rows are packed by OpenCV, one after the other between restart markers, which give the same pixels as all
    at once; Pillow packs by one core, from a copy of the whole. What comes before the pixels is Pillow's, with
    metadata, and OpenCV's tables.

    Raises:
        ValueError: what JPEG does not hold.
    """
    if picture.shape[2:] != (3,) or max(picture.shape) > JPEG_SIDE:
        raise ValueError(
            f"a picture of {picture.shape}: JPEG holds three channels, and at most {JPEG_SIDE} pixels a side"
        )
    height, width = picture.shape[:2]
    rows = BLOCK * max(1, STRIP_BYTES // (3 * BLOCK * width))
    settings = [cv2.IMWRITE_JPEG_QUALITY, 92]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    settings += [cv2.IMWRITE_JPEG_RST_INTERVAL, rows // BLOCK * math.ceil(width / BLOCK)]

    def pack(strip: np.ndarray) -> tuple[dict[int, bytes], bytes]:
        done, data = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), settings)
        if not done:
            raise MemoryError("OpenCV does not pack a strip as JPEG")
        return _segments(data.tobytes())

    pixel = np.zeros((1, 1, 3), np.uint8)
    with io.BytesIO() as file:
        Image.fromarray(pixel).save(file, "jpeg", comment=comment, **metadata)
        said, _ = _segments(file.getvalue())
    tables, _ = pack(pixel)
    tables[SIZE] = tables[SIZE][:5] + struct.pack(">HH", height, width) + tables[SIZE][9:]
    yield b"\xff\xd8" + b"".join(segments for kind, segments in said.items() if kind in SAYING)
    yield b"".join(segments for kind, segments in tables.items() if kind not in SAYING)
    strips = _in_threads(lambda top: pack(picture[top : top + rows])[1], range(0, height, rows))
    for number, packed in enumerate(strips):
        yield (bytes((0xFF, 0xD0 + (number - 1) % 8)) if number else b"") + packed
    yield b"\xff\xd9"


def _segments(data: bytes) -> tuple[dict[int, bytes], bytes]:
    """The segments of a JPEG file up to the one before its pixels, those of a kind together; and the pixels, packed."""
    segments: dict[int, bytes] = {}
    at = 2
    while PIXELS not in segments:
        kind, length = struct.unpack(">xBH", data[at : at + 4])
        segments[kind] = segments.get(kind, b"") + data[at : (at := at + 2 + length)]
    return segments, data[at:-2]


def png(picture: Picture, comment: str = "", metadata: dict[str, Any] | None = None) -> Iterator[bytes]:
    """The pieces of write_png's file, as they are made.

    Pillow and OpenCV pack by one core alone; Pillow takes longer there too, OpenCV writes no metadata and copies the
    whole. Each row is stored as differences to the pixel before (filter 1). Strips of rows are packed by ISA-L at its
    level 1, in a quarter of the time of zlib and to the same size within 5%; without it by zlib, as run lengths in
    Huffman codes: a photograph's noise has nothing else to pack, a drawing with a pattern becomes larger.

    Raises:
        ValueError: neither uint8 nor uint16.
    """
    if picture.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a picture of {picture.dtype}: PNG holds uint8 and uint16")
    said = PngImagePlugin.PngInfo()
    if comment:
        said.add_text("Comment", comment)
    pixel = np.zeros((1, 1, *picture.shape[2:]), picture.dtype)
    with io.BytesIO() as file:  # all that comes before the pixels, but for the size
        Image.fromarray(pixel).save(file, "png", pnginfo=said, **metadata or {})
        head = file.getvalue()
    yield head[:8] + _chunk(b"IHDR", struct.pack(">II", *picture.shape[1::-1]) + head[24:29])
    yield head[33 : head.rindex(b"IDAT") - 4]  # metadata may hold these letters too

    rows = max(1, STRIP_BYTES // (picture.shape[1] * pixel.nbytes))
    tops = range(0, len(picture), rows)
    big_endian = picture.dtype.newbyteorder(">")

    def pack(top: int) -> tuple[bytes, memoryview]:
        return _packed(np.ascontiguousarray(picture[top : top + rows], big_endian), pixel.nbytes, last=top == tops[-1])

    checksum = 1
    yield _chunk(b"IDAT", b"\x78\x01")  # zlib's header
    for packed, filtered in _in_threads(pack, tops):
        checksum = zlib.adler32(filtered, checksum)
        yield _chunk(b"IDAT", packed)
    yield _chunk(b"IDAT", struct.pack(">I", checksum)) + _chunk(b"IEND", b"")


def _in_threads(function: Callable[[int], Made], tops: range) -> Iterator[Made]:
    """A function's results, in order, by all cores; two strips a core wait in memory."""
    if len(tops) == 1:  # a small picture needs no thread
        yield function(tops[0])
        return
    with ThreadPoolExecutor(threads := cores_of_process()) as pool:
        yield from in_order(pool, function, zip(tops), 2 * threads)


def _packed(strip: np.ndarray, pixel: int, last: bool) -> tuple[bytes, memoryview]:
    """A strip's part of the deflate stream, and what was packed: each row with its filter's number before it.

    Args:
        strip: of the picture, in PNG's byte order.
        pixel: bytes of one.
        last: whether the stream ends here.
    """
    values = strip.view(np.uint8).reshape(len(strip), -1)
    filtered = np.empty((len(values), 1 + values.shape[1]), np.uint8)
    filtered[:, 0], filtered[:, 1 : 1 + pixel] = 1, values[:, :pixel]
    np.subtract(values[:, pixel:], values[:, :-pixel], out=filtered[:, 1 + pixel :])
    deflate = (
        isal_zlib.compressobj(1, zlib.DEFLATED, -15)
        if isal_zlib
        else zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    )
    ending = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
    return deflate.compress(filtered.data) + deflate.flush(ending), filtered.data


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
