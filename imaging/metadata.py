"""What renderings keep of a photograph's file: author, rights, date, camera, place, resolution, colour profile."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from .raw import is_raw

# Of EXIF's first directory, what is kept: description, camera, resolution, software, date, author, computer, rating,
# rights, Windows' titles, and the two directories of the shot and the place. The others say how pixels are stored.
KEPT = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 33432, *range(40091, 40096), 34665, 34853}
# ... and of its second, what is not: the maker's note is useless at another place, and may fill a JPEG's 64 KB.
LEFT = ("MakerNote", "ExifImageWidth", "ExifImageHeight", "ExifInteroperabilityOffset")


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Options of Pillow's save, as far as Pillow finds them in a picture's file.

    Returns:
        icc_profile: bytes; none that is for CMYK or grey, not RGB, nor that of a camera raw file's thumbnail.
        exif: bytes, without an orientation (renderings are upright) and what is about the source's pixels.
        dpi: two floats.
    """
    kept: dict[str, Any] = {}
    with suppress(Exception), Image.open(path) as picture:  # a damaged EXIF is no damaged picture
        if picture.mode in ("RGB", "RGBA", "P") and picture.info.get("icc_profile") and not is_raw(path, picture):
            kept["icc_profile"] = picture.info["icc_profile"]
        dpi = tuple(map(float, picture.info.get("dpi", ())))
        if len(dpi) == 2 and all(1 <= value <= 65535 for value in dpi):
            kept["dpi"] = dpi
        exif = picture.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif) if ExifTags.IFD.Exif in exif else {}
        for tag in set(exif) - KEPT:
            del exif[tag]
        for name in LEFT:
            details.pop(ExifTags.Base[name], None)
        data = exif.tobytes()
        if len(exif) and len(data) < 2**16 - 8:  # what a JPEG can hold
            kept["exif"] = data
    return kept


def captured(path: str | Path) -> str:
    """When a photograph was taken by its camera's clock, YYYY-MM-DDTHH:MM:SS; empty where its EXIF does not say."""
    with suppress(Exception), Image.open(path) as picture:  # as above
        said = picture.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
        return datetime.strptime(said.strip("\0 "), "%Y:%m:%d %H:%M:%S").isoformat()
    return ""
