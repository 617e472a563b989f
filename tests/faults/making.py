"""One small image, and the bytes of files made of it, whole and odd."""

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

# The left half is in focus: texture there, a smooth ramp beside it. Colours tell the channels apart.
Y, X = np.mgrid[:64, :96]
RAMP = np.dstack([X * 2 + 30, Y * 3 + 20, np.full_like(X, 90)]).astype(np.uint8)
TEXTURE = np.kron(np.random.default_rng(0).integers(-30, 31, (16, 24)), np.ones((4, 4), int))[..., None]
PICTURE = np.where(X[..., None] < 48, RAMP + TEXTURE, RAMP).clip(0, 255).astype(np.uint8)
MASK = np.where(X < 48, 255, 0).astype(np.uint8)
GREY = PICTURE[..., 1]
MAP = np.where(X < 48, 220, 30).astype(np.uint8)


def encoded(picture: np.ndarray | Image.Image, kind: str, **options) -> bytes:
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def turned(tag: int, kind: str = "JPEG") -> bytes:
    """The picture as a camera held in another way stores it."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(tag)  # members of Image.Transpose
    exif = Image.Exif()
    exif[0x0112] = tag
    upright = Image.fromarray(PICTURE)
    return encoded(upright if back is None else upright.transpose(back), kind, exif=exif, quality=95)


def changed(content: bytes, mark: bytes, after: int, new: bytes) -> bytes:
    """A file with other bytes so many after a mark in it begins."""
    place = content.index(mark) + after
    return content[:place] + new + content[place + len(new) :]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(*pages: np.ndarray, **options) -> bytes:
    """A TIFF file of pages, by the options of tifffile."""
    file = io.BytesIO()
    kind = {"byteorder": options.pop("byteorder", "<"), "bigtiff": options.pop("bigtiff", False)}
    with tifffile.TiffWriter(file, **kind) as writer:
        for page in pages:
            writer.write(page, subfiletype=0, metadata=None, software=False, **options)
    return file.getvalue()


def dng(orientation: int = 1, version: bool = True) -> bytes:
    """A camera raw file of the picture: a thumbnail, and the values of its sensor in a SubIFD.

    Args:
        version: whether it says that it is a DNG; some cameras' own formats look the same without that.
    """
    mosaic = np.take_along_axis((PICTURE / 255) ** 2.2, (Y % 2 + X % 2)[..., None], 2)[..., 0]  # red green, green blue
    to_camera = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)  # from XYZ: it sees sRGB
    matrix = tuple(number for value in to_camera for number in (round(value * 10**4), 10**4))
    about = [(271, "s", 0, "Maker", True), (272, "s", 0, "Camera", True), (274, "H", 1, orientation, True),
             (315, "s", 0, "A. Photographer", True), (50708, "s", 0, "Maker Camera", True),
             (50721, "2i", 9, matrix, True), (50728, "2I", 3, (1, 1) * 3, True), (50778, "H", 1, 21, True)]  # fmt: skip
    about += [(50706, "B", 4, (1, 4, 0, 0), True)] * version
    sensor = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True), (50717, "I", 1, 16383, True)]
    file, plain = io.BytesIO(), {"metadata": None, "software": False}
    with tifffile.TiffWriter(file, byteorder="<") as writer:
        writer.write(PICTURE[::4, ::4], photometric="rgb", subfiletype=1, subifds=1, extratags=about, **plain)
        values = np.rint(16383 * mosaic).astype(np.uint16)
        writer.write(values, photometric="cfa", subfiletype=0, extratags=sensor, **plain)
    return file.getvalue()


def grey3(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, 2)


EXIF = Image.Exif()
EXIF[0x0112] = 6
EXIF[0x010F] = "a camera"
JPEG = encoded(PICTURE, "JPEG", quality=95, exif=EXIF)
SIXTEEN = GREY.astype(np.uint16) * 257
FLOATS = (GREY / 255).astype(np.float32)
DNG = dng()
