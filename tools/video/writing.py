"""A video file made of pictures, and the sound of another one in it."""

import io
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.codec.context import Flags

from .reading import BT709, BT2020, Camera, Clip, Frame, open_video, packets_of


class Codec(NamedTuple):
    """How frames are encoded: FFmpeg's encoders (the first that is there is taken), the format of pixels, options."""

    name: str
    encoders: tuple[str, ...]
    pixels: str
    options: dict[str, str]


# No frame refers to a later one (bf): so MP4 keeps how long the last one is shown.
H264 = Codec("H.264", ("libx264", "libopenh264"), "yuv420p", {"crf": "18", "bf": "0"})
VP9 = Codec("VP9", ("libvpx-vp9",), "yuv420p", {"crf": "24", "deadline": "good", "cpu-used": "5", "row-mt": "1"})
PRORES = Codec("ProRes 4444", ("prores_ks",), "yuva444p10le", {"profile": "4444"})
# By the file's suffix: the codec without and with transparency.
FORMATS: dict[str, tuple[Codec, Codec | None]] = {
    ".mp4": (H264, None),
    ".mov": (H264, PRORES),
    ".mkv": (H264, None),
    ".webm": (VP9, VP9._replace(pixels="yuva420p")),
}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # of sound that is encoded anew, by its channels
DAMAGED = "parts of its sound are damaged, and left out"
OF_CONTAINER = ("major_brand", "minor_version", "compatible_brands", "encoder")  # metadata that each writes anew


def codec_for(path: Path, transparent: bool) -> Codec:
    """What a file of this name is encoded by.

    Raises:
        ValueError: a suffix that is not known, cannot hold transparency, or whose encoder this FFmpeg lacks.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"--output {path}: a video's name ends in {', '.join(FORMATS)}")
    codec = FORMATS[path.suffix.lower()][transparent]
    if not codec:
        raise ValueError(
            f"--output {path}: no {path.suffix} with transparency: .webm or .mov, or --background '#00ff00'"
        )
    if not any(name in av.codecs_available for name in codec.encoders):
        raise ValueError(f"--output {path}: the FFmpeg that PyAV brings here has no encoder for {codec.name}")
    return codec


class Film:
    """A video file that is written frame by frame; to be closed.

    Args:
        file: is written to.
        path: its name in the end.
        source, frame, picture: the video that it is made of, its first frame, and what is shown of it, H x W x 3 or 4
            uint8 (RGB, alpha). An odd side becomes longer by a pixel, as the codecs want it.
    """

    def __init__(self, file: Any, path: Path, source: Clip | Camera, frame: Frame, picture: np.ndarray):
        codec = codec_for(path, transparent=picture.shape[2] == 4)
        kind = av.ContainerFormat(path.suffix.lower()[1:].replace("mkv", "matroska"), "w").name
        self._container: Any = av.open(file, "w", format=kind)
        self._container.metadata.update({k: v for k, v in source.metadata.items() if k not in OF_CONTAINER})
        encoder = next(name for name in codec.encoders if name in av.codecs_available)
        height, width = (side + side % 2 for side in picture.shape[:2])
        self._stream: Any = self._container.add_stream(
            encoder, source.rate, codec.options, time_base=frame.base, width=width, height=height, pix_fmt=codec.pixels
        )
        matrix, primaries, transfer = frame.colours
        context: Any = self._stream.codec_context
        context.colorspace = BT2020 if matrix == BT2020 else BT709
        context.color_range, context.color_primaries, context.color_trc = 1, primaries, transfer
        context.sample_aspect_ratio = source.shape
        context.flags |= Flags.frame_duration
        self.sound = Sound(source.path, self._container) if source.path else None

    def write(self, frame: Frame, picture: np.ndarray) -> None:
        """Encodes what is shown of a frame, at the frame's time, after the sound before it."""
        height, width, channels = picture.shape
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        video = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgba" if channels == 4 else "rgb24")
        stream, matrix = self._stream, self._stream.codec_context.colorspace
        video = video.reformat(stream.width, stream.height, stream.pix_fmt, dst_colorspace=matrix, dst_color_range=1)
        video.pts, video.duration, video.time_base = frame.pts, frame.duration, frame.base
        if self.sound:
            self.sound.write_until(frame.seconds)
        self._container.mux(stream.encode(video))

    @property
    def notes(self) -> list[str]:
        return self.sound.notes if self.sound else []

    def finish(self, seconds: float) -> None:
        """Writes what is left, and the sound up to a time."""
        if self.sound:
            self.sound.write_until(seconds)
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def close(self) -> None:
        if self.sound:
            self.sound.close()
        with suppress(av.FFmpegError, OSError):  # what went wrong before is what counts
            self._container.close()


class Sound:
    """The sound of a video file on its way into another one: as it is where that holds it, else encoded anew.

    Attributes:
        notes: sentences on what is not as it was, and on other tracks, which are left out.
    """

    def __init__(self, path: Path, container: Any):
        self._input, self._container = open_video(path), container
        streams: Any = self._input.streams
        self._stream: Any = streams.best("audio")
        more = {"video": len(streams.video) - 1, "sound": len(streams.audio) - 1, "subtitle": len(streams.subtitles)}
        self.notes = [f"{count} further {kind} track(s) left out" for kind, count in more.items() if count > 0]
        self._packets: Iterator[Any] = iter(())
        self._written = -math.inf  # seconds
        if not self._stream:
            return
        self._kept = _holds(container, self._stream)
        if self._kept:
            self._out = container.add_stream_from_template(self._stream)
        else:
            name, encoder = self._stream.codec_context.name, "libopus" if container.format.name == "webm" else "aac"
            if encoder not in av.codecs_available:
                self.notes.append(f"its sound ({name}) was left out: FFmpeg has no {encoder} here")
                return
            self.notes.append(f"its sound ({name}) is encoded anew, by {encoder}")
            layout = self._stream.layout  # AVI names none for its channels, and Opus knows 5.1, not 5.1(side)
            layout = LAYOUTS.get(layout.nb_channels, layout.name)
            self._out = container.add_stream(encoder, 48000, layout=layout)
        self._packets = self._read()

    def close(self) -> None:
        self._input.close()

    def write_until(self, seconds: float) -> None:
        """Writes what sounds up to then."""
        while self._written < seconds and (packet := next(self._packets, None)):
            self._written = float(packet.dts * packet.time_base)
            self._container.mux(packet)

    def _read(self) -> Iterator[Any]:
        """Packets of the new file; those that are damaged are left out."""
        packets, last = packets_of(self._input, self._stream), -math.inf
        while True:
            try:
                if (packet := next(packets, None)) is None:
                    break
                if not self._kept:
                    decoded = packet.decode()
            except av.FFmpegError:
                if DAMAGED not in self.notes:
                    self.notes.append(DAMAGED)
                continue
            if not self._kept:
                yield from (new for frame in decoded for new in self._out.encode(frame))
            elif packet.dts is not None and packet.dts > last:
                last, packet.stream = packet.dts, self._out
                yield packet
        if not self._kept:
            yield from self._out.encode(None)


def _holds(container: Any, sound: Any) -> bool:
    """Whether a container of this kind takes a sound as it is: tried, since FFmpeg's tables promise too much."""
    if container.format.name == "mp4" and sound.codec_context.name.startswith("pcm"):
        return False  # FFmpeg would, but hardly a player knows it
    try:
        with av.open(io.BytesIO(), "w", format=container.format.name) as trial:
            trial.add_stream_from_template(sound)
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True
