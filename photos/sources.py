"""Which images predict reads, and what their results are called."""

import glob
import os
from collections import Counter
from pathlib import Path, PurePath
from typing import NamedTuple

from ..utils.picture_names import is_picture, is_systems
from .options import RENDERINGS

# What follows an image's name in every file that predict may write.
SUFFIXES = (".png", *(rendering.suffix for rendering in RENDERINGS.values()), ".cutout.jpg")
HIDDEN = "hidden or system file(s)"


class Source(NamedTuple):
    """An image file, and the name of its results: a path below the output folder, without suffix."""

    path: Path
    name: str


class Search:
    """Finds images of files, folders (with the folders in them) and patterns, each once.

    Attributes:
        sources: the images. A name is the path below the folder or below the fixed part of the pattern, without
            suffix. Images whose results would share a file, such as a.jpg and a.cr2, keep it: a.jpg.png, a.cr2.png.
        shared: the names without suffix that several images would have.
        skipped: how many files and folders were skipped, by suffix or reason.

    Args:
        words: paths and patterns.
        output: folder of results, from which no image is taken.

    Raises:
        FileNotFoundError: no such file, or no image in a folder or pattern.
        ValueError: an image in the output folder, or images whose names are alike with suffix, too.
        OSError: a folder cannot be read.
    """

    def __init__(self, words: list[str], output: Path):
        self.output, self.skipped = Path(os.path.realpath(output)), Counter[str]()
        found: dict[Path, PurePath] = {}
        for word in words:
            pairs = self._of_word(Path(word))
            if not pairs:
                raise FileNotFoundError(f"{word}: no images here; {self.left_out()}".rstrip("; \n"))
            for path, name in pairs:
                found.setdefault(Path(os.path.abspath(path)), name)
        short = {path: name.with_suffix("").as_posix() for path, name in found.items()}
        alike = _clashing(short)
        self.shared = sorted({short[path] for path in alike})
        names = {path: found[path].as_posix() if path in alike else name for path, name in short.items()}
        if both := sorted(map(str, _clashing(names)))[:2]:
            raise ValueError(f"{' and '.join(both)} would write results of the same name: use two output folders")
        self.sources = [Source(path, name) for path, name in names.items()]

    def left_out(self) -> str:
        """A line about what was skipped; empty where nothing was."""
        parts = [f"{count} {what}" for what, count in sorted((+self.skipped).items())]
        return f"skipped: {', '.join(parts)}\n" if parts else ""

    def _of_word(self, path: Path) -> list[tuple[Path, PurePath]]:
        """Files of a path or pattern, with their names; a file that is named itself is taken whatever its suffix."""
        if path.is_dir():
            top, files = path, self._below(path)
        elif path.exists():
            if self._in_output(path):
                raise ValueError(f"{path} lies in the output folder {self.output}: choose another --output")
            return [(path, PurePath(path.name))]
        elif glob.has_magic(str(path)):
            top = Path(*path.parts[: next(n for n, part in enumerate(path.parts) if glob.has_magic(part))])
            files = [file for file in map(Path, glob.glob(str(path), recursive=True)) if not file.is_dir()]
        else:
            raise FileNotFoundError(f"{path}: no such file or folder")
        pairs = [(file, file.relative_to(top)) for file in sorted(files)]
        return [(file, name) for file, name in pairs if self._takes(file, name)]

    def _below(self, top: Path) -> list[Path]:
        """All files below a folder, but for those in hidden, system and linked folders."""
        files = []
        for there, folders, names in os.walk(top, onerror=_fail):
            self.skipped["linked folder(s)"] += sum(os.path.islink(os.path.join(there, name)) for name in folders)
            self.skipped[HIDDEN] += sum(map(is_systems, folders))
            folders[:] = [name for name in folders if not is_systems(name)]  # a system's bin cannot be read
            files += [Path(there, name) for name in names]
        return files

    def _takes(self, file: Path, name: PurePath) -> bool:
        hidden, reason = any(map(is_systems, name.parts)), file.suffix.lower() or "without suffix"
        if is_picture(file) and not hidden and not self._in_output(file):
            return True
        self.skipped[HIDDEN if hidden else "in --output" if self._in_output(file) else reason] += 1
        return False

    def _in_output(self, file: Path) -> bool:
        return Path(os.path.realpath(file)).is_relative_to(self.output)


def _fail(error: OSError) -> None:
    raise error


def _clashing(names: dict[Path, str]) -> set[Path]:
    """Images whose result files another image may have, also on disks where A is a."""
    counts = Counter((name + suffix).casefold() for name in names.values() for suffix in SUFFIXES)
    return {path for path, name in names.items() if any(counts[(name + s).casefold()] > 1 for s in SUFFIXES)}
