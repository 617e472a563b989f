"""`predict`: focus maps of photographs without ground truth, and what can be made of them."""

import errno
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ...imaging import renderings
from ...imaging.pictures import picture_size, read_image, read_profile, write_picture, write_png
from ...imaging.renderings import shrunk
from ...imaging.resizing import quantised, resize, resize_map
from ...predictor import SHIPPED, Predictor, chosen_weights, load_model, stack
from ...utils import distributed
from ...utils.files import locked
from ...utils.memory import Budget, shortage_told
from ...utils.options import PredictOptions
from ...utils.progress import cores_of_process
from .sources import Source, find_sources
from .table import Table

RENDERINGS = {"overlay": ".overlay.jpg", "cutout": ".cutout.png", "bokeh": ".bokeh.jpg"}
FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)  # the next file would fare no better
TABLE_SECONDS = 60  # between two writings of the table: pictures without a line there are done again
PIXELS = 2**26  # decoded at a time, by all threads together; a larger picture is alone


def run(options: PredictOptions) -> int:
    """Writes what is missing, names what failed, and returns the exit status: 1 if anything failed.

    Raises:
        FileNotFoundError, ValueError: no pictures, no weights, sizes that do not work.
        OSError: nothing can be written there any more.
    """
    if not options.paths:
        raise ValueError("name photographs, folders of them, or - for a list on standard input")
    if 0 < options.size < 32 or 0 < options.tile < 32:
        raise ValueError("--size and --tile: at least 32 pixels")
    output = Path(options.output)
    suffixes = (".png", *(suffix for name, suffix in RENDERINGS.items() if getattr(options, name)))
    if "-" in options.paths and "LOCAL_RANK" in os.environ:
        raise ValueError("- is one list for one process: name folders or patterns under torchrun")
    sources = find_sources(options.paths, sys.stdin if "-" in options.paths else (), output, suffixes)
    prediction = _Prediction(options, sources, suffixes)
    with locked(output, first=distributed.rank() == 0):
        return prediction.run()


class _Full(OSError):
    """Nothing more can be written."""


class _Prediction:
    """One run over all pictures: readers, the network and writers work at the same time."""

    def __init__(self, options: PredictOptions, sources: list[Source], suffixes: tuple[str, ...]):
        self.options, self.output = options, Path(options.output)
        self.suffixes = suffixes
        self.device = distributed.join(options.device, timedelta(days=7))  # shares may end hours apart
        self.predictor = load(options, self.device)
        self.side = options.size or self.predictor.img_size
        distributed.check_same("photographs", [source.name for source in sources])
        self.share = sources[distributed.rank() :: distributed.size()]
        self.table: Table | None = None
        self.failed: list[tuple[str, str]] = []
        self.waited = 0.0

    def run(self) -> int:
        if self.options.table:
            self.table = Table(self.output / f"focus.{self.options.table}", distributed.rank())
        self.sources = [source for source in self.share if self.options.overwrite or not self._is_done(source)]
        skipped = len(self.share) - len(self.sources)
        self.budget = Budget(PIXELS)
        threads = max(2, cores_of_process())
        self.ahead = 2 if self.options.tile else threads + self.options.batch_size
        start = time.monotonic()
        self.written_at = time.monotonic()
        with ThreadPoolExecutor(threads) as readers, ThreadPoolExecutor(threads) as writers:
            try:
                with tqdm(total=len(self.sources), unit="picture", desc="predicting") as bar:
                    self._flow(readers, writers, bar)
            finally:
                for pool in (readers, writers):
                    pool.shutdown(cancel_futures=True)
                if self.table:
                    self.table.write()
        seconds = time.monotonic() - start
        with distributed.losses_told("what is written is whole, and the same command goes on from there"):
            failed = distributed.gather(self.failed)
            done, there = distributed.total([len(self.sources) - len(self.failed), skipped], self.device)
        if distributed.rank() == 0:
            if self.table:
                self.table.merge()
            self._report(seconds, int(done), int(there), failed)
        return 1 if failed else 0

    def _report(self, seconds: float, done: int, skipped: int, failed: list[tuple[str, str]]) -> None:
        there = f"; {skipped} were there already (--overwrite writes them anew)" if skipped else ""
        print(f"{done} picture(s) in {seconds:.1f} s{there}: {self.output}")
        if self.sources:
            print(f"the network waited for pictures {self.waited / seconds:.0%} of the time")
        if failed:
            lines = "\n".join(f"  {path}: {reason}" for path, reason in failed)
            print(f"{len(failed)} picture(s) failed:\n{lines}", file=sys.stderr)

    def _is_done(self, source: Source) -> bool:
        """Whether all its results are there, and no older than the picture; it may be another one of that name."""
        results = [self.output / f"{source.name}{suffix}" for suffix in self.suffixes]
        try:
            made = source.path.stat().st_mtime
            if any(result.stat().st_mtime < made for result in results):
                return False
        except OSError:  # not there
            return False
        return not self.table or self.table.rows.get(source.name, {}).get("picture") == str(source.path)

    def _flow(self, readers: ThreadPoolExecutor, writers: ThreadPoolExecutor, bar: Any) -> None:
        """Main thread: takes what was read, batch by batch, through the network, and hands it to the writer."""
        writing: deque[tuple[Source, Future[None]]] = deque()
        for batch in self._batches(readers, bar):
            results = self._maps([read for _, read in batch])
            for (source, read), probability in zip(batch, results):
                writing.append((source, writers.submit(self._write, source, read, probability)))
            while writing and (len(writing) > self.ahead or writing[0][1].done()):
                self._finish(*writing.popleft(), bar)
        while writing:
            self._finish(*writing.popleft(), bar)

    def _batches(self, readers: ThreadPoolExecutor, bar: Any) -> Iterator[list[tuple[Source, dict]]]:
        """Batches of pictures in order, read ahead; broken ones are noted and left out."""
        waiting: deque[tuple[Source, Future[dict[str, Any]]]] = deque()
        coming, batch = iter(self.sources), []
        while True:
            while len(waiting) < self.ahead and (source := next(coming, None)):
                waiting.append((source, readers.submit(self._read, source)))
            if not waiting:
                break
            source, future = waiting.popleft()
            start = time.monotonic()
            try:
                read = future.result()
            except ValueError as error:
                self._fail(source, error, bar)
                continue
            finally:
                self.waited += time.monotonic() - start
            batch.append((source, read))
            if len(batch) == self.options.batch_size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _read(self, source: Source) -> dict[str, Any]:
        """Reader's thread: what the network and the table want of a picture, and its size (height, width)."""
        height, width = picture_size(source.path)
        with self.budget.taken(height * width), shortage_told("a smaller --size, or a smaller picture"):
            image = read_image(source.path)
            seen = image if self.options.tile else resize(image, self.side, self.side)
            read = {"size": image.shape[:2], "image": seen}
            return read | ({"small": shrunk(image)} if self.table else {})

    def _maps(self, batch: list[dict]) -> "list[np.ndarray]":
        images = [read.pop("image") for read in batch]
        with shortage_told("lower --batch_size or --size"):
            if self.options.tile:
                return [self.predictor(image, self.side, self.options.tile, self.options.tta) for image in images]
            return list(self.predictor.probabilities(stack(images), self.options.tta))

    def _write(self, source: Source, read: dict, probability: "np.ndarray") -> None:
        """Writer's thread: the files of one picture, the map last."""
        size = read["size"]
        try:
            with self.budget.taken(size[0] * size[1]), shortage_told("fewer results at a time, or a smaller picture"):
                focus_map = resize_map(probability, size)
                wanted = [name for name in RENDERINGS if getattr(self.options, name)]
                if wanted:
                    photograph, profile = read_image(source.path), read_profile(source.path)
                for name in wanted:
                    picture = getattr(renderings, name)(photograph, focus_map)
                    write_picture(self.output / f"{source.name}{RENDERINGS[name]}", picture, profile)
                write_png(self.output / f"{source.name}.png", quantised(focus_map, self.options.bits))
                if self.table:
                    small_map = resize_map(probability, read["small"].shape[:2])
                    row = renderings.numbers(read["small"], small_map, size)
                    self.table.add(source.name, {"picture": str(source.path)} | row)
        except OSError as error:
            if error.errno in FATAL:
                reason = f"nothing more can be written ({os.strerror(error.errno)})"
                left = "what is written is whole, and the same command goes on from there"
                raise _Full(f"{self.output}: {reason}; {left}") from None
            raise

    def _finish(self, source: Source, future: Future[None], bar: Any) -> None:
        try:
            future.result()
        except _Full:
            raise
        except (ValueError, OSError) as error:
            self._fail(source, error, bar)
        else:
            bar.update()
        if self.table and time.monotonic() - self.written_at > TABLE_SECONDS:
            self.table.write()
            self.written_at = time.monotonic()

    def _fail(self, source: Source, error: Exception, bar: Any) -> None:
        self.failed.append((str(source.path), str(error).removeprefix(f"{source.path}: ")))
        bar.update()


def load(options: PredictOptions, device: Any) -> "Predictor":
    """The predictor that the options ask for.

    Raises:
        FileNotFoundError, ValueError: no such weights; an engine that does not fit them.
    """
    path = chosen_weights(options.model_path, SHIPPED.with_suffix(".onnx") if options.engine == "onnx" else SHIPPED)
    if (options.engine == "onnx") != (path.suffix == ".onnx"):
        raise ValueError(f"--engine {options.engine} does not take {path}: .onnx files and --engine onnx go together")
    return load_model(path, device, options.amp)
