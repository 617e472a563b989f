"""Files that are whole or absent, and files that belong together."""

import codecs
import csv
import errno
import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PureWindowsPath
from typing import Any

from .picture_names import is_picture, is_systems

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module that may be absent has no better type

UNWRITABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EFBIG,
    errno.ENAMETOOLONG,
    errno.EISDIR,
)


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
def locked(folder: Path, first: bool = True) -> Iterator[None]:
    """Keeps a folder of results to one run at a time; a run that was killed holds it no longer (Linux and macOS).

    Where a file system has no locks, a warning says so. A folder that was made here goes again where the work fails
    before it has written anything.

    Args:
        folder: is made, and tried.
        first: whether this is the first of the run's processes; the others leave the lock to it.

    Raises:
        OSError: another run is at work there, or the folder cannot be made or written to.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    check_writable(folder)
    if not first or fcntl is None:
        yield
        return
    holder = os.open(folder, os.O_RDONLY)
    _held.add(holder)
    try:
        try:
            fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            advice = "wait for its end, or choose another folder"
            raise OSError(f"{folder}: another run is writing there; {advice}") from None
        except OSError as error:  # NFS, SMB and containers may have none, and say so in many ways
            _warn_of_no_locks(folder, error.strerror)
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):  # it holds something
                path.rmdir()
        raise
    finally:
        _held.discard(holder)
        os.close(holder)


@cache
def _warn_of_no_locks(folder: Path, reason: str) -> None:
    print(f"warning: {folder}: no locks here ({reason}); see to it that one run at a time writes there", flush=True)


_held: set[int] = set()  # descriptors of locked folders


def _release_inherited_locks() -> None:
    """A forked loader process may outlive a killed run by seconds: it must not hold the run's lock."""
    while _held:
        os.close(_held.pop())


if fcntl:
    os.register_at_fork(after_in_child=_release_inherited_locks)


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


def decoded(data: bytes, errors: str = "strict") -> str:
    """Text in UTF-8, with its mark or without, or in UTF-16 with its mark, as Windows writes it; or UnicodeDecodeError.

    Args:
        errors: what becomes of other bytes in UTF-8, as in bytes.decode.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig", errors)


def read_lines(path: Path) -> list[str]:
    """Lines of a text file, see decoded, stripped, without empty ones.

    Raises:
        FileNotFoundError, ValueError: no such file, or another kind of file.
    """
    try:
        lines = decoded(Path(path).read_bytes()).splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 or UTF-16 ({error})") from None
    return [line.strip() for line in lines if line.strip()]


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
        if is_picture(path) or path.suffix in more:
            found.setdefault(path.stem, []).append(path)
    return found


def pair_by_stem(
    images: Path, masks: Path, prefix: str = "", suffix: str = ""
) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Pairs the pictures of two folders by file stem.

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
        problems.append(f"{images}: no pictures")
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
