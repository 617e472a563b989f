"""`video`: each frame through the network, and what is drawn of it into a new video."""

import math
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np

from ...imaging import renderings
from ...imaging.background import read_background
from ...imaging.resizing import quantised, resize, resize_map
from ...predictor import chosen_weights, load_model, stack
from ...utils.files import atomic, locked, write_csv
from ...utils.interruption import StopSignals
from ...utils.memory import explain_out_of_memory
from ...utils.photograph_options import VideoOptions
from ...utils.progress import bar, cores
from .reading import Camera, Clip, Frame
from .smoothing import Smoother
from .writing import Film, codec_for

AHEAD = 4  # frames at most that are drawn while the network sees the next one: all are in memory


def run(options: VideoOptions) -> int:
    """Writes the video whole, or nothing; returns the exit status: 1 if parts of the source could not be read.

    Raises:
        FileNotFoundError, ValueError: no such video or camera, no weights, options that do not go together.
        OSError: it cannot be written there.
    """
    if len(options.paths) != 1:
        raise ValueError("name one video, or the number of a camera, as in `video 0`")
    (word,) = options.paths
    if not word.isdecimal() or Path(word).exists():
        with closing(Clip(Path(word))) as source:
            return _Work(options, source).run()
    with StopSignals() as stop, closing(Camera(int(word), stop)) as camera:
        return _Work(options, camera).run()


class _Work:
    """One video, from its first frame to its last."""

    def __init__(self, options: VideoOptions, source: Clip | Camera):
        self.options, self.source = options, source
        self.warned: list[str] = []
        background = read_background(options.background, self.warned.append) if options.background else None
        self.look = renderings.Look(background, options.blur)
        middle, _, kind = (".jpg" if options.show == "map" else self.look.suffix(options.show)).rpartition(".")
        transparent = kind == "png"
        self.output = Path(options.output)
        if self.output.is_dir() or not self.output.suffix:
            self.output /= f"{source.name}{middle}{'.webm' if transparent else '.mp4'}"
        codec_for(self.output, transparent)
        self.table = self.output.with_suffix(".frames.csv") if options.table else None
        if source.path and self.output.exists() and self.output.samefile(source.path):
            raise ValueError(f"{self.output} would be written over the video itself: choose another --output")
        for path in filter(None, (self.output, self.table)):
            if path.exists() and not options.overwrite:
                raise ValueError(f"{path}: is there already: --overwrite replaces it")
        self.predictor = load_model(chosen_weights(options.model_path, options.engine), options.device, options.amp)
        self.side = options.size or self.predictor.img_size
        self.smoother = Smoother() if options.smooth else None
        self.rows: list[dict[str, Any]] = []
        self.count, self.busy = 0, 0.0  # frames, and seconds in the network

    def run(self) -> int:
        start = time.monotonic()
        with locked(self.output.parent):
            with atomic(self.output) as temporary, temporary.open("wb") as file:
                notes = self._write(file)
            if self.table:
                write_csv(self.table, self.rows)
        seconds = time.monotonic() - start
        print(
            f"{self.count} frame(s) in {seconds:.1f} s, {self.count / seconds:.1f} a second "
            f"({self.count / self.busy:.1f} in the network alone): {self.output}"
        )
        of_source = [f"{self.source.path or self.source.name}: {text}" for text in (*self.source.problems, *notes)]
        for sentence in self.warned + of_source:
            print(f"warning: {sentence}", file=sys.stderr)
        return 1 if self.source.problems else 0

    def _write(self, file: BinaryIO) -> list[str]:
        """All frames into a file; sentences on what became of its other tracks."""
        drawn = self._drawn()
        if not (first := next(drawn, None)):
            raise ValueError(f"{self.source.name}: it was ended before the first frame")
        total = min(filter(None, (self.options.frames, self.source.total)), default=None)
        try:
            with (
                closing(Film(file, self.output, self.source, *first)) as film,
                bar(None, "predicting", total, "frame") as progress,
            ):
                for frame, picture in chain([first], drawn):
                    film.write(frame, picture)
                    self.count += 1
                    progress.update()
                film.finish(frame.end if self.options.frames else math.inf)
                return film.notes
        except av.FFmpegError as error:
            if isinstance(error, OSError):  # a full disk, say
                raise
            raise ValueError(f"{self.output}: cannot be written ({error.strerror})") from None

    def _drawn(self) -> Iterator[tuple[Frame, np.ndarray]]:
        """Frames and what is shown of them, in order; threads draw some while the network sees the next."""
        waiting: deque[tuple[Frame, Future]] = deque()
        with ThreadPoolExecutor(min(AHEAD, cores())) as pool:
            for frame in islice(self.source, self.options.frames or None):
                waiting.append((frame, pool.submit(self._draw, frame, self._probability(frame))))
                if len(waiting) > AHEAD:
                    yield self._taken(*waiting.popleft())
            while waiting:
                yield self._taken(*waiting.popleft())

    def _taken(self, frame: Frame, future: Future) -> tuple[Frame, np.ndarray]:
        picture, row = future.result()
        self.rows += [{"frame": len(self.rows), "seconds": round(frame.seconds, 4)} | row] if row else []
        return frame, picture

    def _probability(self, frame: Frame) -> np.ndarray:
        """The frame's map at the network's size; one frame at a time, since several at once are no faster on a CPU."""
        seen = resize(frame.picture, self.side, self.side)
        start = time.perf_counter()
        with explain_out_of_memory("a smaller --size"):
            probability = self.predictor.probabilities(stack([seen]))[0]
        self.busy += time.perf_counter() - start
        return self.smoother(seen, probability, frame.seconds) if self.smoother else probability

    def _draw(self, frame: Frame, probability: np.ndarray) -> tuple[np.ndarray, dict[str, float | None]]:
        """A thread's work: what is shown, H x W x 3 or 4 uint8, and the numbers that the table has."""
        size = frame.picture.shape[:2]
        focus_map = quantised(resize_map(probability, size))
        if self.options.show == "map":
            picture = np.repeat(focus_map[..., None], 3, axis=2)
        else:
            picture = np.asarray(renderings.made(self.options.show, frame.picture, focus_map, self.look))
        if not self.table:
            return picture, {}
        return picture, renderings.numbers(frame.picture, focus_map, size)
