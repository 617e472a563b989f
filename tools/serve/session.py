"""What the page of `serve` does with uploads."""

import itertools
import os
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np

from ...imaging import renderings
from ...imaging.depth import Warn
from ...imaging.opening import megapixel_limit
from ...imaging.pictures import picture_size, read_image
from ...imaging.writing import png, write_png
from ...predictor import Predictor, advice_on_shape
from ...utils.files import write_csv
from ...utils.photograph_options import RENDERINGS, ServeOptions
from ..predict.results import RESULT

SUFFIXES = {"map": ".png", **{name: rendering.suffix for name, rendering in RENDERINGS.items()}}
KEPT = 600  # uploads and results are deleted when they are so old, seconds


class TooLarge(ValueError):
    """A picture, or a request, beyond the limits of the options."""


class Analysis(NamedTuple):
    """One picture: to look at, with a longer side of at most 1024 pixels, photograph and overlay, and what else there
    is by the names of SUFFIXES; what imaging.renderings.numbers says; and the files at the picture's size."""

    pair: tuple[np.ndarray, np.ndarray]
    shown: dict[str, np.ndarray]
    numbers: dict[str, float | None]
    files: dict[str, Path]


class Outcome(NamedTuple):
    """What became of one of many pictures: its map's name in the ZIP file and doubts about it, or what is wrong."""

    picture: str
    what: str
    done: bool


class Session:
    """What the page's controls do: one picture at a time, in the order they come, with all files in one folder."""

    def __init__(self, predictor: "Predictor", folder: Path, options: ServeOptions):
        self.predictor, self.folder, self.options = predictor, folder, options
        self.samples = write_samples(folder / "samples")
        self._turns = ThreadPoolExecutor(1)  # a lock would let a batch take it again and again
        self._waiting: list[list[Path]] = []  # files of those whose turn comes

    def analyse(self, path: Path, warn: Warn = warnings.warn) -> Analysis:
        """Everything there is to see of one picture; ValueError and warnings as read_upload."""
        with self._keeping(path):
            return self._in_turn(self._analyse, path, warn)

    def make(self, name: str, path: Path, warn: Warn = warnings.warn) -> bytes:
        """The file of one of SUFFIXES; ValueError and warnings as read_upload."""
        with self._keeping(path):
            return self._in_turn(self._make, name, path, warn)

    @contextmanager
    def _keeping(self, *files: Path) -> Iterator[None]:
        """Files that sweep leaves where they are, however long they wait."""
        self._waiting.append(kept := [*files])
        try:
            yield
        finally:
            self._waiting.remove(kept)

    def _in_turn(self, function: Callable, *arguments: Any) -> Any:
        """What a function returns, once all that came before it is done."""
        try:
            turn = self._turns.submit(function, *arguments)
        except RuntimeError:  # closed
            raise ValueError("the server was stopped") from None
        try:
            return turn.result()
        except CancelledError:
            raise ValueError("the server was stopped") from None

    def _analyse(self, path: Path, warn: Warn) -> Analysis:
        photograph, focus_map = self._map(path, warn)
        small, small_map = renderings.shrunk(photograph), renderings.shrunk(focus_map)
        base = Path(tempfile.mkdtemp(dir=self.folder)) / plain(path.stem)
        files = dict(write(base, RENDERINGS, photograph, focus_map, path, warn))
        shown = {"map": small_map} | {
            name: np.asarray(renderings.made(name, small, small_map, source=path))
            for name in RENDERINGS
            if name in files or name == "overlay"  # JPEG may not hold its file
        }
        numbers = renderings.numbers(small, small_map, focus_map.shape)
        return Analysis((small, shown["overlay"]), {name: shown[name] for name in files}, numbers, files)

    def _make(self, name: str, path: Path, warn: Warn) -> bytes:
        photograph, focus_map = self._map(path, warn)
        if name == "map":
            return b"".join(png(focus_map, RESULT))
        with tempfile.TemporaryDirectory(dir=self.folder) as room:
            (file,) = renderings.write(Path(room, "made"), [name], photograph, focus_map, path, RESULT)
            return file.read_bytes()

    def _map(self, path: Path, warn: Warn) -> tuple[np.ndarray, np.ndarray]:
        """Photograph and focus map of an upload."""
        with megapixel_limit(max(179, self.options.max_megapixels)):
            photograph = read_upload(path, self.options.max_megapixels, warn)
        if advice := advice_on_shape(*photograph.shape[:2]):
            warn(f"{path.name}: {advice}")
        return photograph, self.predictor.levels(photograph, self.options.size)

    def batch(self, paths: list[Path], extras: Collection[str] = (), progress=iter) -> tuple[str | None, list[Outcome]]:
        """Maps of many pictures, in one ZIP file; `progress` goes through a list and may show how far it is.

        Others have their turns between two of the pictures.

        Args:
            extras: what else goes into it: renderings by their names, and "csv", a table of their numbers.

        Returns:
            The file, None where no picture was readable; and what became of each picture.
        """
        outcomes: list[Outcome] = []
        rows: list[dict] = []
        archive = Path(tempfile.mkdtemp(dir=self.folder)) / "focus_maps.zip"
        with self._keeping(archive, *paths), zipfile.ZipFile(archive, "w") as results:
            for path, stem in progress(list(zip(paths, stems_in_zip(paths)))):
                outcomes.append(self._in_turn(self._add, path, stem, extras, results, rows))
            if rows:
                write_csv(table := archive.with_name("focus.csv"), rows)
                results.write(table, table.name)
        return str(archive) if results.namelist() else None, outcomes

    def _add(
        self, path: Path, stem: str, extras: Collection[str], results: zipfile.ZipFile, rows: list[dict]
    ) -> Outcome:
        """Adds what is made of a picture to a ZIP file, and its numbers to the rows of the table."""
        doubts: list[str] = []
        try:
            photograph, focus_map = self._map(path, doubts.append)
        except ValueError as error:
            return Outcome(path.name, str(error).removeprefix(f"{path.name}: "), False)
        names = [name for name in RENDERINGS if name in extras]
        with tempfile.TemporaryDirectory(dir=self.folder) as room:
            for _, file in write(Path(room, stem), names, photograph, focus_map, path, doubts.append):
                results.write(file, file.name)
        if "csv" in extras:
            numbers = renderings.numbers(photograph, focus_map, focus_map.shape)
            rows.append({"name": stem, "picture": path.name} | numbers)
        return Outcome(path.name, "; ".join([f"{stem}.png", *doubts]), True)

    def sweep(self) -> None:
        """Deletes old uploads and results, but not what somebody waits for."""
        self._in_turn(self._sweep)

    def _sweep(self) -> None:
        kept = {*self.samples, *(path for files in [*self._waiting] for path in files)}
        # Others move and remove files meanwhile: os.walk goes on where a folder is gone.
        for folder, folders, files in os.walk(self.folder, topdown=False):
            for path in (Path(folder, name) for name in [*files, *folders]):
                with suppress(OSError):  # gone; or a folder that holds newer files
                    if path not in kept and time.time() - path.stat().st_mtime > KEPT:
                        path.rmdir() if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Waits for the picture at hand, then gives no more turns: nothing more is written."""
        self._turns.shutdown(cancel_futures=True)


def write(
    base: Path, names: Collection[str], photograph: np.ndarray, focus_map: np.ndarray, source: Path, warn: Warn
) -> Iterator[tuple[str, Path]]:
    """Writes the map, and renderings but for those that JPEG cannot hold: name and file of each."""
    write_png(file := Path(f"{base}{SUFFIXES['map']}"), focus_map, RESULT)
    yield "map", file
    known = {f"{base}{SUFFIXES[name]}": name for name in names}
    try:
        for file in renderings.write(base, names, photograph, focus_map, source, RESULT):
            yield known[str(file)], file
    except ValueError as error:
        warn(f"{source.name}: {error}")


def write_samples(folder: Path) -> list[Path]:
    """Pictures to try the page on, CC0; none without scikit-image, which a deployment need not have."""
    try:
        from ..sample import photograph
    except ImportError:
        print("no sample pictures on the page: they come with scikit-image")
        return []
    paths = [folder / name for name in ("coffee.png", "chelsea.png")]
    for path in paths:
        write_png(path, photograph(path.stem))
    return paths


def read_upload(path: Path, max_megapixels: float, warn: Warn = warnings.warn):
    """An uploaded picture, H x W x 3 uint8, as imaging.pictures.read_image reads it; its sentences begin with the name.

    Raises:
        TooLarge, ValueError: too large by its header; gone, or not readable; with the file's name, not its folder.
    """
    if not path.is_file():
        raise ValueError(f"{path.name}: no longer here, after {KEPT // 60} minutes; please drop it again")
    height, width = picture_size(path)
    if height * width > max_megapixels * 1e6:
        limit = f"{max_megapixels:g} million pixels, the limit here (--max_megapixels of serve)"
        raise TooLarge(f"{path.name}: {width} x {height} are more than {limit}: make it smaller")
    folder = f"{path.parent}{os.sep}"
    try:
        return read_image(path, warn=lambda text: warn(text.replace(folder, "")))
    except ValueError as error:
        raise ValueError(f"{str(error).replace(folder, '')}: save it anew as JPEG or PNG") from None


def stems_in_zip(paths: list[Path]) -> list[str]:
    """Names without suffix for what is made of each picture: those of the pictures without folders, told apart, so that
    no two files have the same (also where A and a are the same)."""
    stems: list[str] = []
    taken: set[str] = set()
    for path in paths:
        stem = plain(PureWindowsPath(path).stem)  # knows both kinds of slashes
        tries = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        stems.append(next(name for name in tries if not taken & files_in_zip(name)))
        taken |= files_in_zip(stems[-1])
    return stems


def files_in_zip(stem: str) -> set[str]:
    """What files of a picture may be called, where A and a are the same."""
    return {f"{stem}{suffix}".casefold() for suffix in SUFFIXES.values()}


def plain(stem: str) -> str:
    """A name that a ZIP file can hold, and short enough for a file's with a suffix."""
    return stem.encode("utf-8", "replace")[:240].decode("utf-8", "ignore")
