"""Files that are whole or absent, and files that belong together."""

import csv
import errno
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import Any

from filelock import FileLock, Timeout

from .image_names import is_image, is_systems

LOCK_SECONDS = 10  # loader processes of a run that was killed hold its lock for some seconds longer
PART = 2**15  # bytes at both ends of a file that tell it from others
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.ENAMETOOLONG,
              errno.EISDIR)  # fmt: skip


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well, and is removed if not.

    What a killed process leaves (`.part-CODE.SUFFIX`) goes when the same file is written again: a path has one
    temporary, so two processes must not write it at once (see `locked`). Its name is short: the path's may be as long
    as a name can be.

    Raises:
        OSError: with the path and why it cannot be written, such as a full disk; its errno is kept.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    code = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()
    temporary = path.with_name(f".part-{code}{path.suffix}")
    temporary.unlink(missing_ok=True)  # it may be a link that somebody put there
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        explained = OSError(f"{path}: cannot be written ({error.strerror or error})")
        explained.errno = error.errno
        raise explained from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a folder of results to one run at a time; makes it, and tries whether it can be written to.

    A folder that was made here goes again where the work fails before it has written anything.

    Raises:
        OSError: another run is at work there, or the folder cannot be made or written to.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    check_writable(folder)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        advice = "wait for its end, or choose another folder"
        raise OSError(f"{folder}: another run is writing there; {advice}") from None
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file stays
            os.unlink(lock.lock_file)  # while it is held: who has it open tries again
        lock.release()
        for path in new:
            with suppress(OSError):  # it holds something
                path.rmdir()


def check_writable(folder: Path) -> None:
    """Makes a folder, and tries it before long work relies on it.

    Raises:
        OSError: it cannot be made or written to, with what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from None


def check_name(name: str) -> str:
    """A data set's name, which becomes a part of paths.

    Raises:
        ValueError: it would lead elsewhere.
    """
    if PureWindowsPath(name).name != name or name in ("", ".", ".."):  # which knows both kinds of slashes
        raise ValueError(f"{name!r}: a set's name becomes part of file names; it cannot lead elsewhere")
    return name


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: object) -> None:
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def write_csv(path: Path, rows: Iterable[dict], header: Iterable[str] = (), encoding: str = "utf-8") -> None:
    """Writes rows; what a row lacks is empty.

    Args:
        header: all keys of the rows; may be left out of a list of them that is not empty.
        encoding: utf-8-sig begins with the mark by which Excel knows UTF-8.
    """
    header = list(header) or dict.fromkeys(key for row in rows for key in row)
    text: Any = {"newline": "", "encoding": encoding, "errors": "surrogateescape"}  # a file's name may hold any bytes
    with atomic(path) as temporary, temporary.open("w", **text) as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file in UTF-8, stripped, without empty ones.

    Raises:
        FileNotFoundError, ValueError: no such file, or another kind of file.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error}); save it as UTF-8") from None
    return [line.strip() for line in lines if line.strip()]


def fingerprint(*paths: Path) -> str:
    """A hash of some files' sizes, and of the first and last 32 KB of each. Raises ValueError for what is no file."""
    digest = hashlib.blake2b(digest_size=8)
    for path in paths:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path}: a folder, a pipe or the like")
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            digest.update(str(size).encode())
            for place in (0, max(0, size - PART)):
                file.seek(place)
                digest.update(file.read(PART))
    return digest.hexdigest()


def list_images(folder: Path, more: tuple[str, ...] = ()) -> dict[str, list[Path]]:
    """Image files of a folder by stem, sorted; a stem with more than one file keeps them all.

    Args:
        more: suffixes of other files that count, too.

    Raises:
        ValueError: a folder lies among them, whose images would be left out.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.is_dir() and not is_systems(path.name):
            raise ValueError(f"{path}: a folder among the images of {folder}: move its images up, or the folder away")
        if is_image(path) or path.suffix in more:
            found.setdefault(path.stem, []).append(path)
    return found


def pair_by_stem(
    images: Path, masks: Path, prefix: str = "", suffix: str = ""
) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Pairs the images of two folders by file stem.

    Args:
        prefix, suffix: what the stems of masks have more.

    Returns:
        Pairs (image, mask) by the image's stem, sorted, and a list of what is wrong, one line a file: missing folder,
        missing partner, stem with several files.
    """
    problems = [f"{folder}: no such folder" for folder in (images, masks) if not Path(folder).is_dir()]
    if problems:
        return {}, problems
    left, right = list_images(images), list_images(masks)
    mask_of = {stem: prefix + stem + suffix for stem in left}
    for files, partners, folder in (
        (left, {s for s in left if mask_of[s] in right}, masks),
        (right, set(mask_of.values()), images),
    ):
        for stem, paths in files.items():
            if len(paths) > 1:
                problems.append(f"{paths[0]}: doubled stem, also {', '.join(p.name for p in paths[1:])}")
            if stem not in partners:
                problems.append(f"{paths[0]}: no partner in {folder}")
    pairs = {stem: (left[stem][0], right[mask][0]) for stem, mask in mask_of.items() if mask in right}
    if not pairs and not problems:
        problems.append(f"{images}: no images")
    return pairs, problems


def common_affixes(left: Collection[str], right: Collection[str], share: float = 1) -> tuple[str, str]:
    """What the stems of masks or maps (right) have more than those of their images (left), before them as in "mask_1"
    or behind them as in "1_mask": (prefix, suffix), of which one is empty, or both where not so large a share is so.
    """
    found: Counter[tuple[str, str]] = Counter()
    for stem in right:
        found.update(("", stem[end:]) for end in range(1, len(stem) + 1) if stem[:end] in left)
        found.update((stem[:start], "") for start in range(len(stem) - 1, 0, -1) if stem[start:] in left)
    affixes, count = found.most_common(1)[0] if found else (("", ""), 0)
    return affixes if count >= share * len(right) and not (share == 1 and ("", "") in found) else ("", "")
