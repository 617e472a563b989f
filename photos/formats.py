"""Image files of every kind: what data.images reads, and HEIC, camera raw files, transparency and metadata."""

import io
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import cv2
import numpy as np
from PIL import ExifTags, Image

from ..data.images import as_rgb, in_memory, is_raw, read_image, upright
from ..data.names import RAW_SUFFIXES

HEAD = 2**16  # bytes of a file in which its kind and its colours are stated
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
HDR = {16: "PQ", 18: "HLG"}  # transfer functions of ITU-T H.273 that 8-bit sRGB cannot show
WIDE = (9, 11, 12)  # colour primaries of H.273: BT.2020 and both of P3, which only a profile turns into sRGB
PROFILES = (b"colrprof", b"colrrICC", b"iCCP")  # where HEIC, AVIF and PNG hold an ICC profile
GREY = 128  # level behind transparent pixels, for the network
SHARES = np.linspace(0, 1, 256, dtype=np.float32)  # of the levels of an alpha channel
ROWS = 256  # blended at a time: float weights of a large image would fill the memory
# Tags kept of EXIF's first directory: description, camera, resolution, software, date, author, computer, rating,
# rights, Windows' titles, and the two directories of the shot and the place. The others say how pixels are stored.
KEPT = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 33432, *range(40091, 40096), 34665, 34853}
# Tags dropped of its second directory: the maker's note may fill a JPEG's 64 KB, the others are about stored pixels.
DROPPED = ("MakerNote", "ExifImageWidth", "ExifImageHeight", "ExifInteroperabilityOffset")


class Photo(NamedTuple):
    """An upright image.

    Attributes:
        pixels: H x W x 3 uint8, RGB; transparent pixels are blended with grey, so hidden colours do not count.
        alpha: H x W uint8, 255 = opaque; None where all is opaque.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None


def read_photo(source: str | Path | BinaryIO) -> Photo:
    """Reads an image file, a path or an open file; HEIC and camera raw, too, where pillow-heif and rawpy are installed.

    Raises ValueError: not an image, damaged, of a kind that is not read, or a package is missing; with the file's name.
    """
    with in_memory(source) as file:
        _check_colours(file.getvalue()[:HEAD])
        if _is_heic(file):
            return _with_alpha(as_rgb(image := _open(file)), image)
        if _is_raw(file):
            return Photo(_develop(file))
    return _with_alpha(read_image(file), _open(file))


def read_pixels(source: str | Path | BinaryIO) -> np.ndarray:
    """The pixels of read_photo: what a Predictor reads files with."""
    return read_photo(source).pixels


def read_metadata(path: Path) -> dict[int, bytes]:
    """EXIF without orientation, and an RGB profile, as data.images takes them; empty where an image file has none."""
    kept: dict[int, bytes] = {}
    # Pillow raises many kinds for a damaged EXIF; the image may be whole.
    with suppress(Exception), in_memory(path) as file:
        image = _open(file)
        profile, exif = image.info.get("icc_profile"), image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        if profile and image.mode in ("RGB", "RGBA", "P") and not _is_raw(file):
            kept[cv2.IMAGE_METADATA_ICCP] = profile
        for tag in set(exif) - KEPT:
            del exif[tag]
        for name in DROPPED:
            details.pop(ExifTags.Base[name], None)
        if len(exif) and len(data := exif.tobytes().removeprefix(b"Exif\0\0")) < 2**16 - 8:  # a JPEG holds no more
            kept[cv2.IMAGE_METADATA_EXIF] = data
    return kept


def blend(above: np.ndarray, below: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """One image over another, H x W x 3 uint8; alpha, H x W uint8, is the share of the upper one."""
    result = np.empty(above.shape, np.uint8)
    for top in range(0, len(alpha), ROWS):
        rows = slice(top, top + ROWS)
        share = cv2.LUT(alpha[rows], SHARES)
        result[rows] = cv2.blendLinear(above[rows], np.ascontiguousarray(below[rows]), share, 1 - share)
    return result


def optional(module: str, what: str, package: str) -> Any:
    """Imports a package that not every machine has. Raises ValueError: it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise ValueError(f"{what} needs another package: pip install {package}") from None


def _is_heic(file: io.BytesIO) -> bool:
    """Whether a file is HEIC by its first bytes, whatever its suffix."""
    head = file.getvalue()[:64]
    brands = head[8 : int.from_bytes(head[:4], "big")]
    return head[4:8] == b"ftyp" and any(brand in brands for brand in HEIC_BRANDS)


def _open(file: io.BytesIO) -> Image.Image:
    """Opens an image file by Pillow, HEIC by pillow-heif, upright."""
    if _is_heic(file):
        return optional("pillow_heif", "HEIC", "pillow-heif").open_heif(file).to_pillow()
    return Image.open(file)


def _is_raw(file: io.BytesIO) -> bool:
    """Whether a file is a camera raw file: by its suffix; DNG and others of TIFF's kind by content."""
    with suppress(Exception):  # what is no TIFF, or a damaged one, read_image names
        return Path(file.name).suffix.lower() in RAW_SUFFIXES or is_raw(Image.open(file, formats=("TIFF",)))
    return False


def _develop(file: io.BytesIO) -> np.ndarray:
    """A camera raw file as the camera would develop it: its white balance, sRGB, 8 bits, upright."""
    rawpy = optional("rawpy", "a camera raw file", "rawpy")
    file.seek(0)  # _is_raw may have read it
    try:
        with rawpy.imread(file) as raw:
            return raw.postprocess(use_camera_wb=True, output_bps=8)
    except rawpy.LibRawError as error:
        raise ValueError(f"a camera raw file that rawpy cannot read: {error}; save it as 8-bit PNG") from None


def _check_colours(head: bytes) -> None:
    """Refuses HDR, and a wide gamut without ICC profile, by the H.273 codes in the head of a HEIC, AVIF or PNG file."""
    primaries = transfer = 2  # unspecified
    if head[4:8] == b"ftyp" and (place := head.find(b"colrnclx")) > 0:
        primaries, transfer = head[place + 9], head[place + 11]
    elif head.startswith(b"\x89PNG") and (place := head.find(b"cICP")) > 0:
        primaries, transfer = head[place + 4], head[place + 5]
    if transfer in HDR:
        raise ValueError(f"an HDR image ({HDR[transfer]}): save it as 8-bit JPEG or PNG in sRGB")
    if primaries in WIDE and not any(profile in head for profile in PROFILES):
        raise ValueError("colours of a wider gamut than sRGB without an ICC profile: save it as JPEG or PNG in sRGB")


def _with_alpha(pixels: np.ndarray, image: Image.Image) -> Photo:
    """Pixels with the transparency of the opened image."""
    if image.has_transparency_data:
        alpha = upright(np.array(image.convert("RGBA"))[..., 3], image)
        if alpha.shape == pixels.shape[:2] and alpha.min() < 255:
            return Photo(blend(pixels, np.full_like(pixels, GREY), alpha), alpha)
    return Photo(pixels)
