"""Pictures written: maps, masks and renderings."""

import io
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from ..utils.files import atomic
from ..utils.progress import cores_of_process

try:
    from isal import isal_zlib
except ImportError:  # it has no wheel for this machine, or this is a deployment by onnxruntime alone
    isal_zlib = None  # type: ignore[assignment]

JPEG_SIDE = 65_500  # pixels: libjpeg writes no longer one
STRIP_BYTES = 2**20  # that a thread packs at a time


def write_picture(path: Path, picture: np.ndarray, metadata: dict[str, Any], comment: str = "") -> None:
    """Writes H x W x 3 or 4 uint8 (RGB, alpha) as JPEG or PNG, by the path's suffix.

    Args:
        metadata: what metadata.read_metadata gives.
        comment: in ASCII.
    """
    if path.suffix == ".png":
        write_png(path, picture, comment, metadata)
        return
    with atomic(path) as temporary:
        Image.fromarray(picture).save(temporary, **metadata, quality=92, subsampling=0, comment=comment)


def write_png(path: Path, picture: np.ndarray, comment: str = "", metadata: dict[str, Any] | None = None) -> None:
    """Writes H x W (grey) uint8 or uint16, or H x W x 3 or 4 (RGB, alpha) uint8, as PNG; see write_picture."""
    with atomic(path) as temporary, temporary.open("wb") as file:
        file.writelines(png(picture, comment, metadata))


def png(picture: np.ndarray, comment: str = "", metadata: dict[str, Any] | None = None) -> Iterator[bytes]:
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
    with io.BytesIO() as file:  # all that comes before the pixels, but for the size
        Image.fromarray(np.zeros_like(picture[:1, :1])).save(file, "png", pnginfo=said, **metadata or {})
        head = file.getvalue()
    yield head[:8] + _chunk(b"IHDR", struct.pack(">II", *picture.shape[1::-1]) + head[24:29])
    yield head[33 : head.rindex(b"IDAT") - 4]  # metadata may hold these letters too

    pixel = picture[0, 0].nbytes
    rows = max(1, STRIP_BYTES // (picture.shape[1] * pixel))
    tops = range(0, len(picture), rows)
    big_endian = picture.dtype.newbyteorder(">")

    def pack(top: int) -> tuple[bytes, memoryview]:
        return _packed(np.ascontiguousarray(picture[top : top + rows], big_endian), pixel, last=top == tops[-1])

    checksum = 1
    yield _chunk(b"IDAT", b"\x78\x01")  # zlib's header
    with ThreadPoolExecutor(threads := cores_of_process()) as pool:
        each = pool.map if len(tops) > 1 else map  # a small map needs no thread
        for first in range(0, len(tops), 2 * threads):  # so many strips are in memory at a time
            for packed, filtered in each(pack, tops[first : first + 2 * threads]):
                checksum = zlib.adler32(filtered, checksum)
                yield _chunk(b"IDAT", packed)
    yield _chunk(b"IDAT", struct.pack(">I", checksum)) + _chunk(b"IEND", b"")


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
