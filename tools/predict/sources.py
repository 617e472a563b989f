"""Which pictures a user means, and what their results are called."""

import glob
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from ...utils.files import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Source:
    """A picture's file, and the name of its results: a path below the output folder, without suffix."""

    path: Path
    name: str


def find_sources(words: list[str], lines: Iterable[str], output: Path, suffixes: tuple[str, ...]) -> list[Source]:
    """Pictures of files, folders (with all folders in them) and patterns like "shoot/*.jpg", each once.

    A picture's name is its path below the folder or the fixed part of the pattern, without suffix; the suffix stays
    where results of two pictures would otherwise have one file name (on any disk: A is a). Links to folders are not
    followed, and what lies in the folder of results is left out, unless a file is named by itself.

    Args:
        words: paths and patterns; "-" stands for the lines.
        lines: of standard input, a path each.
        output: folder of results.
        suffixes: what is appended to a name for each result, such as ".png".

    Raises:
        FileNotFoundError: no such file, or no picture where some were meant.
        OSError: a folder that cannot be read.
        ValueError: two pictures whose results would have one name even so, a result that would replace a picture, or
            one that would be written elsewhere through a link.
    """
    found: dict[Path, PurePath] = {}
    for word in words:
        if word == "-":
            paths = [Path(line) for line in (line.rstrip("\r\n") for line in lines) if line]
            pairs = [(path, PurePath(path.name)) for path in paths]
        else:
            pairs = list(_of_word(word, _real(output)))
        if not pairs and _is_below(Path(word), _real(output)):  # the shell makes it of shoot/*
            print(f"{word}: left out, since results are written there")
        elif not pairs:
            raise FileNotFoundError(f"{'standard input' if word == '-' else word}: no pictures here")
        for path, name in pairs:
            found.setdefault(Path(os.path.abspath(path)), name)
    if not found:
        raise FileNotFoundError(f"no pictures but in the folder of results, {output}: choose another --output")
    sources = _named(found, suffixes)
    pictures = {_real(path) for path in found}
    for source in sources:
        if not _is_below((output / source.name).parent, _real(output)):
            raise ValueError(f"{(output / source.name).parent}: a link out of the folder of results: remove it")
        for suffix in suffixes:
            if _real(result := output / f"{source.name}{suffix}") in pictures:
                raise ValueError(f"{result} would be written over a photograph: choose another --output")
    return sources


def _of_word(word: str, output: Path) -> Iterable[tuple[Path, PurePath]]:
    path = Path(word)
    if path.is_dir():
        for folder, folders, files in os.walk(path, onerror=_raise):
            if _is_below(Path(folder), output):
                folders.clear()
                continue
            folders.sort()
            for file in (Path(folder) / name for name in sorted(files)):
                if _is_picture(file):
                    yield file, file.relative_to(path)
    elif path.exists():
        yield path, PurePath(path.name)
    elif glob.has_magic(word):
        parts = path.parts
        fixed = Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
        found: dict[Path, Path] = {}  # by the true path: ** goes round a link that leads back as often as it can
        for file in map(Path, sorted(glob.glob(word, recursive=True), key=len)):
            if not file.is_dir() and _is_picture(file) and not _is_below(file, output):  # a lost link is named later
                found.setdefault(_real(file), file)
        yield from ((file, file.relative_to(fixed)) for file in sorted(found.values()))
    else:
        raise FileNotFoundError(f"{word}: no such file or folder")


def _raise(error: OSError) -> None:
    raise error


def _is_below(path: Path, folder: Path) -> bool:
    return _real(path).is_relative_to(folder)


def _real(path: Path) -> Path:
    """The path without links; Path.resolve has a RuntimeError for a link to itself before Python 3.13."""
    return Path(os.path.realpath(path))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _named(found: dict[Path, PurePath], suffixes: tuple[str, ...]) -> list[Source]:
    names = {path: name.with_suffix("").as_posix() for path, name in found.items()}
    for last in (False, True):
        same = str if last else str.casefold
        counts = Counter(same(name + suffix) for name in names.values() for suffix in suffixes)
        clashing = [path for path, name in names.items() if any(counts[same(name + end)] > 1 for end in suffixes)]
        if clashing and last:
            raise ValueError(
                f"{clashing[0]} and others would all be written to {names[clashing[0]]}{suffixes[0]}: "
                "give their common folder, or one after the other with an --output each"
            )
        names |= {path: found[path].as_posix() for path in clashing}
    return [Source(path, name) for path, name in names.items()]
