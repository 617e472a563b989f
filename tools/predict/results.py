"""What a result says of itself in a comment in its header, and of the picture that it was made of."""

import hashlib
from pathlib import Path

from PIL import Image

RESULT = "RAN focus map"  # begins the comment of what predict and serve write
EDGE = 2**16  # bytes at each end of a file that are looked at


def comment(picture: Path) -> str:
    """What the results of a picture say: its file's size, and a hash of its first and last 64 KB."""
    try:
        if picture.is_file():  # opening a pipe may wait for ever
            size = picture.stat().st_size
            with picture.open("rb") as file:
                ends = file.read(EDGE)
                file.seek(max(EDGE, size - EDGE))
                ends += file.read(EDGE)
            return f"{RESULT} of {size} bytes, {hashlib.blake2b(ends, digest_size=8).hexdigest()}"
    except OSError:  # named when the picture is read
        pass
    return RESULT


def is_result(path: Path) -> bool:
    """Whether a file was made by predict or serve, by its header."""
    return path.suffix in (".png", ".jpg") and _read_comment(path).startswith(RESULT)


def is_of(result: Path, picture: Path) -> bool:
    """Whether a result was made of this very file, or says nothing of it, as older ones do."""
    found = _read_comment(result)
    return not found.startswith(f"{RESULT} of") or found == comment(picture)


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
