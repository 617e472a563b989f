"""`predict`: focus maps of images, and renderings and numbers made of them."""

import csv
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image

from ..data.images import write_image
from ..data.names import is_image
from ..predictor import Predictor, advice_on_shape, chosen_weights
from ..utils.files import check_writable, write_bytes, write_csv
from ..utils.progress import bar, cores_of_process, in_order
from .formats import Photo, read_metadata, read_photo
from .onnx import load_model
from .options import RENDERINGS, SUFFIXES, PredictOptions
from .renderings import render
from .sharpness import numbers
from .sources import Source, find_images

TABLE_SECONDS = 60  # between two writings of the table
LARGE = 2**26  # pixels of an image from which its files are made one by one, to save memory


def run(options: PredictOptions) -> int:
    """Writes the results that are missing or older than their image. Returns 1 if an image failed, else 0."""
    Image.core.set_block_size(2**26)  # bytes; malloc keeps smaller blocks, as Pillow's own, when an image is freed
    output, start = Path(options.output), time.monotonic()
    if is_image(output) and not output.is_dir():
        raise ValueError(f"--output {output}: name a folder; each map in it has the name of its image")
    sources, skipped = find_images(options.paths, output)
    sources = sources[int(os.environ.get("RANK", 0)) :: int(os.environ.get("WORLD_SIZE", 1))]
    predictor = load_model(chosen_weights(options.model_path, options.quiet), options.device)
    prediction = Prediction(options, output, predictor)
    todo = [source for source in sources if options.overwrite or not prediction.is_done(source)]
    prediction.predict(todo)
    if not options.quiet:
        print(f"{len(todo) - len(prediction.failed)} image(s) in {time.monotonic() - start:.1f} s: {output}")
        if done := len(sources) - len(todo):
            print(f"{done} image(s) skipped: their results are newer (after a change of options: --overwrite)")
        print(end=skipped)
    for sentence in sorted(prediction.warned):
        print(f"warning: {sentence}", file=sys.stderr)
    if prediction.failed:
        print(f"{len(prediction.failed)} image(s) failed:", *sorted(prediction.failed), sep="\n  ", file=sys.stderr)
    if "LOCAL_RANK" in os.environ:  # torchrun ends the other processes at the first exit status that is not 0
        from ..utils import distributed  # which needs PyTorch, as torchrun does

        distributed.join("cpu", timedelta(days=1))
        distributed.gather([])
    return 1 if prediction.failed else 0


class Prediction:
    """One run into a folder of results: threads read the next image and write the last ones beside the network.

    `warned` holds sentences about what may be wrong, `failed` the images without results, each with the reason.
    """

    def __init__(self, options: PredictOptions, output: Path, predictor: Predictor):
        self.options, self.output, self.predictor = options, output, predictor
        self.kinds = ["map", *(kind for kind in RENDERINGS if getattr(options, kind))]
        self.warned, self.failed = list[str](), list[str]()
        check_writable(output)
        self.table = Table(output, options.table)

    def is_done(self, source: Source) -> bool:
        """Whether every result is there and newer than the image."""
        with suppress(OSError):  # a result is missing; a missing image is named when it is read
            dates = [self._file(source, kind).stat().st_mtime_ns for kind in self.kinds]
            has_row = all(source.name in rows for rows in self.table.rows.values())
            return has_row and min(dates) > source.path.stat().st_mtime_ns
        return False

    def predict(self, sources: list[Source]) -> None:
        """Reads, predicts and writes every image; rows of earlier images go at once, so that a kill leaves none."""
        self.table.changes |= {source.name: None for source in sources}
        self.table.write()
        threads = max(2, cores_of_process())  # and so many images in memory before the network, and behind it
        shown = bar(sources, "predicting", unit="image", disable=self.options.quiet or len(sources) < 2)
        levels = partial(self.predictor.levels, tile=self.options.tile)
        self.drawers = many, one = ThreadPoolExecutor(threads), ThreadPoolExecutor(1)
        try:
            with many, one, ThreadPoolExecutor(threads) as pool:
                photos = zip(shown, in_order(pool, self._read, ((source,) for source in sources), threads))
                calls = ((source, photo, levels(photo.pixels)) for source, photo in photos if photo)
                for _ in in_order(pool, self._write, calls, threads):
                    self.table.write(TABLE_SECONDS)
        finally:
            self.table.write()

    def _file(self, source: Source, kind: str) -> Path:
        return self.output / f"{source.name}{SUFFIXES[kind]}"

    def _read(self, source: Source) -> Photo | None:
        try:
            photo = read_photo(source.path)
        except (ValueError, MemoryError) as error:
            self._fail(source, error)
            return None
        if not self.options.tile and (advice := advice_on_shape(*photo.pixels.shape[:2])):
            self.warned.append(f"{source.shown}: {advice}")
        return photo

    def _write(self, source: Source, photo: Photo, focus_map: np.ndarray) -> None:
        """Writes an image's files, and adds its row to tables. Raises OSError: they cannot be written."""

        def draw(kind: str) -> None:
            about = {} if kind == "map" else metadata
            # The rendering has no name here: write_image frees it as soon as it has converted it.
            write_image(self._file(source, kind), render(kind, photo, focus_map, self.options.blur), about)

        try:
            for kind in SUFFIXES.keys() - self.kinds:
                if (path := self._file(source, kind)).exists():
                    path.unlink()
                    self.warned.append(f"{path}: removed, it was older than the new map")
            metadata = read_metadata(source.path) if len(self.kinds) > 1 else {}
            drawn = self.drawers[focus_map.size > LARGE].map(draw, self.kinds)
            if self.table.rows:
                row = {"name": source.name, "image": source.shown, **numbers(photo.pixels, focus_map)}
                self.table.changes[source.name] = row
            list(drawn)  # waits for the files
        except (ValueError, MemoryError) as error:
            self._fail(source, error)

    def _fail(self, source: Source, error: Exception) -> None:
        reason = str(error).removeprefix(f"{source.path}: ") or "not enough memory"
        self.failed.append(f"{source.shown}: {reason}")


class Table:
    """Numbers of images in OUTPUT/focus.csv or focus.json. Runs and processes at the same time may share the file.

    `changes` holds rows by name for write(); None removes a row. A table of an earlier run is kept up to date, too.
    """

    def __init__(self, output: Path, kind: str):
        known = {path: _read(path) for path in (output / "focus.csv", output / "focus.json")}
        self.rows = {path: rows for path, rows in known.items() if rows or path.suffix == f".{kind}"}
        self.changes: dict[str, dict | None] = {}
        self._time = time.monotonic()

    def write(self, seconds: float = 0) -> None:
        """Puts the changes into the file, if so many seconds have passed since the last time."""
        if not self.changes or time.monotonic() - self._time < seconds:
            return
        self._time = time.monotonic()
        for path in self.rows:
            with FileLock(path.with_name(f".{path.name}.lock")):
                rows = [row for _, row in sorted((_read(path) | self.changes).items()) if row]
                if path.suffix == ".json":
                    write_bytes(path, json.dumps(rows, indent=2).encode())
                else:
                    write_csv(path, rows, encoding="utf-8-sig")


def _read(path: Path) -> dict[str, dict]:
    """Rows by name. Raises ValueError: the file holds no such table."""
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
            rows = json.load(file) if path.suffix == ".json" else list(csv.DictReader(file))
        if all(isinstance(row["name"], str) for row in rows):
            return {row["name"]: row for row in rows}
        raise ValueError("a row without a name")
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: not a table of an earlier run ({error!r}): move it away") from None
