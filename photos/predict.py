"""`predict`: focus maps of images, and renderings and numbers made of them."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path

import numpy as np

from ..data.images import write_image
from ..predictor import Predictor, advice_on_shape, chosen_weights
from ..utils import distributed
from ..utils.files import check_writable
from ..utils.picture_names import is_picture
from ..utils.progress import bar, cores_of_process, in_order
from .formats import Photo, read_photo
from .metadata import read_metadata
from .onnx import load_model
from .options import PredictOptions
from .renderings import colour_of, render, suffix_of
from .sharpness import numbers
from .sources import SUFFIXES, Search, Source
from .table import Table

TABLE_SECONDS = 60  # between two writings of the table
STALE = "it was older than the new map"
LARGE = 2**26  # pixels of an image from which its renderings are made one by one, to save memory


def run(options: PredictOptions) -> int:
    """Writes the results that are missing or older than their image. Returns 1 if an image failed, else 0.

    Raises:
        FileNotFoundError, ValueError: no images, no weights, options that do not work.
        OSError: the results cannot be written.
    """
    if not options.paths:
        raise ValueError("name images before the options: files, folders or patterns")
    output = Path(options.output)
    if is_picture(output) and not output.is_dir():  # a file for the map of one image
        search = Search(options.paths, Path(os.devnull))
        if output.suffix != ".png" or len(search.sources) > 1:
            raise ValueError(f"-o {output}: name a folder, or a .png file for one image, not {len(search.sources)}")
        if output.exists() and output.samefile(search.sources[0].path):
            raise ValueError(f"-o {output} is the image itself: choose another name")
        sources, shared = [Source(search.sources[0].path, output.stem)], []
        prediction = Prediction(options, output.parent, owns_folder=False)
    else:
        search = Search(options.paths, output)
        sources, shared = search.sources, search.shared
        prediction = Prediction(options, output)
    sources, start = sources[int(os.environ.get("RANK", 0)) :: int(os.environ.get("WORLD_SIZE", 1))], time.monotonic()
    several = "several images have this name now"
    for name in shared:
        prediction.remove(name, SUFFIXES, several)
    prediction.drop_rows(shared, several)
    todo = [source for source in sources if options.overwrite or not prediction.is_done(source)]
    try:
        # At once: a run that is killed leaves no row of an earlier image.
        prediction.drop_rows([source.name for source in todo], STALE, options.table)
        prediction.predict(todo)
    finally:
        prediction.write_table()
    if not options.quiet:
        print(f"{len(todo) - len(prediction.failed)} image(s) in {time.monotonic() - start:.1f} s: {options.output}")
        if done := len(sources) - len(todo):
            print(f"{done} image(s) skipped: their results are up to date (--overwrite writes them again)")
        print(end=search.left_out())
    for sentence in prediction.warned:
        print(f"warning: {sentence}", file=sys.stderr)
    if prediction.failed:
        print(f"{len(prediction.failed)} image(s) failed:", *prediction.failed, sep="\n  ", file=sys.stderr)
    if "LOCAL_RANK" in os.environ:  # torchrun ends the other processes at the first exit status that is not 0
        distributed.join("cpu", timedelta(days=1))
        distributed.gather([])
    return 1 if prediction.failed else 0


class Prediction:
    """One run: threads read the next image and write the last ones while the network sees another.

    Args:
        owns_folder: whether the output folder holds results alone, so that stale ones in it are removed.

    Attributes:
        warned: sentences about what may be wrong.
        failed: images without results, each with the reason.
    """

    def __init__(
        self, options: PredictOptions, output: Path, predictor: Predictor | None = None, owns_folder: bool = True
    ):
        self.options, self.output, self.owns_folder = options, output, owns_folder
        self.look = (options.background and colour_of(options.background), options.blur)
        self.suffixes = {name: suffix_of(name, options.background) for name in options.renderings}
        self.ends = (".png", *self.suffixes.values())
        self.warned: list[str] = []
        self.failed: list[str] = []
        check_writable(output)
        self.predictor = predictor or load_model(
            chosen_weights(options.model_path, options.quiet), options.device, options.amp
        )
        kinds = ("csv", "json") if owns_folder else [options.table] * bool(options.table)
        self.tables = {kind: Table(output / f"focus.{kind}") for kind in kinds}
        self._written = time.monotonic()

    def is_done(self, source: Source) -> bool:
        """Whether every result is there and newer than the image."""
        if self.options.table and source.name not in self.tables[self.options.table].rows:
            return False
        try:
            made = source.path.stat().st_mtime_ns
            return all((self.output / f"{source.name}{end}").stat().st_mtime_ns > made for end in self.ends)
        except OSError:  # a result is missing; a missing image is named when it is read
            return False

    def drop_rows(self, names: list[str], why: str, made_anew: str = "") -> None:
        """Removes rows, and says so, but for those of the table that gets new ones."""
        for kind, table in self.tables.items():
            dropped = [name for name in names if name in table.rows]
            table.change(dict.fromkeys(dropped))
            table.write()
            if kind != made_anew:
                self.warned += [f"{table.path}: row {name} removed, {why}" for name in dropped]

    def remove(self, name: str, suffixes: Iterable[str], why: str) -> None:
        """Removes files of a name, and says so."""
        for path in (self.output / f"{name}{suffix}" for suffix in sorted(suffixes)):
            if path.exists():
                path.unlink(missing_ok=True)
                self.warned.append(f"{path}: removed, {why}")

    def predict(self, sources: list[Source]) -> None:
        """Reads, predicts and writes every image."""
        writing: deque[tuple[Source, list[Future]]] = deque()
        threads = max(2, cores_of_process())  # and so many images in memory before the network, and behind it
        with ThreadPoolExecutor(threads) as pool:
            photos = in_order(pool, self._read, ((source,) for source in sources), threads)
            shown = bar(sources, "predicting", unit="image", disable=self.options.quiet or len(sources) < 2)
            for source, photo in zip(shown, photos):
                if isinstance(photo, Photo):
                    focus_map = self.predictor.levels(photo.pixels, self.options.size, self.options.tile)
                    writing.append((source, futures := []))
                    for job in self._jobs(source, photo, focus_map):
                        futures.append(pool.submit(job))
                        if focus_map.size > LARGE:
                            wait(futures)
                else:
                    self._fail(source, photo)
                while len(writing) > threads or (writing and source is sources[-1]):
                    self._settle(*writing.popleft())

    def _read(self, source: Source) -> Photo | Exception:
        try:
            photo = read_photo(source.path, self.warned.append)
        except (ValueError, MemoryError) as error:
            return error
        if not self.options.tile and (advice := advice_on_shape(*photo.pixels.shape[:2])):
            self.warned.append(f"{source.path}: {advice}")
        return photo

    def _jobs(self, source: Source, photo: Photo, focus_map: np.ndarray) -> list[Callable[[], None]]:
        """What is left to do for an image, each the work of a thread."""
        # Other files of this name would be of an earlier image, or of an earlier map.
        if self.owns_folder:
            self.remove(source.name, set(SUFFIXES) - {*self.ends}, STALE)
        metadata = read_metadata(source.path) if self.suffixes else {}

        def draw(name: str) -> Callable[[], None]:
            path = self.output / f"{source.name}{self.suffixes[name]}"
            return lambda: write_image(path, render(name, photo, focus_map, *self.look), metadata)

        def add_row() -> None:
            row = {"name": source.name, "image": str(source.path), **numbers(photo.pixels, focus_map)}
            self.tables[self.options.table].change({source.name: row})

        write_map = [lambda: write_image(self.output / f"{source.name}.png", focus_map)]
        return write_map + [draw(name) for name in self.suffixes] + [add_row] * bool(self.options.table)

    def _settle(self, source: Source, futures: list[Future]) -> None:
        """Waits for the files of an image. Raises OSError: they cannot be written."""
        try:
            for future in futures:
                future.result()
        except (ValueError, MemoryError) as error:
            self._fail(source, error)
        if time.monotonic() - self._written > TABLE_SECONDS:
            self.write_table()

    def _fail(self, source: Source, error: Exception) -> None:
        self.failed.append(f"{source.path}: {str(error).removeprefix(f'{source.path}: ') or 'not enough memory'}")

    def write_table(self) -> None:
        """Writes the rows so far."""
        for table in self.tables.values():
            table.write()
        self._written = time.monotonic()
