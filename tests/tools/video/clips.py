"""Clips as cameras and phones write them, and what the command makes of them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ran.predictor import Predictor
from ran.tools import video
from ran.tools.video import writing
from ran.utils.photograph_options import VideoOptions

WIDTH, HEIGHT, RATE = 96, 64, 10


class Bright(Predictor):
    """A predictor to whom what is bright is in focus: every map can be told from its frame."""

    def __init__(self):
        super().__init__({"config": {"img_size": 64}}, "cpu")

    def _run(self, images):
        return images.astype(np.float32).mean(axis=1) / 255


def halves(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    """Frames of a white part on black that grows from the left, with a red square in its corner."""
    frames = np.zeros((count, height, width, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[:, : width // 4 + 2 * number] = 255
        frame[: height // 4, : width // 8] = (255, 0, 0)
    return list(frames)


def write_clip(
    path: Path, frames, times=None, sound="", layout="mono", codec="libx264", faststart=False, **rotation
) -> Path:
    """A clip by PyAV: frames at times in thousandths of a second, the last one shown for half of one."""
    times = list(range(0, 1000 * len(frames) // RATE, 1000 // RATE)) if times is None else times
    base, options = Fraction(1, 1000), {"movflags": "faststart"} if faststart else {}
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, RATE, {"crf": "4", "bf": "0"}, time_base=base, width=width, height=height)
        stream.pix_fmt = "yuv444p" if width % 2 else "yuv420p"
        stream.codec_context.flags |= writing.Flags.frame_duration
        if rotation:
            stream.set_display_rotation(**rotation)
        audio = container.add_stream(sound, 48000, layout=layout) if sound else None
        for frame, pts, after in zip(frames, times, [*times[1:], times[-1] + 500]):
            encoded = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame))
            encoded.pts, encoded.time_base, encoded.duration = pts, base, after - pts
            container.mux(stream.encode(encoded))
            if audio:
                wave = 8000 * np.sin(np.arange(48 * pts, 48 * after) / 20)
                tone = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
                tone.sample_rate, tone.pts, tone.time_base = 48000, 48 * pts, Fraction(1, 48000)
                container.mux(audio.encode(tone))
        for one in filter(None, (stream, audio)):
            container.mux(one.encode(None))
    return path


def read_clip(path: Path) -> tuple[np.ndarray, list[int], list[int]]:
    """Frames (N x H x W x 4, RGB and alpha), their times and durations in thousandths of a second."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        # FFmpeg's own decoder of VP9 leaves the transparency out.
        decoder = av.CodecContext.create("libvpx-vp9", "r") if path.suffix == ".webm" else stream
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        base = 1000 * stream.time_base
        pictures = np.stack([frame.to_ndarray(format="rgba") for frame in frames])
        return pictures, *([round(x * base) for x in xs] for xs in zip(*[(f.pts, f.duration) for f in frames]))


def sound_of(path: Path) -> tuple[str, list[bytes]]:
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        return stream.codec_context.name, [bytes(packet) for packet in container.demux(stream) if packet.size]


def run(path, tmp_path, status=0, **more) -> Path:
    """Runs the command; the only video in the folder of results, where nothing else has been left."""
    options = VideoOptions(**{"paths": [str(path)], "output": str(tmp_path / "out"), "device": "cpu"} | more)
    assert video.run(options) == status
    (result,) = (file for file in (tmp_path / "out").iterdir() if file.suffix != ".csv")
    return result
