"""What a result says of itself in a comment in its header, and of the picture that it was made of."""

import hashlib
import os
from pathlib import Path

from PIL import Image

RESULT = "RAN focus map"  # begins the comment of what predict and serve write
BLOCKS, BLOCK = 16, 2**14  # of a file that are looked at, from end to end, and the bytes of each


def comment(picture: Path, way: str = "") -> str:
    """What results say: the size of the picture's file, a hash of 256 KB from all over it, and how they were made."""
    try:
        if picture.is_file():  # opening a pipe may wait for ever
            size = picture.stat().st_size
            found = hashlib.blake2b(digest_size=8)
            with picture.open("rb") as file:
                for number in range(BLOCKS):
                    file.seek(max(0, size - BLOCK) * number // (BLOCKS - 1))
                    found.update(file.read(BLOCK))
            made = f", by {way}" if way else ""
            return f"{RESULT} of {size} bytes, {found.hexdigest()}{made}"
    except OSError:  # named when the picture is read
        pass
    return RESULT


def is_result(path: Path) -> bool:
    """Whether a file was made by predict or serve, by its header."""
    return path.suffix.lower() in (".png", ".jpg", ".jpeg") and _read_comment(path).startswith(RESULT)


def is_of(result: Path, picture: Path, way: str = "") -> bool:
    """Whether a result is whole, and was made of this very file in this way.

    Raises:
        ValueError: something else lies in its place.
    """
    return _says(result, comment(picture, way))


def _says(result: Path, expected: str) -> bool:
    found = _read_comment(result)
    if not found.startswith(RESULT):
        raise ValueError(f"{result}: no result of predict, or of an older version: --overwrite replaces it")
    return found == expected and _is_whole(result)


def state(results: dict[Path, str], picture: Path, way: str) -> str:
    """Whether results are done, missing or other.

    Args:
        results: with what the comment of each says beside.

    Returns:
        "done"; "missing": some are, or are older than the picture; "other": of another file, or made in another way.

    Raises:
        ValueError: something else lies in the place of one.
    """
    if not (there := [result for result in results if os.path.lexists(result)]):
        return "missing"
    expected = comment(picture, way)
    if not all([_says(result, expected + results[result]) for result in there]):
        return "other"
    try:
        made = picture.stat().st_mtime
        current = len(there) == len(results) and all(result.stat().st_mtime >= made for result in there)
    except OSError:  # gone, which is named when it is read
        current = False
    return "done" if current else "missing"


def _is_whole(result: Path) -> bool:
    """Whether a PNG or JPEG has its end."""
    with result.open("rb") as file:
        file.seek(-min(8, result.stat().st_size), 2)
        return file.read().endswith((b"IEND\xaeB`\x82", b"\xff\xd9"))


def way(*what: object) -> str:
    """A short hash of how results are made."""
    return hashlib.blake2b(repr(what).encode(), digest_size=4).hexdigest()


def _read_comment(path: Path) -> str:
    """That of a PNG or JPEG; empty where there is none, or no such picture."""
    try:
        if not path.is_file():  # as above
            return ""
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            found = picture.info.get("comment") or picture.info.get("Comment") or ""
    except Exception:  # Pillow raises many kinds for a damaged file, which is named when it is read
        return ""
    return found.decode("latin-1") if isinstance(found, bytes) else str(found)
