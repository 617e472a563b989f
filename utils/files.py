"""Files that are whole or absent, and folders of one run at a time."""

import csv
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

LOCK_SECONDS = 10  # a run that was asked to end may need some seconds for it


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well, and is removed if not.

    What a killed process leaves goes when the same file is written again: a path has one temporary, so two processes
    must not write it at once (see `locked`).

    Raises:
        OSError: with the path and why it cannot be written, such as a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".part-{path.name}")
    temporary.unlink(missing_ok=True)  # it may be a link that somebody put there
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        names = [error.filename, error.filename2]  # one that the block reads is named by its own error
        if error.errno and (names == [None, None] or str(temporary) in map(str, names)):
            raise OSError(f"{path}: cannot be written ({error.strerror})") from None
        raise
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
        raise OSError(f"{folder}: another run is writing there; wait for its end, or choose another folder") from None
    try:
        yield
    finally:
        with suppress(OSError):  # on Windows an open file stays
            os.unlink(lock.lock_file)  # while it is held: who has it open tries again
        lock.release()
        with suppress(OSError):  # it holds something
            for path in new:
                path.rmdir()


def check_writable(folder: Path) -> None:
    """Makes a folder, and tries it before long work relies on it. Raises OSError with what to do."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from None


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_csv(path: Path, rows: list[dict], encoding: str = "utf-8") -> None:
    """Writes rows; what a row lacks is empty. utf-8-sig begins with the mark by which Excel knows UTF-8."""
    header = list(dict.fromkeys(key for row in rows for key in row))
    text: Any = {"newline": "", "encoding": encoding, "errors": "surrogateescape"}  # a file's name may hold any bytes
    with atomic(path) as temporary, temporary.open("w", **text) as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file in UTF-8, stripped, without empty ones. Raises OSError or ValueError for another file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error}); save it as UTF-8") from None
    return [line.strip() for line in lines if line.strip()]
