"""What renderings keep of a photograph's file: author, rights, date, camera, place, resolution, colour profile."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from . import tiff
from .opening import identified
from .raw import is_raw

# Of EXIF's first directory, what is kept: description, camera, resolution, software, date, author, computer, rating,
# rights, Windows' titles, and the two directories of the shot and the place. The others say how pixels are stored.
KEPT = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 33432, *range(40091, 40096), 34665, 34853}
# ... and of its second, what is not: the maker's note is useless at another place, and may fill a JPEG's 64 KB.
LEFT = ("MakerNote", "ExifImageWidth", "ExifImageHeight", "ExifInteroperabilityOffset")


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Options of Pillow's save, as far as they are found in a picture's file; of a TIFF's thumbnail, what the page that
    is read does not say itself.

    Returns:
        icc_profile: bytes; none that is for CMYK or grey, not RGB, nor that of a camera raw file's thumbnail.
        exif: bytes, without an orientation (renderings are upright) and what is about the source's pixels.
        dpi: two floats.
    """
    kept: dict[str, Any] = {}
    with suppress(Exception), open(path, "rb") as file:  # a damaged EXIF is no damaged picture
        exif, profile, dpi = _found(Path(path), file)
        if profile:
            kept["icc_profile"] = profile
        dpi = tuple(map(float, dpi))
        if len(dpi) == 2 and all(1 < value <= 65535 for value in dpi):  # 1 is what Pillow takes without a word
            kept["dpi"] = dpi
        details = exif.get_ifd(ExifTags.IFD.Exif) if ExifTags.IFD.Exif in exif else {}
        for tag in set(exif) - KEPT:
            del exif[tag]
        for name in LEFT:
            details.pop(ExifTags.Base[name], None)
        exif.bigtiff = False  # as EXIF never is
        data = exif.tobytes()
        if len(exif) and len(data) < 2**16 - 8:  # what a JPEG can hold
            kept["exif"] = data
    return kept


def _found(path: Path, file: BinaryIO) -> tuple[Image.Exif, bytes | None, tuple[Any, ...]]:
    """EXIF, profile (see read_metadata) and dots per inch, as they are in a file that is open."""
    try:
        picture = identified(file)
        first = _kept(picture.getexif()) if picture.format == "TIFF" else {}
        tiff.seek_full_page(picture)
    except (UnidentifiedImageError, SyntaxError):
        return _of_foreign(file, tiff.open_tiff(path).directories)
    exif = Image.Exif()
    with suppress(Exception):  # what else there is counts
        exif = picture.getexif()
        exif.update(first | _kept(exif))
    coloured = picture.mode in ("RGB", "RGBA", "P") and not is_raw(path, picture)
    return exif, picture.info.get("icc_profile") if coloured else None, picture.info.get("dpi", ())


def _of_foreign(file: BinaryIO, directories: tuple[int, ...]) -> tuple[Image.Exif, bytes | None, tuple[Any, ...]]:
    """As _found, of a TIFF that Pillow does not open, by where the tags of its pages lie."""
    first: dict[int, Any] = {}
    for directory in directories:
        exif = Image.Exif()
        file.seek(0)
        magic = file.read(4)
        exif.endian, exif.bigtiff = "<" if magic[:1] == b"I" else ">", b"+" in magic
        exif.load_from_fp(file, directory)
        first |= _kept(exif)
    exif.update(first)
    inches = {2: 1, 3: 2.54}.get(exif.get(296, 2), 0)
    dpi = tuple(float(exif.get(tag, 0)) * inches for tag in (282, 283))
    return exif, exif.get(34675) if exif.get(tiff.PHOTOMETRIC) == 2 else None, dpi


def _kept(exif: Image.Exif) -> dict[int, Any]:
    return {tag: exif[tag] for tag in KEPT & set(exif)}


def captured(path: str | Path) -> str:
    """When a photograph was taken by its camera's clock, YYYY-MM-DDTHH:MM:SS; empty where its EXIF does not say."""
    with suppress(Exception), Image.open(path) as picture:  # as above
        said = picture.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
        return datetime.strptime(said.strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    return ""
