"""What renderings keep of a photograph's file: author, rights, date, camera, place, colour profile."""

from contextlib import suppress
from pathlib import Path

import cv2
from PIL import ExifTags, Image

from .formats import HEAD, in_memory, is_heic, is_raw, open_heic

# Tags kept of EXIF's first directory: description, camera, resolution, software, date, author, computer, rating,
# rights, Windows' titles, and the two directories of the shot and the place. The others say how pixels are stored.
KEPT = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 33432, *range(40091, 40096), 34665, 34853}
# Tags dropped of its second directory: the maker's note may fill a JPEG's 64 KB, the others are about stored pixels.
DROPPED = ("MakerNote", "ExifImageWidth", "ExifImageHeight", "ExifInteroperabilityOffset")
LONGEST = 2**16 - 8  # bytes of EXIF in a JPEG


def read_metadata(path: Path) -> dict[int, bytes]:
    """EXIF and colour profile of an image file, as data.images takes them; empty where the file has none.

    The orientation is dropped, since renderings are upright; so is a profile for CMYK or grey.
    """
    kept: dict[int, bytes] = {}
    with suppress(Exception):  # Pillow raises many kinds for a damaged EXIF; the image may be whole
        file = in_memory(path)
        with open_heic(file) if is_heic(file.getvalue()[:HEAD]) else Image.open(file) as image:
            profile = image.info.get("icc_profile")
            if profile and image.mode in ("RGB", "RGBA", "P") and not is_raw(file):
                kept[cv2.IMAGE_METADATA_ICCP] = profile
            exif = image.getexif()
            details = exif.get_ifd(ExifTags.IFD.Exif)
            for tag in set(exif) - KEPT:
                del exif[tag]
            for name in DROPPED:
                details.pop(ExifTags.Base[name], None)
            exif.bigtiff = False  # EXIF is never a BigTIFF
            if len(exif) and len(data := exif.tobytes().removeprefix(b"Exif\0\0")) < LONGEST:
                kept[cv2.IMAGE_METADATA_EXIF] = data
    return kept
