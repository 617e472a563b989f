"""Bad and odd files that take the place of one photograph, mask or map, with what becomes of each."""

import struct
import zlib
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.imaging.contour import contour_band
from tests.faults.making import (
    BGR16,
    BMP,
    BROKEN,
    COLUMN,
    EXIF,
    FLOATS,
    FRAMES,
    GIF,
    GREY,
    JPEG,
    JPEG_PLAIN,
    LINE,
    LZW,
    MAP,
    MASK,
    PICTURE,
    PNG,
    PROFILE,
    SIXTEEN,
    TIFF,
    WEBP,
    X,
    Y,
    by_opencv,
    changed,
    chunk,
    cut,
    encoded,
    grey3,
    png_of,
    tiff,
    turned,
    zipped,
)

UNREADABLE = "not a readable picture"
COUNTED = "the others are counted in a warning"
FLOAT = "float values, .* save it as 8-bit PNG"


@dataclass(frozen=True)
class File:
    """One file that takes a picture's place among good ones.

    Attributes:
        kind: what it is, a line of the page.
        name: the file's name.
        content: its bytes.
        outcome: "read: ..." as what, or "refused: ..." with a part of the sentence (".*" where it may differ).
        pixels: what it is read as, within `tolerance` grey levels in the mean.
        but: outcomes of the commands that differ.
    """

    kind: str
    name: str
    content: bytes
    outcome: str
    pixels: np.ndarray = field(default_factory=lambda: PICTURE)
    tolerance: float = 3
    but: dict[str, str] = field(default_factory=dict)

    def in_command(self, command: str) -> str:
        return self.but.get(command, self.outcome)


def refused(what: str) -> str:
    return f"refused: {what}"


def bad(kind: str, name: str, content: bytes, what: str = UNREADABLE, **more) -> File:
    return File(kind, name, content, refused(what), **more)


def odd(kind: str, name: str, content: bytes, what: str, pixels: np.ndarray = PICTURE, tolerance: float = 3) -> File:
    return File(kind, name, content, f"read: {what}", pixels, tolerance)


def in_colours(palette: list[int], indices: np.ndarray = MASK // 255) -> Image.Image:
    picture = Image.fromarray(indices)
    picture.putpalette(palette)
    return picture


PHOTOGRAPHS = (
    *(bad(f"JPEG cut at its {part}", "bad.jpg", content) for part, content in BROKEN.items()),
    bad("JPEG cut in the middle of its scan", "bad.jpg", JPEG[: len(JPEG) * 2 // 3], "truncated"),
    bad("JPEG without its EOI", "bad.jpg", JPEG[:-2], "truncated"),
    odd("JPEG whose scan ends early, with its EOI", "odd.jpg", JPEG_PLAIN[: len(JPEG_PLAIN) * 2 // 3] + b"\xff\xd9",
        "what is there, the rest grey", tolerance=60),
    bad("progressive JPEG cut in its scans", "bad.jpg", encoded(PICTURE, "JPEG", progressive=True)[:-400], "truncated"),
    bad("PNG cut in its signature", "bad.png", PNG[:5]),
    bad("PNG cut in its IHDR", "bad.png", PNG[:20]),
    bad("PNG cut in its IDAT", "bad.png", cut(PNG, b"IDAT", 400), "truncated"),
    bad("PNG with a wrong checksum of its IHDR", "bad.png", changed(PNG, b"IHDR", 17, b"\0\0\0\0")),
    bad("PNG with wrong bytes in its IDAT", "bad.png", changed(PNG, b"IDAT", 500, bytes(200))),
    odd("PNG without its IEND", "odd.png", PNG[:-12], "itself"),
    bad("TIFF cut in its header", "bad.tif", TIFF[:6]),
    bad("TIFF cut in its directory", "bad.tif", TIFF[:40]),
    bad("TIFF cut in its strips", "bad.tif", TIFF[: len(TIFF) // 2], "truncated"),
    bad("LZW TIFF cut in its strips", "bad.tif", LZW[: len(LZW) // 2]),
    bad("GIF cut in its header", "bad.gif", GIF[:9]),
    bad("GIF cut in its frame", "bad.gif", GIF[: len(GIF) // 2], "truncated"),
    bad("BMP cut in its header", "bad.bmp", BMP[:20]),
    bad("BMP cut in its pixels", "bad.bmp", BMP[: len(BMP) // 2], "truncated"),
    bad("WebP cut in its header", "bad.webp", WEBP[:14]),
    bad("WebP cut in its pixels", "bad.webp", WEBP[: len(WEBP) // 2]),
    bad("empty file", "bad.jpg", b""),
    bad("zero bytes", "bad.jpg", bytes(5000)),
    bad("text", "bad.jpg", b"no picture\n"),
    bad("SVG drawing", "bad.jpg", b'<svg xmlns="http://www.w3.org/2000/svg" width="96" height="64"/>'),
    bad("HTML page", "bad.jpg", b"<!DOCTYPE html><html><body>404 Not Found</body></html>"),
    bad("PDF document", "bad.jpg", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"),
    bad("ZIP archive with a photograph in it", "bad.jpg", zipped()),
    bad(
        "EPS drawing",
        "bad.jpg",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 96 64\n%%EndComments\n0 0 moveto 96 64 lineto stroke\n%%EOF\n",
    ),
    bad("PNG that declares 60000 x 60000", "bad.png", png_of(60000, 60000, b"0" * 99), "exceeds limit"),
    bad("JPEG that declares 65000 x 65000", "bad.jpg",
        changed(JPEG, b"\xff\xc0", 5, struct.pack(">HH", 65000, 65000)), "exceeds limit"),
    bad("TIFF that declares 60000 x 60000", "bad.tif",
        TIFF.replace(struct.pack("<HHIHH", 256, 4, 1, 96, 0), struct.pack("<HHII", 256, 4, 1, 60000))
            .replace(struct.pack("<HHIHH", 257, 4, 1, 64, 0), struct.pack("<HHII", 257, 4, 1, 60000)), "exceeds limit"),
    bad("BMP that declares 60000 x 60000", "bad.bmp",
        changed(BMP, b"BM", 18, struct.pack("<ii", 60000, 60000)), "exceeds limit"),
    bad("PNG that declares 13000 x 13000 and has 99 bytes", "bad.png", png_of(13000, 13000, b"0" * 99), "truncated"),
    bad("PNG of no width", "bad.png", png_of(0, 64, b"")),
    bad("PNG with 64 MB of compressed text", "bad.png",
        png_of(96, 64, bytes(97 * 64), chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**26), 9)))),
    odd("PNG named .jpg", "odd.jpg", PNG, "itself, by its content", tolerance=0),
    odd("JPEG named .png", "odd.png", JPEG_PLAIN, "itself, by its content"),
    odd("JPEG with other bytes after its end", "odd.jpg", JPEG_PLAIN + b"more" * 99, "itself"),
    odd("1 x 1", "odd.png", encoded(PICTURE[:1, :1], "PNG"), "itself", PICTURE[:1, :1], 0),
    odd("1 row of 3840", "odd.png", encoded(LINE, "PNG"), "itself", LINE, 0),
    odd("1 column of 3840", "odd.png", encoded(COLUMN, "PNG"), "itself", COLUMN, 0),
    odd("black picture", "odd.png", encoded(PICTURE * 0, "PNG"), "itself", PICTURE * 0, 0),
    odd("16-bit grey PNG", "odd.png", by_opencv(".png", SIXTEEN), "rounded to 8 bits, three equal channels",
        grey3(GREY), 0),
    odd("16-bit RGB PNG", "odd.png", by_opencv(".png", BGR16), "rounded to 8 bits", tolerance=0),
    odd("16-bit grey TIFF", "odd.tif", by_opencv(".tif", SIXTEEN), "rounded to 8 bits, three equal channels",
        grey3(GREY), 0),
    odd("16-bit RGB TIFF", "odd.tif", by_opencv(".tif", BGR16), "rounded to 8 bits", tolerance=0),
    bad("float TIFF", "bad.tif", encoded(FLOATS, "TIFF"), FLOAT),
    bad("32-bit TIFF below 0", "bad.tif", encoded(GREY.astype(np.int32) - 300, "TIFF"), "not between 0 and 65535"),
    bad("32-bit TIFF beyond 65535", "bad.tif", encoded(GREY.astype(np.int32) * 300, "TIFF"), "not between 0 and 65535"),
    odd("BMP in a palette of black and white", "odd.bmp",
        encoded(in_colours([0, 0, 0, 255, 255, 255], GREY // 128), "BMP"), "itself", grey3(GREY // 128 * 255), 0),
    odd("LAB TIFF", "odd.tif", encoded(Image.fromarray(PICTURE).convert("LAB"), "TIFF"), "RGB"),
    odd("CMYK JPEG", "odd.jpg", encoded(Image.fromarray(PICTURE).convert("CMYK"), "JPEG", quality=95),
        "RGB, plainly converted"),
    odd("CMYK TIFF", "odd.tif", encoded(Image.fromarray(PICTURE).convert("CMYK"), "TIFF"), "RGB, plainly converted"),
    odd("palette PNG with transparency", "odd.png", encoded(Image.fromarray(PICTURE).quantize(256), "PNG",
        transparency=3), "RGB; transparency is left out", tolerance=6),
    odd("RGBA PNG, fully transparent", "odd.png", encoded(np.dstack([PICTURE, GREY * 0]), "PNG"),
        "its colours; alpha is left out", tolerance=0),
    odd("grey PNG with alpha", "odd.png", encoded(np.dstack([GREY, GREY]), "PNG"),
        "three equal channels; alpha is left out", grey3(GREY), 0),
    odd("16-bit grey TIFF with alpha", "odd.tif", tiff(np.dstack([SIXTEEN, SIXTEEN]), photometric="minisblack",
        extrasamples=["unassalpha"]), "three equal channels; alpha is left out", grey3(GREY), 0),
    odd("animated GIF", "odd.gif", encoded(PICTURE, "GIF", **FRAMES), f"its first frame; {COUNTED}", tolerance=12),
    odd("animated PNG", "odd.png", encoded(PICTURE, "PNG", **FRAMES), f"its first frame; {COUNTED}", tolerance=0),
    odd("animated WebP", "odd.webp", encoded(PICTURE, "WEBP", quality=95, **FRAMES), f"its first frame; {COUNTED}"),
    odd("TIFF of two pages", "odd.tif", encoded(PICTURE, "TIFF", **FRAMES), f"its first page; {COUNTED}", tolerance=0),
    *(odd(f"JPEG of EXIF orientation {tag}", "odd.jpg", turned(tag), "upright") for tag in range(1, 9)),
    odd("PNG of EXIF orientation 6", "odd.png", turned(6, "PNG"), "upright", tolerance=0),
    odd("JPEG of EXIF orientation 9, which is none", "odd.jpg", turned(9), "as it is stored"),
    odd("JPEG with a corrupt EXIF", "odd.jpg", changed(encoded(PICTURE, "JPEG", quality=95, exif=EXIF), b"Exif", 6,
        b"II\x2a\0\xff\xff\xff\xff"), "as it is stored"),
    odd("JPEG with a corrupt ICC profile", "odd.jpg", encoded(PICTURE, "JPEG", quality=95, icc_profile=b"no profile"),
        "itself"),
    odd("PNG with an ICC profile cut in half", "odd.png", encoded(PICTURE, "PNG", icc_profile=PROFILE[:200]), "itself",
        tolerance=0),
)  # fmt: skip


def labels(low: int, high: int) -> np.ndarray:
    return np.where(MASK > 0, high, low).astype(np.uint8)


def in_palette(colour: tuple[int, int, int]) -> Image.Image:
    return in_colours([0, 0, 0, *colour])


NO_PALETTE = Image.new("P", (96, 64))
NO_PALETTE.paste(1, mask=Image.fromarray(MASK))
FOUR = np.where(Y < 3, np.where(X < 48, 85, 170), MASK).astype(np.uint8)
LAST_ROW = np.where(Y == 63, 255, 0).astype(np.uint8)
SMALL = encoded(MASK[:32, :48], "PNG")
PAGES = "1 more page.* save the one that is meant"
SIGNED = tiff(-(MASK > 0).astype(np.int8), photometric="minisblack")
MASKS = (
    bad("mask cut in its IDAT", "bad.png", cut(encoded(MASK, "PNG"), b"IDAT", 20), "truncated"),
    bad("empty mask file", "bad.png", b""),
    bad("text as a mask", "bad.png", b"no picture\n"),
    bad("mask that declares 60000 x 60000", "bad.png", png_of(60000, 60000, b"0" * 99), "exceeds limit"),
    bad("float mask beyond 1", "bad.tif", encoded(MASK.astype(np.float32), "TIFF"), "not between 0 and 1"),
    bad("mask of another size", "bad.png", SMALL, "is 96 x 64, its mask 48 x 32",
        but={"evaluate": "read: its map is resized to it, and named"}),
    bad("mask of 1 x 1", "bad.png", encoded(MASK[:1, :1], "PNG"), "is 96 x 64, its mask 1 x 1",
        but={"evaluate": "read: its map is resized to it, and named"}),
    bad("soft matte as a mask", "bad.png", encoded((X * 255 // 95).astype(np.uint8), "PNG"),
        "more classes, or a soft matte"),
    bad("mask of three labels", "bad.png", encoded(MASK // 255 + (X < 9), "PNG"), "levels 0, 1, 2, .* more classes"),
    bad("trimap as a mask", "bad.png", encoded(np.where(X < 9, 128, MASK).astype(np.uint8), "PNG"), "is it a trimap"),
    bad("mask of labels, and 255 on edges", "bad.png",
        encoded(np.where(X == 9, 255, MASK // 255).astype(np.uint8), "PNG"), "levels 0, 1, 255, .* more classes"),
    bad("label map of 18 classes and 255", "bad.png", encoded(np.where(X < 90, X // 5, 255).astype(np.uint8), "PNG"),
        "19 levels from 0 to 255, areas of .* more classes"),
    bad("mask of areas of 0, 85, 170 and 255", "bad.png", encoded(FOUR, "PNG"), "levels 0, 85, 170, 255, .* more"),
    bad("JPEG mask of 200 and 255", "bad.jpg", encoded(labels(200, 255), "JPEG", quality=95), "more classes"),
    bad("mask of signed 8-bit integers, -1 and 0", "bad.tif", SIGNED, "some of them below 0"),
    bad("mask of one level, 100", "bad.png", encoded(MASK * 0 + 100, "PNG"), "level 100 alone"),
    bad("mask of 120 and 200", "bad.png", encoded(labels(120, 200), "PNG"), "neither black and white nor labels"),
    *(bad(f"mask of two pages, {kind}", f"bad.{suffix}", encoded(MASK, kind, save_all=True,
          append_images=[Image.fromarray(255 - MASK)]), PAGES)
      for kind, suffix in (("TIFF", "tif"), ("GIF", "gif"), ("PNG", "png"))),
    bad("mask in red on white", "bad.png", encoded(np.dstack([MASK | 255, MASK, MASK]), "PNG"), "neither is black"),
    bad("mask with an alpha of its opposite", "bad.png", encoded(np.dstack([grey3(MASK), 255 - MASK]), "PNG"),
        "another mask than its transparency"),
    odd("mask with grey edges", "odd.png", encoded(cv2.blur(MASK, (3, 3)), "PNG"), "cut at half brightness", MASK, 8),
    *(odd(f"mask of labels {low} and {high}", "odd.png", encoded(labels(low, high), "PNG"), f"{high} is white", MASK)
      for low, high in ((1, 2), (0, 2), (0, 100))),
    *(odd(f"mask in a palette, black and {name}", "odd.png", encoded(in_palette(colour), "PNG"), f"{name} is white",
          MASK) for name, colour in (("dark red", (128, 0, 0)), ("red", (255, 0, 0)))),
    *(odd(f"mask in a palette that was never set, {kind}", f"odd.{suffix}", encoded(NO_PALETTE, kind), "1 is white",
          MASK) for kind, suffix in (("PNG", "png"), ("GIF", "gif"), ("TIFF", "tif"))),
    odd("mask in a palette of whites", "odd.png", encoded(in_colours([255] * 768), "PNG"), "1 is white", MASK),
    odd("BMP mask in a palette of black and white", "odd.bmp", encoded(in_palette((255, 255, 255)), "BMP"), "itself",
        MASK),
    bad("BMP mask in no palette", "bad.bmp", encoded(NO_PALETTE, "BMP"), "without the palette that it needs"),
    odd("mask of 16 bits, 0 and 1", "odd.png", by_opencv(".png", labels(0, 1).astype(np.uint16)), "1 is white", MASK),
    odd("mask in colours of 16 bits, 0 and 1", "odd.png", by_opencv(".png", grey3(labels(0, 1)).astype(np.uint16)),
        "1 is white", MASK),
    *(odd(f"mask in the alpha of a {name} picture", "odd.png",
          encoded(np.dstack([grey3(MASK * 0 + grey), MASK]), "PNG"), "opaque is white", MASK)
      for name, grey in (("black", 0), ("white", 255))),
    odd("mask in the alpha of a 16-bit grey TIFF", "odd.tif",
        tiff(np.dstack([MASK * 0, MASK]).astype(np.uint16) * 257, photometric="minisblack",
             extrasamples=["unassalpha"]), "opaque is white", MASK),
    odd("JPEG mask", "odd.jpg", encoded(MASK, "JPEG", quality=60), "cut at half brightness", MASK),
    odd("mask of 0 and 1", "odd.png", encoded(MASK // 255, "PNG"), "1 is white", MASK),
    odd("1-bit mask", "odd.png", encoded(Image.fromarray(MASK).convert("1"), "PNG"), "itself", MASK),
    odd("palette mask with alpha", "odd.png", encoded(Image.fromarray(MASK).convert("P"), "PNG", transparency=0),
        "opaque is white", MASK),
    odd("16-bit mask", "odd.png", by_opencv(".png", MASK.astype(np.uint16) * 257), "cut at half brightness", MASK),
    odd("mask in colours", "odd.png", encoded(grey3(MASK) * np.array([1, 1, 0], np.uint8), "PNG"),
        "what is not black is white", MASK),
    odd("RGBA mask, fully transparent", "odd.png", encoded(np.dstack([grey3(MASK), MASK * 0]), "PNG"),
        "its colours; alpha is left out", MASK),
    odd("mask turned by its EXIF", "odd.png", encoded(Image.fromarray(MASK).transpose(2), "PNG", exif=EXIF), "upright",
        MASK),
    odd("mask in focus in its last row alone", "odd.png", encoded(LAST_ROW, "PNG"), "itself", LAST_ROW),
    odd("black mask", "odd.png", encoded(MASK * 0, "PNG"), "all blurred", MASK * 0),
    odd("white mask", "odd.png", encoded(MASK | 255, "PNG"), "all in focus", MASK | 255),
)  # fmt: skip
SCORED = ("prepare", "train", "test", "evaluate")
MASK_SETS = {  # kind: every mask of the set, and a part of what each command prints
    "all masks inverted": (255 - MASK, {"prepare": "the polarity looks wrong", "train": "", "test": "",
                                        "evaluate": "looks inverted"}),
    "all masks black": (MASK * 0, dict.fromkeys(SCORED, "3 of 3 masks hold one class only")),
    "all masks white": (MASK | 255, dict.fromkeys(SCORED, "3 of 3 masks hold one class only")),
    "all masks of 1 and 2": (labels(1, 2), dict.fromkeys(SCORED, "masks hold level 1 and 2: 2 is taken for in focus")),
}  # fmt: skip
CONTOURS = {  # kind: what lies beside the first mask, if anything, and what train says
    "contour of another mask": (encoded(contour_band(np.roll(MASK, 9)), "PNG"),
                                'read: warns, "1 contour(s) are not those of their masks"'),
    "contour of another size": (encoded(contour_band(MASK)[:-1], "PNG"), "refused: its size differs from that of"),
    "empty contour file": (b"", f"refused: {UNREADABLE}"),
    "one contour missing": (None, "refused: no partner in"),
}  # fmt: skip
MAPS = (
    bad("map cut in its IDAT", "bad.png", cut(encoded(MAP, "PNG"), b"IDAT", 20), "truncated"),
    bad("empty map file", "bad.png", b""),
    bad("text as a map", "bad.png", b"no picture\n"),
    bad("map of two pages", "bad.tif", encoded(MAP, "TIFF", **FRAMES), PAGES),
    bad("heat map in colours", "bad.png", encoded(cv2.applyColorMap(MAP, cv2.COLORMAP_JET), "PNG"), "in colours"),
    odd("float map", "odd.tif", encoded(FLOATS, "TIFF"), "times 255"),
    bad("float map with a NaN", "bad.tif", encoded(np.where(X == 5, np.float32("nan"), FLOATS), "TIFF"),
        "not between 0 and 1"),
    bad("map that declares 60000 x 60000", "bad.png", png_of(60000, 60000, b"0" * 99), "exceeds limit"),
    odd("map of another size", "odd.png", encoded(MAP[::2, ::2], "PNG"), "resized, and named"),
    odd("map of 1 x 1", "odd.png", encoded(MAP[:1, :1], "PNG"), "resized, and named"),
    odd("black map", "odd.png", encoded(MAP * 0, "PNG"), "itself"),
    odd("map of one level", "odd.png", encoded(MAP * 0 + 77, "PNG"), "itself"),
    odd("16-bit map", "odd.png", by_opencv(".png", MAP.astype(np.uint16) * 257), "rounded to 8 bits"),
    odd("BMP map in a palette of black and white", "odd.bmp", encoded(in_palette((255, 255, 255)), "BMP"), "itself"),
    bad("BMP map in no palette", "bad.bmp", encoded(NO_PALETTE, "BMP"), "without the palette that it needs"),
    odd("JPEG map", "odd.jpg", encoded(MAP, "JPEG"), "itself"),
    odd("RGB map with alpha", "odd.png", encoded(np.dstack([grey3(MAP), MAP]), "PNG"), "its grey"),
)  # fmt: skip
