"""Which images predict reads, and what their results are called."""

import glob
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..data.names import is_image, is_systems
from .options import SUFFIXES


class Source(NamedTuple):
    """An image file, the name of its results (a path below the output folder, without suffix), and its own name."""

    path: Path
    name: str
    shown: str  # in sentences and in the table


def find_images(words: list[str], output: Path) -> tuple[list[Source], str]:
    """Finds the images of files, folders (with the folders in them) and patterns, each once; not those in `output`.

    A result's name is the image's path below the folder or below the fixed part of the pattern, without suffix.
    Returns the images, and a line about what was skipped. Raises OSError: no such file, or no image in a folder or
    pattern. Raises ValueError: the results of two images would share a file.
    """
    found: dict[Path, str] = {}
    skipped = Counter[str]()
    for word in words:
        images = _images(Path(word), Path(os.path.realpath(output)), skipped)
        line = ", ".join(f"{count} {what}" for what, count in sorted(skipped.items()))
        if not images:
            raise FileNotFoundError(f"{word}: no images here{line and f'; skipped: {line}'}")
        for path, name in images.items():
            found.setdefault(Path(os.path.abspath(path)), name)
    owners: dict[str, Path] = {}
    for path, name in found.items():
        for result in (f"{name}{suffix}" for suffix in SUFFIXES.values()):
            if (owner := owners.setdefault(result.casefold(), path)) != path:  # on some disks, A is a
                advice = f'name one kind of file, such as "FOLDER/*{path.suffix}", or use two output folders'
                raise ValueError(f"{owner} and {path} would both have the result {result}: {advice}")
    return [Source(path, name, str(path)) for path, name in found.items()], line and f"skipped: {line}\n"


def _images(path: Path, output: Path, skipped: Counter[str]) -> dict[Path, str]:
    """Images of a path or pattern, with the names of their results; a named file is taken whatever its suffix."""
    top, files, named = path, [path], path.exists() and not path.is_dir()
    if named:
        top = path.parent
    elif path.exists():
        files = [*_files_below(path, skipped)]
    elif glob.has_magic(str(path)):
        top = Path(*path.parts[: next(n for n, part in enumerate(path.parts) if glob.has_magic(part))])
        files = [file for file in map(Path, glob.glob(str(path), recursive=True)) if not file.is_dir()]
    else:
        raise FileNotFoundError(f"{path}: no such file or folder")
    images: dict[Path, str] = {}
    for file in sorted(files):
        name = file.relative_to(top)
        if Path(os.path.realpath(file)).is_relative_to(output):
            skipped["in --output"] += 1
        elif any(map(is_systems, name.parts)) and not named:
            skipped["hidden or system file(s)"] += 1
        elif is_image(file) or named:
            images[file] = name.with_suffix("").as_posix()
        else:
            skipped[file.suffix.lower() or "without suffix"] += 1
    return images


def _files_below(folder: Path, skipped: Counter[str]) -> Iterator[Path]:
    """All files below a folder, without those in hidden, system and linked folders."""
    for path in folder.iterdir():
        if not path.is_dir():
            yield path
        elif path.is_symlink() or is_systems(path.name):  # a system's bin cannot be read
            skipped["hidden, system or linked folder(s)"] += 1
        else:
            yield from _files_below(path, skipped)
