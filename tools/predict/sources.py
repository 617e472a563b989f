"""Which pictures a user means, and what their results are called."""

import glob
import os
import re
import shlex
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePath

from ...utils.picture_names import OF_SYSTEMS, VIDEO_SUFFIXES, is_picture, is_systems
from .results import is_result
from .sorting import is_sorted

SYSTEMS = "hidden or a system's"


@dataclass(frozen=True)
class Source:
    """A picture's file, and the name of its results: a path below the output folder, without suffix."""

    path: Path
    name: str


def find_sources(
    words: list[str],
    listed: list[str],
    output: Path,
    suffixes: tuple[str, ...],
    exclude: Iterable[str] = (),
    follow_links: bool = False,
) -> list[Source]:
    """Pictures of files, folders (with all folders in them) and patterns like "shoot/*.jpg", each once.

    A picture's name is its path below the folder or the fixed part of the pattern, without suffix; the suffix stays
    where results of two pictures would otherwise have one file name (on any disk: A is a), and where that is not
    enough, the folder that it lies in. What folders and patterns hold beside is left out, and summed up in a line; of
    files that are named one by one, so are hidden ones and earlier results, which the shell makes of shoot/* too.

    Args:
        words: paths and patterns; "-" stands for what is listed.
        listed: paths that standard input named.
        output: folder of results; nothing in it is taken.
        suffixes: what is appended to a name for each result, such as ".png".
        exclude: patterns of names, of files and folders, that are left out.
        follow_links: whether links to folders are followed, to each folder once.

    Raises:
        FileNotFoundError: no such file, or no picture where some were meant.
        OSError: a folder that cannot be read.
        ValueError: two pictures whose results would have one name even so, a result that would replace a picture, or
            one that would be written elsewhere through a link.
    """
    search = _Search(_real(output), tuple(exclude), follow_links)
    found: dict[Path, PurePath] = {}
    for word in words:
        for path, name in search.wanted(word, listed, alone=len(words) == 1):
            found.setdefault(Path(os.path.abspath(path)), name)
    if not found:
        elsewhere = f"but in the folder of results, {output}: choose another --output"
        raise FileNotFoundError(f"no pictures here ({search.left_out() if search.left else elsewhere})")
    if search.left:
        print(search.left_out())
    sources = _named(found, suffixes)
    _check_places(sources, output, suffixes)
    return sources


def _check_places(sources: list[Source], output: Path, suffixes: tuple[str, ...]) -> None:
    """Raises ValueError where a result would be written over a picture, or elsewhere through a link."""
    pictures = {_real(source.path) for source in sources}
    for source in sources:
        if not _is_below(folder := (output / source.name).parent, _real(output)):
            raise ValueError(f"{folder}: a link out of the folder of results: remove it")
        for suffix in suffixes:
            if _real(result := output / f"{source.name}{suffix}") in pictures:
                raise ValueError(f"{result} would be written over a photograph: choose another --output")


class _Search:
    """Looks for pictures, and counts what it leaves out.

    Attributes:
        left: how many files and folders were left out, by what they are.
    """

    def __init__(self, output: Path, exclude: tuple[str, ...], follow_links: bool):
        self.output, self.exclude, self.follow_links = output, exclude, follow_links
        self.left: Counter[str] = Counter()

    def left_out(self) -> str:
        plural = ("linked folder", "earlier result", "folder")
        parts = [f"{n} {what}{'s' * (n > 1 and what in plural)}" for what, n in sorted(self.left.items())]
        return f"left out: {', '.join(parts)}"

    def wanted(self, word: str, listed: list[str], alone: bool) -> list[tuple[Path, PurePath]]:
        """Files of a word, see find_sources, which also says what is raised."""
        if not alone and any(part.casefold() in OF_SYSTEMS for part in Path(word).parts):  # the shell makes it of *
            self._leave(SYSTEMS)
            return []
        pairs = self.listed(listed) if word == "-" else self.of_word(word, alone)
        if not pairs and _is_below(Path(word), self.output):  # the shell makes it of shoot/*
            print(f"{word}: left out, since results are written there")
        elif not pairs and (word == "-" or not Path(word).is_file()):
            beside = f" ({self.left_out()})" if self.left else ""
            raise FileNotFoundError(f"{'standard input' if word == '-' else word}: no pictures here{beside}")
        return pairs

    def files(self, paths: Iterable[str]) -> list[tuple[Path, PurePath]]:
        """Files that are named one by one: of any suffix."""
        pairs = [(path, PurePath(path.name)) for path in map(Path, paths)]
        return [(path, name) for path, name in pairs if self._takes(path, name, named=True)]

    def listed(self, paths: list[str]) -> list[tuple[Path, PurePath]]:
        """Files of a list, such as find makes: folders in it count as left out, so does what lies in those of systems
        (below the folder that is common to all)."""
        files = [path for path in paths if not os.path.isdir(path) or self._leave("folder")]
        common = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in files]) if files else ""
        inside = [path for path in files if not _of_systems(os.path.relpath(path, common)) or self._leave(SYSTEMS)]
        return self.files(inside)

    def of_word(self, word: str, alone: bool) -> list[tuple[Path, PurePath]]:
        """Files of a word; one that is all that is wanted is taken whatever it is but a video."""
        path = Path(word)
        if path.is_dir():
            return list(self._below(path))
        if path.exists():
            if alone and path.suffix.lower() in VIDEO_SUFFIXES:
                raise ValueError(f"{path}: a video, for the command video: `ran video {shlex.quote(word)}`")
            return [(path, PurePath(path.name))] if alone else self.files([word])
        if not glob.has_magic(word):
            raise FileNotFoundError(f"{word}: no such file or folder")
        first = next(i for i, part in enumerate(path.parts) if glob.has_magic(part))
        fixed = Path(*path.parts[:first])
        parts = [part if part == "**" else re.sub(r"\*\*+", "*", part) for part in path.parts[first:]]
        pattern = "/".join([*parts, "*"] if parts[-1] == "**" else parts)
        found: dict[Path, Path] = {}  # by the true path: * takes a link as well as what it leads to
        for file in sorted(fixed.glob(pattern), key=lambda file: len(str(file))):  # ** follows no links
            if not file.is_dir() and not _is_below(file, self.output):  # a lost link is named later
                found.setdefault(_real(file), file)
        pairs = [(file, file.relative_to(fixed)) for file in sorted(found.values())]
        return [(file, name) for file, name in pairs if self._takes(file, name)]

    def _below(self, top: Path) -> Iterator[tuple[Path, PurePath]]:
        """Pictures of a folder and those in it, then of those that links in it lead to."""
        seen: set[Path] = set()
        tops = deque([top])
        while tops:
            for folder, folders, files in os.walk(tops.popleft(), onerror=_raise):
                if (here := _real(Path(folder))) in seen or here.is_relative_to(self.output):
                    folders.clear()
                    continue
                seen.add(here)
                inside = [Path(folder) / name for name in sorted(folders)]
                inside = [path for path in inside if self._enters(path, path.relative_to(top))]
                tops.extend(path for path in inside if path.is_symlink())
                folders[:] = [path.name for path in inside]  # of which os.walk leaves out links itself
                for path in (Path(folder) / name for name in sorted(files)):
                    if self._takes(path, path.relative_to(top)):
                        yield path, path.relative_to(top)

    def _enters(self, folder: Path, name: PurePath) -> bool:
        if is_systems(folder.name):
            return self._leave(SYSTEMS)
        if folder.is_symlink() and not self.follow_links:
            return self._leave("linked folder")
        if is_sorted(folder):
            return self._leave("earlier result")
        return not self._is_excluded(folder, name) or self._leave("excluded")

    def _takes(self, file: Path, name: PurePath, named: bool = False) -> bool:
        """Whether a file is a photograph; one that was named may have any suffix."""
        if self._is_excluded(file, file if named else name):
            return self._leave("excluded")
        if _of_systems(name):
            return self._leave(SYSTEMS)
        if not is_picture(file) and (not named or file.suffix.lower() in VIDEO_SUFFIXES):
            return self._leave(file.suffix.lower()[1:] or "without a suffix")
        return not is_result(file) or self._leave("earlier result")

    def _is_excluded(self, path: Path, name: PurePath) -> bool:
        """By its name, that of a folder that it lies in, or by a path as it is typed from here."""
        if not self.exclude:  # as mostly, of however many files
            return False
        whole = Path(os.path.abspath(path))
        here = [str(place) for place in (whole, *whole.parents)]
        return any(
            any(fnmatch(text, pattern.rstrip("/")) for text in (name.as_posix(), *name.parts))
            or any(fnmatch(text, os.path.abspath(pattern)) for text in here)
            for pattern in self.exclude
        )

    def _leave(self, what: str) -> bool:
        self.left[what] += 1
        return False


def _of_systems(path: PurePath | str) -> bool:
    """Whether a part of a path is hidden, or a system's."""
    return any(is_systems(part) for part in PurePath(path).parts if part not in (".", ".."))


def _raise(error: OSError) -> None:
    raise error


def _is_below(path: Path, folder: Path) -> bool:
    return _real(path).is_relative_to(folder)


def _real(path: Path) -> Path:
    """The path without links; Path.resolve has a RuntimeError for a link to itself before Python 3.13."""
    return Path(os.path.realpath(path))


def _named(found: dict[Path, PurePath], suffixes: tuple[str, ...]) -> list[Source]:
    """Names that no two results share: without suffix, else with it, else with one folder more above."""
    paths, whole = dict(found), set[Path]()
    while True:
        names = {path: (name if path in whole else name.with_suffix("")).as_posix() for path, name in paths.items()}
        if alike := _clashing(names, suffixes, str.casefold) - whole:
            whole |= alike
            continue
        if not (alike := _clashing(names, suffixes, str)):
            return [Source(path, name) for path, name in names.items()]
        deeper = {path: path.parts[-len(paths[path].parts) - 1 :] for path in alike}
        if any(parts[0] == path.anchor for path, parts in deeper.items()):
            first, second, *_ = sorted(alike)
            raise ValueError(f"{first} and {second} would have results of one name: give each an --output of its own")
        paths |= {path: PurePath(*parts) for path, parts in deeper.items()}
        whole -= alike


def _clashing(names: dict[Path, str], suffixes: tuple[str, ...], same) -> set[Path]:
    counts = Counter(same(name + suffix) for name in names.values() for suffix in suffixes)
    return {path for path, name in names.items() if any(counts[same(name + suffix)] > 1 for suffix in suffixes)}
