"""More photographs for the list in kinds: of many depths and layouts, and camera raw files."""

import io
import struct
import zlib

import cv2
import numpy as np
import pillow_heif
from PIL import Image

from tests.faults import kinds
from tests.faults.kinds import COUNTED, FLOAT, File, bad, odd
from tests.faults.making import (
    BGR16,
    DNG,
    FRAMES,
    GREY,
    PICTURE,
    PLANES,
    SIXTEEN,
    by_opencv,
    chunk,
    dng,
    encoded,
    grey3,
    tiff,
)

RAW = "a camera raw file, of which this is the thumbnail"
TWELVE = np.rint(GREY / 255 * 4095).astype(np.uint16)
LOSSLESS = (cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
AT_TOP = np.uint32(2**24)
GLARE = np.where(PICTURE > 150, 255, PICTURE).astype(np.uint8)


def saying(content: bytes, *bits: int) -> bytes:
    """A PNG with an sBIT."""
    return content[:33] + chunk(b"sBIT", bytes(bits)) + content[33:]


def grey_and_alpha(values: np.ndarray, alpha: np.ndarray) -> bytes:
    """A 16-bit PNG."""
    rows = np.dstack([values, alpha]).astype(">u2").reshape(len(values), -1).view(np.uint8)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *values.shape[::-1], 16, 4, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes()))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


def twelve_bit_jpeg_2000() -> bytes:
    """Made as one of 16 bits, which count from the middle level; so do its 12 bits where the header says 12."""
    values = np.rint(GLARE[..., ::-1] / 255 * 4095).astype(np.uint16)
    content = cv2.imencode(".jp2", values + 2**15 - 2**11, LOSSLESS)[1].tobytes()
    content = content.replace(b"\0\x03\x0f\x07", b"\0\x03\x0b\x07", 1)  # of the box ihdr
    return content.replace(b"\0\x03" + b"\x0f\1\1" * 3, b"\0\x03" + b"\x0b\1\1" * 3, 1)  # of SIZ


def of_fewer_bits(bits: int, what: str, kind: str) -> File:
    """A 16-bit file whose values need fewer."""
    picture = GREY if what == "grey" else PICTURE
    values = np.rint(picture / 255 * (2**bits - 1)).astype(np.uint16)
    content = by_opencv(f".{kind.lower()}", values if what == "grey" else values[..., ::-1])
    dark = np.rint(values / 257).astype(np.uint8)
    pixels = grey3(dark) if what == "grey" else dark
    name, becomes = f"odd.{kind.lower()[:3]}", "nearly black, with a warning"
    return odd(f"{bits}-bit values in a 16-bit {what} {kind}", name, content, becomes, pixels, 0)


def white_is_0(bits: int) -> File:
    values = np.rint((255 - GREY) / 255 * (2**bits - 1)).astype(np.uint16)
    light = grey3(np.rint((65535 - values) / 257).astype(np.uint8))
    return odd(
        f"{bits}-bit values in a 16-bit grey TIFF, 0 is white",
        "odd.tif",
        tiff(values, photometric="miniswhite"),
        "nearly white, with a warning",
        light,
        0,
    )


def heic() -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(PICTURE)).save(file)
    return file.getvalue()


def inks(times: int) -> bytes:
    values = np.asarray(Image.fromarray(PICTURE).convert("CMYK")).astype(np.uint16) * times
    return tiff(values, photometric="separated")


PHOTOGRAPHS = (
    *kinds.PHOTOGRAPHS,
    odd("TIFF whose first page is a thumbnail", "odd.tif",
        tiff(PICTURE[::4, ::4], PICTURE, reduced=1, photometric="rgb"), "its first full page", tolerance=0),
    odd("TIFF whose first page is a thumbnail, but does not say so", "odd.tif",
        tiff(PICTURE[::4, ::4], PICTURE, photometric="rgb"), f"its larger page; {COUNTED}", tolerance=0),
    odd("TIFF whose second page is larger, of another aspect", "odd.tif",
        tiff(PICTURE, np.tile(PICTURE, (2, 3, 1)), photometric="rgb"), f"its first page; {COUNTED}", tolerance=0),
    odd("animated AVIF", "odd.avif", encoded(PICTURE, "AVIF", quality=95, **FRAMES), f"its first frame; {COUNTED}"),
    bad("HEIC", "bad.heic", heic(), "cannot identify image file"),
    odd("TIFF in planes", "odd.tif", tiff(PICTURE.transpose(2, 0, 1), **PLANES), "itself", tolerance=0),
    odd("16-bit TIFF in planes", "odd.tif", tiff(BGR16[..., ::-1].transpose(2, 0, 1), **PLANES), "rounded to 8 bits",
        tolerance=0),
    bad("16-bit CMYK TIFF in planes", "bad.tif", tiff(np.zeros((4, 64, 96), np.uint16), photometric="separated",
        planarconfig="separate"), "save it with interleaved channels"),
    odd("16-bit CMYK TIFF", "odd.tif", inks(257), "RGB, plainly converted"),
    bad("12-bit values in a 16-bit CMYK TIFF", "bad.tif", inks(16), "save it as RGB, or with 8 bits"),
    odd("grey TIFF, 0 is white", "odd.tif", tiff(255 - GREY, photometric="miniswhite"), "black is 0", grey3(GREY), 0),
    odd("16-bit grey TIFF, 0 is white", "odd.tif", tiff(65535 - SIXTEEN, photometric="miniswhite"),
        "black is 0, rounded to 8 bits", grey3(GREY), 0),
    bad("float RGB TIFF", "bad.tif", tiff((PICTURE / 255).astype(np.float32), photometric="rgb"), FLOAT),
    bad("32-bit RGB TIFF", "bad.tif", tiff(PICTURE.astype(np.uint32) * 257, photometric="rgb"),
        "of a kind that OpenCV does not decode"),
    *(of_fewer_bits(bits, what, kind) for bits in (8, 10, 12) for what in ("grey", "RGB") for kind in ("PNG", "TIFF")),
    odd("16-bit grey TIFF whose MaxSampleValue is 4095", "odd.tif", tiff(TWELVE,
        photometric="minisblack", extratags=[(281, "H", 1, 4095, True)]), "its 12 bits rounded to 8", grey3(GREY), 0),
    bad("12-bit values in a big-endian 16-bit grey TIFF, 0 is white", "bad.tif",
        tiff(4095 - TWELVE, photometric="miniswhite", byteorder=">"), "of a highest level of 4095: save it with black"),
    odd("16-bit grey TIFF with alpha, 0 is white", "odd.tif", tiff(np.dstack([65535 - SIXTEEN, SIXTEEN]),
        photometric="miniswhite", extrasamples=["unassalpha"]), "black is 0, rounded to 8 bits; alpha is left out",
        grey3(GREY), 0),
    *(white_is_0(bits) for bits in (8, 10, 12)),
    odd("16-bit grey PNG whose sBIT is 12", "odd.png", saying(by_opencv(".png", TWELVE), 12),
        "its 12 bits rounded to 8", grey3(GREY), 0),
    odd("16-bit grey PNG with alpha whose sBIT is 12", "odd.png",
        saying(grey_and_alpha(TWELVE, TWELVE), 12, 12), "its 12 bits rounded to 8; alpha is left out", grey3(GREY), 0),
    odd("16-bit RGBA PNG whose sBIT is 10, of alpha 16", "odd.png",
        saying(by_opencv(".png", np.dstack([BGR16 >> 6, SIXTEEN | 2**15])), 10, 10, 10, 16),
        "its 10 bits rounded to 8; alpha is left out", tolerance=0.5),
    odd("16-bit RGB JPEG 2000", "odd.jp2",
        cv2.imencode(".jp2", GLARE[..., ::-1].astype(np.uint16) * 257, LOSSLESS)[1].tobytes(), "rounded to 8 bits",
        GLARE, 0),
    odd("12-bit RGB JPEG 2000", "odd.jp2", twelve_bit_jpeg_2000(), "its 12 bits rounded to 8", GLARE, 0),
    bad("signed 8-bit grey TIFF", "bad.tif", tiff(GREY.view(np.int8), photometric="minisblack"),
        "signed 8-bit integers: save it with unsigned ones"),
    bad("signed 16-bit grey TIFF", "bad.tif", tiff((SIXTEEN // 2).astype(np.int16), photometric="minisblack"),
        "signed 16-bit integers: save it with unsigned ones"),
    bad("signed 16-bit RGB TIFF", "bad.tif", tiff((BGR16 // 2).astype(np.int16), photometric="rgb"),
        "an array of int16"),
    bad("unsigned 32-bit grey TIFF beyond 65535", "bad.tif", tiff(GREY * AT_TOP,
        photometric="minisblack"), f"its values, {GREY.min() * AT_TOP} to {GREY.max() * AT_TOP}, are not"),
    bad("grey TIFF with alpha in planes", "bad.tif", tiff(np.stack([GREY, GREY]), photometric="minisblack",
        planarconfig="separate", extrasamples=["unassalpha"]), "planes of 8-bit grey and alpha"),
    odd("16-bit grey TIFF with alpha in planes", "odd.tif", tiff(np.stack([SIXTEEN, SIXTEEN]),
        photometric="minisblack", planarconfig="separate", extrasamples=["unassalpha"]),
        "rounded to 8 bits; alpha is left out", grey3(GREY), 0),
    bad("camera raw file", "bad.dng", DNG, RAW),
    bad("camera raw file named .tif", "bad.tif", dng(version=False), RAW),
    bad("Canon CR3", "bad.cr3", bytes(4) + b"ftypcrx " + bytes(99), "cannot identify image file"),
)  # fmt: skip
