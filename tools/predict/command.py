"""`predict`: focus maps of photographs without ground truth, and what can be made of them."""

import errno
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ...imaging import renderings
from ...imaging.background import read_background
from ...imaging.depth import to_8_bit
from ...imaging.opening import megapixel_limit
from ...imaging.pictures import picture_size, read_image
from ...imaging.resizing import quantised, resize, resize_map
from ...imaging.writing import write_png
from ...predictor import advice_on_shape, chosen_weights, load_model, stack
from ...utils import distributed
from ...utils.command_line import as_typed
from ...utils.files import locked
from ...utils.memory import explain_out_of_memory
from ...utils.photograph_options import RENDERINGS, PredictOptions
from ...utils.progress import bar, cores_of_process
from . import results
from .bursts import columns
from .sorting import sort
from .sources import Source, find_sources
from .streams import check_streams, map_to_output, read_input
from .table import Table

FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)  # the next file would fare no better
TABLE_SECONDS = 60  # between two writings of the table: pictures without a line there are done again
PIXELS = 2**26  # in memory at a time, of all pictures that are read or written; a larger picture is alone


def run(options: PredictOptions) -> int:
    """Writes what is missing, names what failed, and returns the exit status: 1 if anything failed.

    Raises:
        FileNotFoundError, ValueError: no pictures, no weights, sizes that do not work.
        OSError: nothing can be written there any more.
    """
    if not options.paths:
        raise ValueError(f"name photographs before options (`{as_typed('predict photos')}`), or - for standard input")
    if 0 < options.size < 32 or 0 < options.tile < 32:
        raise ValueError("--size and --tile: at least 32 pixels")
    check_streams(options)
    if "-" not in (*options.paths, options.output):
        return _run(options, [], Path(options.output))
    with tempfile.TemporaryDirectory(prefix="ran_") as room:
        listed = read_input(sys.stdin.buffer.read(), options.null, Path(room)) if "-" in options.paths else []
        if options.sort and listed == [str(Path(room, "stdin"))]:
            raise ValueError("--sort is for several photographs: standard input brought one itself, not a list")
        if options.output != "-":
            return _run(options, listed, Path(options.output))
        with map_to_output(Path(room, "map")) as folder:
            return _run(options, listed, folder)


def _run(options: PredictOptions, listed: list[str], output: Path) -> int:
    with megapixel_limit(options.max_megapixels):
        prediction = _Prediction(options, listed, output)
        with locked(output, first=distributed.rank() == 0):
            return prediction.run()


class _Prediction:
    """One run over all pictures: threads read and write them while the network sees others."""

    def __init__(self, options: PredictOptions, listed: list[str], output: Path):
        self.options, self.output = options, output
        self.wanted = [name for name in RENDERINGS if getattr(options, name)]
        self.warned: list[str] = []
        background = read_background(options.background, self.warned.append) if options.background else None
        self.look = renderings.Look(background, options.blur)
        # What is appended to a name for each result, and to its comment.
        self.ends = {".png": ""} | {self.look.suffix(name): self.look.comment(name) for name in self.wanted}
        sources = find_sources(options.paths, listed, output, (*self.ends,), options.exclude, options.follow_links)
        if options.output == "-" and len(sources) > 1:
            raise ValueError(f"--output - is for one picture, not {len(sources)}: name a folder for the maps")
        shared = "LOCAL_RANK" in os.environ  # shares may end hours apart
        self.device: Any = distributed.join(options.device, timedelta(days=7)) if shared else options.device
        weights = chosen_weights(options.model_path, options.engine)
        self.predictor = load_model(weights, self.device, options.amp)
        distributed.check_same("photographs", [source.name for source in sources])
        self.sources, self.share = sources, sources[distributed.rank() :: distributed.size()]
        self.table: Table | None = None
        self.replaced = 0  # pictures whose results were of another file, or made in another way
        how = (options.size, options.tile, options.tta, options.bits, options.depth, options.amp)
        self.way = results.way(sorted(self.predictor.metadata.items(), key=str), how)
        self.failed: list[tuple[str, str]] = []
        self.pixels: dict[Source, int] = {}  # of what is in memory
        self.busy = 0.0  # seconds in the network

    def run(self) -> int:
        if kind := self.options.table or ("csv" if self.options.sort else ""):
            self.table = Table(self.output / f"focus.{kind}", distributed.rank())
        sources = [source for source in self.share if self.options.overwrite or not self._is_done(source)]
        start = self.written_at = time.monotonic()
        try:
            with bar(None, "predicting", len(sources)) if len(sources) > 1 else nullcontext() as self.bar:
                self._flow(sources)
        finally:
            if self.table:
                self.table.write()
        seconds = time.monotonic() - start
        with distributed.explain_lost_processes("what is written is whole, and the same command goes on from there"):
            failed, warned = distributed.gather(self.failed), distributed.gather(self.warned)
            counts: list[float] = [len(sources) - len(self.failed), len(self.share) - len(sources), self.replaced]
            done, skipped, replaced = map(int, distributed.total(counts, self.device))
        if distributed.rank() == 0:
            if self.table:
                self.table.merge()
            there = f"; {skipped} were there already (--overwrite writes them anew)" if skipped else ""
            there += f"; {replaced} had results of another file of their name, or by other options" if replaced else ""
            print(f"{done} picture(s) in {seconds:.1f} s{there}: {self.options.output}")
            if done:
                print(f"the network waited for pictures {1 - self.busy / seconds:.0%} of the time")
        if warned and distributed.rank() == 0:
            print("\n".join(f"warning: {sentence}" for sentence in warned), file=sys.stderr)
        if failed and distributed.rank() == 0:
            lines = "\n".join(f"  {path}: {reason}" for path, reason in failed)
            print(f"{len(failed)} picture(s) failed:\n{lines}", file=sys.stderr)
        if self.table and self.options.sort and distributed.rank() == 0:
            good = [source for source in self.sources if str(source.path) not in dict(failed)]
            rows = [self.table.rows[source.name] for source in good if self.table.has(source)]
            sort(self.options.sort, [row for row in rows if row["rank"]], self.output)  # a file that has gone has none
        return 1 if failed else 0

    def _is_done(self, source: Source) -> bool:
        made = {self.output / f"{source.name}{end}": comment for end, comment in self.ends.items()}
        state = results.state(made, source.path, self.way)
        self.replaced += state == "other"
        return state == "done" and (self.table is None or self.table.has(source))

    def _flow(self, sources: list[Source]) -> None:
        """Main thread: reads ahead what fits in memory, takes it batch by batch through the network, has it written."""
        threads = max(2, cores_of_process())
        ahead = 2 * (threads + self.options.batch_size)
        reading: deque[dict[Source, Future]] = deque()
        writing: deque[tuple[Source, Future]] = deque()
        with ThreadPoolExecutor(threads) as pool:
            try:
                for batch in self._batches(sources):
                    while self.pixels and (
                        sum(self.pixels.values()) + sum(batch.values()) > PIXELS or len(self.pixels) >= ahead
                    ):
                        self._advance(pool, reading, writing)
                    self.pixels |= batch
                    reading.append({source: pool.submit(self._read, source) for source in batch})
                while reading or writing:
                    self._advance(pool, reading, writing)
            finally:
                pool.shutdown(cancel_futures=True)

    def _batches(self, sources: list[Source]) -> Iterator[dict[Source, int]]:
        """Pictures that go through the network together, as many as may be in memory, with their pixels."""
        batch: dict[Source, int] = {}
        for source in sources:
            height, width = picture_size(source.path)
            if batch and (len(batch) == self.options.batch_size or sum(batch.values()) + height * width > PIXELS):
                yield batch
                batch = {}
            batch[source] = height * width
        if batch:
            yield batch

    def _advance(self, pool: ThreadPoolExecutor, reading: deque, writing: deque) -> None:
        """One step: leaves the first picture when it is written, else takes the first batch through the network."""
        if not reading or (writing and writing[0][1].done()):
            source, future = writing.popleft()
            self._result(source, future)
            self._leave(source)
            return
        read = {}
        for source, future in reading.popleft().items():
            if (result := self._result(source, future)) is None:
                self._leave(source)
            else:
                read[source] = result
        maps = self._found([seen for _, seen, _ in read.values()]) if read else []
        for (source, (photograph, _, comment)), found in zip(read.items(), maps):
            writing.append((source, pool.submit(self._write, source, photograph, found, comment)))

    def _read(self, source: Source) -> tuple[np.ndarray, np.ndarray, str]:
        """A thread's work: the photograph, what the network sees of it, and its results' comment."""
        with explain_out_of_memory("a smaller --size, or a smaller picture"):
            comment = results.comment(source.path, self.way)  # before it is read: it may be replaced
            photograph = read_image(source.path, self.options.depth, self.warned.append)
            if not self.options.tile and (advice := advice_on_shape(*photograph.shape[:2])):
                self.warned.append(f"{source.path}: {advice}")
            side = self.options.size or self.predictor.img_size
            return photograph, photograph if self.options.tile else resize(photograph, side, side), comment

    def _found(self, seen: list[np.ndarray]) -> list[np.ndarray]:
        """Probabilities at the network's size; with --tile finished maps."""
        start = time.monotonic()
        with explain_out_of_memory("lower --batch_size or --size"):
            size, tile, tta = self.options.size, self.options.tile, self.options.tta
            if tile:
                maps = [self.predictor.levels(photograph, size, tile, tta, self.options.bits) for photograph in seen]
            else:
                maps = [*self.predictor.probabilities(stack(seen), tta)]
        self.busy += time.monotonic() - start
        return maps

    def _write(self, source: Source, photograph: np.ndarray, found: np.ndarray, comment: str) -> None:
        """A thread's work: the files of one picture, the map first: it is there whatever becomes of the others."""
        with explain_out_of_memory("fewer results at a time, or a smaller picture"):
            size, base = photograph.shape[:2], self.output / source.name
            focus_map = found if self.options.tile else quantised(resize_map(found, size), self.options.bits)
            write_png(Path(f"{base}.png"), focus_map, comment)
            focus_map = to_8_bit(focus_map, 16) if self.options.bits == 16 else focus_map
            if self.table:
                row = renderings.numbers(small := renderings.shrunk(photograph), focus_map, size)
                self.table.add(source.name, {"picture": str(source.path), **row, **columns(small, source.path)})
            for _ in renderings.write(base, self.wanted, photograph, focus_map, source.path, comment, self.look):
                pass

    def _result(self, source: Source, future: Future) -> Any:
        """What a thread made of a picture; None where it failed, which is noted.

        Raises:
            OSError: nothing can be written any more.
        """
        try:
            return future.result()
        except (ValueError, OSError) as error:
            if (number := getattr(error, "errno", None)) in FATAL:
                reason = f"nothing more can be written ({os.strerror(number)}); what is written is whole"
                raise OSError(f"{self.output}: {reason}, and the same command goes on from there") from None
            self.failed.append((str(source.path), str(error).removeprefix(f"{source.path}: ")))
            return None

    def _leave(self, source: Source) -> None:
        """A picture is done, or failed."""
        del self.pixels[source]
        if self.bar:
            self.bar.update()
        if self.table and time.monotonic() - self.written_at > TABLE_SECONDS:
            self.table.write()
            self.written_at = time.monotonic()
