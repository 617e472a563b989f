"""What the page of `serve` does with uploads."""

import itertools
import os
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from ...imaging import renderings
from ...imaging.depth import Warn
from ...imaging.pictures import megapixel_limit, picture_size, read_image
from ...imaging.resizing import quantised
from ...imaging.writing import png, write_png
from ...predictor import Predictor
from ...utils.tool_options import RENDERINGS, ServeOptions
from ..predict.results import RESULT

# What the page shows beside the map.
FILES = {name: rendering for name, rendering in RENDERINGS.items() if rendering.label}
KEPT = 600  # uploads and results are deleted when they are so old, seconds


class Session:
    """What the page's controls do: one picture at a time, in the order they come, with all files in one folder."""

    def __init__(self, predictor: "Predictor", folder: Path, options: ServeOptions):
        self.predictor, self.folder, self.options = predictor, folder, options
        self.samples = write_samples(folder / "samples")
        self._turns = ThreadPoolExecutor(1)  # a lock would let a batch take it again and again
        self._batches: list[list[Path]] = []  # what waits in them

    def analyse(self, path: Path, warn: Warn = warnings.warn) -> tuple:
        """Everything there is to see of one picture; ValueError and warnings as read_upload.

        Returns:
            To look at, the longer side at most 1024 pixels: the pair photograph and overlay, map, and FILES; the
            numbers as a Markdown table; the files of the map and of FILES at the picture's size.
        """
        return self._in_turn(self._analyse, path, warn)

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

    def _analyse(self, path: Path, warn: Warn) -> tuple:
        photograph, focus_map = self._map(path, warn)
        small, small_map = renderings.shrunk(photograph), renderings.shrunk(focus_map)
        grey = quantised(focus_map)
        name = Path(tempfile.mkdtemp(dir=self.folder)) / plain(path.stem)
        shown, files = [renderings.shrunk(grey)], [Path(f"{name}.png")]
        write_png(files[0], grey, RESULT)
        for file, picture in renderings.write(name, FILES, photograph, focus_map, path, RESULT):
            shown.append(renderings.shrunk(picture))
            files.append(file)
        numbers = table(path.name, renderings.numbers(small, small_map, focus_map.shape))
        return (small, renderings.overlay(small, small_map)), *shown, numbers, *files

    def _map(self, path: Path, warn: Warn) -> tuple[np.ndarray, np.ndarray]:
        """Photograph and focus map of an upload."""
        with megapixel_limit(max(179, self.options.max_megapixels)):
            photograph = read_upload(path, self.options.max_megapixels, warn)
        return photograph, self.predictor(photograph, self.options.size)

    def batch(self, paths: list[Path], progress=iter) -> tuple[str | None, list[list[str]]]:
        """Maps of many pictures, in one ZIP file; `progress` goes through a list and may show how far it is.

        Others have their turns between two of the pictures.

        Returns:
            The file, None where no picture was readable; and for each picture its name and what became of it.
        """
        rows = []
        archive = Path(tempfile.mkdtemp(dir=self.folder)) / "focus_maps.zip"
        self._batches.append(batch := [archive, *paths])
        try:
            with zipfile.ZipFile(archive, "w") as maps:
                for path, name in progress(list(zip(paths, names_in_zip(paths)))):
                    what = self._in_turn(self._add, path, name, maps)
                    rows.append([path.name, what.removeprefix(f"{path.name}: ")])
        finally:
            self._batches.remove(batch)
        return str(archive) if maps.namelist() else None, rows

    def _add(self, path: Path, name: str, maps: zipfile.ZipFile) -> str:
        """Adds a picture's map to a ZIP file; its name there, or why there is none."""
        doubts: list[str] = []
        try:
            focus_map = quantised(self._map(path, doubts.append)[1])
        except ValueError as error:
            return str(error)
        maps.writestr(name, png(focus_map, RESULT))
        return "; ".join([name, *doubts])

    def sweep(self) -> None:
        """Deletes old uploads and results, but not what a batch still needs."""
        self._in_turn(self._sweep)

    def _sweep(self) -> None:
        kept = {*self.samples, *(path for batch in [*self._batches] for path in batch)}
        for path in sorted(self.folder.rglob("*"), reverse=True):  # a folder after what is in it
            with suppress(OSError):  # Gradio moves files, too; a folder may hold newer ones
                if path not in kept and time.time() - path.stat().st_mtime > KEPT:
                    path.rmdir() if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Waits for the picture at hand, then gives no more turns: nothing more is written."""
        self._turns.shutdown(cancel_futures=True)


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
        ValueError: gone, too large by its header, or not readable; with the file's name, but not its folder.
    """
    if not path.is_file():
        raise ValueError(f"{path.name}: no longer here, after {KEPT // 60} minutes; please drop it again")
    height, width = picture_size(path)
    if height * width > max_megapixels * 1e6:
        raise ValueError(f"{path.name}: {width} x {height} are more than {max_megapixels:g} million pixels")
    folder = f"{path.parent}{os.sep}"
    try:
        return read_image(path, warn=lambda text: warn(text.replace(folder, "")))
    except ValueError as error:
        raise ValueError(str(error).replace(folder, "")) from None


def names_in_zip(paths: list[Path]) -> list[str]:
    """Names for the maps: those of the pictures without folders, told apart (also where A and a are the same)."""
    names: dict[str, str] = {}
    for path in paths:
        stem = plain(PureWindowsPath(path).stem)  # knows both kinds of slashes
        tries = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        name = next(name for name in tries if name.casefold() not in names)
        names[name.casefold()] = f"{name}.png"
    return list(names.values())


def plain(stem: str) -> str:
    """A name that a ZIP file can hold, and short enough for a file's with a suffix."""
    return stem.encode("utf-8", "replace")[:240].decode("utf-8", "ignore")


def table(name: str, row: dict) -> str:
    """What imaging.renderings.numbers says of a picture, as a Markdown table."""
    rows = {name: "", "---": "---:", "size": f"{row['width']} × {row['height']}", "in focus": f"{row['in_focus']:.1%}"}
    if row["in_focus"]:
        rows["its centre"] = f"{row['centre_x']:.0f}, {row['centre_y']:.0f}"
        rows["its box"] = f"{row['left']}, {row['top']} to {row['right']}, {row['bottom']}"
    rows |= {"decidedness": f"{row['decidedness']:.2f}", "sharpness": f"{row['sharpness']:.2f}"}
    return "\n".join(f"| {what} | {value} |" for what, value in rows.items())
