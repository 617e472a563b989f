"""Frames of a video file or a camera, upright, with their times."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type

from ...imaging.tiff import silent_opencv
from ...utils.interruption import StopSignals

MISSING = 0.5  # seconds by which a video may end before its file does: its sound may be longer
HD = 720  # height from which colours that no header explains are those of BT.709, pixels
BT709, BT2020 = 1, 9  # matrices between RGB and YCbCr, as FFmpeg counts them
UNKNOWN = 2  # of FFmpeg's matrices, primaries and transfers


class Frame(NamedTuple):
    """A frame, H x W x 3 uint8, RGB, upright, which is shown from `pts` for `duration` units of `base` seconds.

    `colours` are matrix, primaries and transfer as FFmpeg counts them.
    """

    picture: np.ndarray
    pts: int
    duration: int
    base: Fraction
    colours: tuple[int, int, int] = (BT709, UNKNOWN, UNKNOWN)

    @property
    def seconds(self) -> float:
        return float(self.pts * self.base)

    @property
    def end(self) -> float:
        return float((self.pts + self.duration) * self.base)


def open_video(path: Path) -> Any:
    """An input container of PyAV; what the file names (playlists do) is read from files alone.

    Raises:
        FileNotFoundError, ValueError: no such file, or no video.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return av.open(str(path.absolute()), options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        raise ValueError(f"{path}: not a readable video ({error.strerror})") from None


def packets_of(container: Any, stream: Any) -> Iterator[Any]:
    """Packets whose times count from the container's start: the clock of a transport stream (.ts) began long before."""
    start = round(max(0, container.start_time or 0) / (av.time_base * stream.time_base))
    for packet in container.demux(stream):
        if packet.dts is not None:
            packet.dts -= start
        if packet.pts is not None:
            packet.pts -= start
        yield packet


class Clip:
    """The frames of a video file.

    Attributes:
        name: of its results.
        total: how many frames there are, as far as the header knows, or None.
        rate: frames a second, on average.
        shape: width of a pixel by its height.
        metadata: what the file says of itself, such as its date and place.
        problems: sentences on what could not be read.
    """

    def __init__(self, path: Path):
        self.path, self.name = path, path.stem
        self._container = open_video(path)
        if not (stream := self._container.streams.best("video")):
            raise ValueError(f"{path}: no video is in this file")
        stream.thread_type = "AUTO"
        self._stream = stream
        self.rate = stream.average_rate or Fraction(30)
        self.metadata = dict(self._container.metadata)
        self.problems: list[str] = []
        own = float(stream.duration * stream.time_base) if stream.duration else 0
        self._seconds = own or (self._container.duration or 0) / av.time_base
        self._enough = self._seconds - (min(MISSING, 0.05 * own) if own else MISSING)
        self.total = stream.frames or round(self._seconds * self.rate) or None
        self.shape = stream.sample_aspect_ratio or Fraction(1)

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames in the order in which they are shown; `problems` are complete when the last one was taken.

        Raises:
            ValueError: not one can be read.
        """
        first = last = None
        for frame in self._decoded():
            pts = frame.pts
            if last and (pts is None or pts <= last.pts):  # of old and of broken files
                pts = last.pts + max(1, last.duration)
            picture, turned = upright(frame)
            if turned and not last:
                self.shape = 1 / self.shape
            duration = frame.duration or round(1 / (self.rate * frame.time_base))
            colours = (frame.colorspace, frame.color_primaries, frame.color_trc)
            last = Frame(picture, pts or 0, duration, frame.time_base, colours)
            first = first or last
            yield last
        if not (first and last):
            raise ValueError("; ".join([f"{self.path}: not one frame can be read", *self.problems]))
        if (read := last.end - first.seconds) < self._enough:
            self.problems.append(f"it ends early: {read:.1f} s of {self._seconds:.1f} s are there")

    def _decoded(self) -> Iterator[Any]:
        packets, damaged = packets_of(self._container, self._stream), 0
        while True:
            try:
                if (packet := next(packets, None)) is None:
                    break
            except av.FFmpegError as error:
                self.problems.append(f"reading ended with an error ({error.strerror})")
                break
            try:
                yield from packet.decode()
            except av.FFmpegError:
                damaged += 1
        if damaged:
            self.problems.append(f"{damaged} damaged frame(s) were left out")


def upright(frame: Any) -> tuple[np.ndarray, bool]:
    """A frame of PyAV as H x W x 3 uint8, RGB, turned and mirrored as its display matrix says; whether it lay on its
    side."""
    matrix = BT709 if frame.colorspace == UNKNOWN and frame.height >= HD else None
    picture = frame.to_ndarray(format="rgb24", src_colorspace=matrix)
    if (data := frame.side_data.get(Type.DISPLAYMATRIX)) is None:
        return picture, False
    (across, down_by_x), (across_by_y, down) = np.frombuffer(data, np.int32)[[0, 1, 3, 4]].reshape(2, 2)
    if turned := bool(abs(down_by_x) > abs(across)):
        picture, across, down = picture.transpose(1, 0, 2), across_by_y, down_by_x
    return np.ascontiguousarray(picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]), turned


class Camera:
    """The frames of a camera at the times when they come, until `stop` has received a signal; otherwise as Clip.

    Raises:
        ValueError: it cannot be opened.
    """

    def __init__(self, number: int, stop: StopSignals):
        self.path, self.name, self._stop = None, f"camera{number}", stop
        self.total, self.rate, self.shape = None, Fraction(30), Fraction(1)
        self.metadata: dict[str, str] = {}
        self.problems: list[str] = []
        with silent_opencv():
            try:
                self._capture = cv2.VideoCapture(number)
            except cv2.error:  # a number above 32 bits
                self._capture = cv2.VideoCapture()
        if not self._capture.isOpened():
            raise ValueError(f"camera {number} cannot be opened: is it there, free, and allowed for this program?")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not one that waited for the network

    def close(self) -> None:
        self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        start, before = time.monotonic(), -1
        while not self._stop.received:
            read, picture = self._capture.read()
            if not read:
                self.problems.append("it gave no more frames")
                return
            pts = max(before + 1, round(1000 * (time.monotonic() - start)))
            yield Frame(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), pts, max(1, pts - before), Fraction(1, 1000))
            before = pts
