"""More photographs for the list in kinds: of many depths and layouts, and camera raw files."""

import numpy as np
from PIL import Image

from tests.faults import kinds
from tests.faults.kinds import COUNTED, File, bad, odd
from tests.faults.making import BGR16, DNG, GREY, PICTURE, PLANES, SIXTEEN, by_opencv, chunk, dng, grey3, tiff

DOUBTED = "nearly black; predict, serve and Python warn, and --depth scales them"

TWELVE = np.rint(GREY / 255 * 4095).astype(np.uint16)
SAID = by_opencv(".png", TWELVE)[:33] + chunk(b"sBIT", b"\x0c") + by_opencv(".png", TWELVE)[33:]


def of_fewer_bits(bits: int, what: str, kind: str) -> File:
    """A 16-bit file whose values need fewer."""
    picture = GREY if what == "grey" else PICTURE
    values = np.rint(picture / 255 * (2**bits - 1)).astype(np.uint16)
    content = by_opencv(f".{kind.lower()}", values if what == "grey" else values[..., ::-1])
    dark = np.rint(values / 257).astype(np.uint8)
    pixels = grey3(dark) if what == "grey" else dark
    return odd(f"{bits}-bit values in a 16-bit {what} {kind}", f"odd.{kind.lower()[:3]}", content, DOUBTED, pixels, 0)


def inks(times: int) -> bytes:
    values = np.asarray(Image.fromarray(PICTURE).convert("CMYK")).astype(np.uint16) * times
    return tiff(values, photometric="separated")


PHOTOGRAPHS = (
    *kinds.PHOTOGRAPHS,
    odd("TIFF whose first page is a thumbnail", "odd.tif",
        tiff(PICTURE[::4, ::4], PICTURE, reduced=1, photometric="rgb"), "its first full page", tolerance=0),
    odd("TIFF in planes", "odd.tif", tiff(PICTURE.transpose(2, 0, 1), **PLANES), "itself", tolerance=0),
    odd("16-bit TIFF in planes", "odd.tif", tiff(BGR16[..., ::-1].transpose(2, 0, 1), **PLANES), "rounded to 8 bits",
        tolerance=0),
    bad("16-bit CMYK TIFF in planes", "bad.tif", tiff(np.zeros((4, 64, 96), np.uint16), photometric="separated",
        planarconfig="separate"), "save it with interleaved channels"),
    odd("16-bit CMYK TIFF", "odd.tif", inks(257), "RGB, plainly converted"),
    bad("12-bit values in a 16-bit CMYK TIFF", "bad.tif", inks(16), "save it as RGB, or with 8 bits"),
    odd("float RGB TIFF of two pages", "odd.tif", tiff(*[(PICTURE / 255).astype(np.float32)] * 2, photometric="rgb"),
        f"its first page; {COUNTED}", tolerance=0),
    odd("grey TIFF, 0 is white", "odd.tif", tiff(255 - GREY, photometric="miniswhite"), "black is 0", grey3(GREY), 0),
    odd("16-bit grey TIFF, 0 is white", "odd.tif", tiff(65535 - SIXTEEN, photometric="miniswhite"),
        "black is 0, rounded to 8 bits", grey3(GREY), 0),
    odd("float RGB TIFF, 0 to 1", "odd.tif", tiff((PICTURE / 255).astype(np.float32), photometric="rgb"), "times 255",
        tolerance=0),
    bad("float RGB TIFF, 0 to 255", "bad.tif", tiff(PICTURE.astype(np.float32), photometric="rgb"),
        "not between 0 and 1"),
    bad("32-bit RGB TIFF", "bad.tif", tiff(PICTURE.astype(np.uint32) * 257, photometric="rgb"),
        "of a kind that OpenCV does not decode"),
    *(of_fewer_bits(bits, what, kind) for bits in (8, 10, 12) for what in ("grey", "RGB") for kind in ("PNG", "TIFF")),
    odd("16-bit grey TIFF whose MaxSampleValue is 4095", "odd.tif", tiff(TWELVE,
        photometric="minisblack", extratags=[(281, "H", 1, 4095, True)]), "its 12 bits rounded to 8", grey3(GREY), 0),
    odd("16-bit grey PNG whose sBIT is 12", "odd.png", SAID, "its 12 bits rounded to 8", grey3(GREY), 0),
    bad("camera raw file, without rawpy", "bad.dng", DNG, "pip install rawpy"),
    bad("camera raw file named .tif, without rawpy", "bad.tif", dng(version=False), "pip install rawpy"),
    bad("Canon CR3, without rawpy", "bad.cr3", bytes(4) + b"ftypcrx " + bytes(99), "pip install rawpy"),
)  # fmt: skip
