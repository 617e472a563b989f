"""What the headers of files say of their values: how many bits they have, and whether they were packed with loss."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

BITS, HIGHEST, SAMPLE_FORMAT = 258, 281, 339  # tags of TIFF
UNSIGNED, SIGNED = 1, 2  # SampleFormat
# Whether files of a format have noise instead of labels; None: they may. Others have none.
LOSSY = {"JPEG": True, "MPO": True, "WEBP": None, "AVIF": None, "HEIF": None}
SIZES = b"\xff\x4f\xff\x51"  # how the codestream of JPEG 2000 begins


def stated_depth(picture: Image.Image, alpha: bool = False) -> int:
    """Bits, 9 to 15, that the colours (or alpha) of a 16-bit file have by what it says; 0 where it says no such thing.

    That is a TIFF's BitsPerSample, or MaxSampleValue where it is 1023, 4095 or the like, the sBIT of a PNG, and the
    precision of JPEG 2000's colours (Pillow shifts its grey values up).
    """
    if picture.format == "PNG":
        found = significant_bits(picture)
        colours = 3 if len(found) > 2 else 1
        bits = max(found[colours:] if alpha else found[:colours], default=0)
    elif picture.format == "JPEG2000":
        bits = 0 if picture.mode == "I;16" else precision(picture)
    else:
        tags = getattr(picture, "tag_v2", {})
        highest = int(np.ravel(tags.get(HIGHEST, 0))[0])
        bits = tiff_bits(tags)
        if not 8 < bits < 16 and highest == 2 ** highest.bit_length() - 1:
            bits = highest.bit_length()
    return bits if 8 < bits < 16 else 0


def tiff_bits(tags: Any) -> int:
    return int(max(np.ravel(tags.get(BITS, 1))))


def sample_format(tags: Any) -> int:
    return int(np.ravel(tags.get(SAMPLE_FORMAT, UNSIGNED))[0])


def significant_bits(picture: Image.Image) -> bytes:
    """The sBIT of a PNG that is not decoded yet, which Pillow skips: of grey or three colours, then of alpha."""
    with _header(picture) as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
            length = int.from_bytes(head[:4], "big")
            if head[4:] == b"sBIT":
                return file.read(min(length, 4))
            file.seek(length + 4, 1)
    return b""


def precision(picture: Image.Image) -> int:
    """The most bits of a component of a JPEG 2000 file that is not decoded yet (SIZ of ISO/IEC 15444-1)."""
    with _header(picture) as file:
        file.seek(0)
        data = file.read()
    start = data.find(SIZES) + 40
    if start < 40 or not (parts := data[start + 2 : start + 2 + 3 * int.from_bytes(data[start : start + 2], "big")]):
        return 0
    return max(bits % 128 for bits in parts[::3]) + 1


def is_lossy(picture: Image.Image) -> bool | None:
    """Whether a picture that is not decoded yet was packed with loss; None: perhaps."""
    if picture.format == "WEBP":
        with _header(picture) as file:
            file.seek(12)
            while len(head := file.read(8)) == 8 and head[:4] not in (b"VP8 ", b"ANMF"):
                if head[:4] == b"VP8L":
                    return False
                length = int.from_bytes(head[4:], "little")
                file.seek(length + length % 2, 1)
    return LOSSY.get(picture.format or "", False)


@contextmanager
def _header(picture: Image.Image) -> Iterator[BinaryIO]:
    """The file of a picture that is not decoded yet, put back to where it stood; an empty one of others."""
    file: Any = getattr(picture, "fp", None)
    if file is None or file.closed:
        yield io.BytesIO()
        return
    position = file.tell()
    try:
        yield file
    finally:
        file.seek(position)
