"""Clips as cameras and phones write them, and what the command video makes of them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ran.photos import video
from ran.photos.options import VideoOptions
from ran.predictor import Predictor


class Bright(Predictor):
    """A predictor whose probability is the brightness: every map can be told from its frame."""

    def __init__(self):
        super().__init__({"config": {"img_size": 64}}, "cpu")

    def _run(self, images):
        return images.astype(np.float32).mean(axis=1) / 255


def halves(count: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Frames of a white part on black that grows from the left, with a red square in its corner."""
    frames = np.zeros((count, height, width, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[:, : width // 4 + 2 * number] = 255
    frames[:, : height // 4, : width // 8] = (255, 0, 0)
    return frames


def write_clip(path, frames, times=None, sound="", tail=0, tracks=1, codec="libx264", settings=None, **looks) -> Path:
    """Frames at times in milliseconds, the last one for half a second; the sound goes on for `tail` milliseconds."""
    times = times or [100 * number for number in range(len(frames))]
    settings = settings or ({"crf": "4", "bf": "0"} if codec == "libx264" else {})
    (height, width), base = frames[0].shape[:2], Fraction(1, 1000)
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream(codec, 10, settings, time_base=base, width=width, height=height)
        if rotation := looks.pop("rotation", None):
            stream.set_display_rotation(**rotation)
        for name, value in ({"pix_fmt": "yuv444p" if width % 2 else "yuv420p"} | looks).items():
            setattr(stream.codec_context, name, value)
        stream.codec_context.flags |= av.codec.context.Flags.frame_duration
        audio = [container.add_stream(sound, 48000, layout="mono") for _ in range(tracks * bool(sound))]
        colours = {"dst_colorspace": looks.get("colorspace"), "dst_color_range": looks.get("color_range")}
        for frame, pts, end in zip(frames, times, [*times[1:], times[-1] + 500]):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24" if frame.shape[2] == 3 else "rgba")
            frame = frame.reformat(format=stream.pix_fmt, **colours)
            frame.pts, frame.time_base, frame.duration = pts, base, end - pts
            container.mux(stream.encode(frame))
            wave = 8000 * np.sin(np.arange(48 * pts, 48 * (end + tail * (end > times[-1]))) / 20)
            for track in audio:
                tone = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
                tone.sample_rate, tone.pts, tone.time_base = 48000, 48 * pts, Fraction(1, 48000)
                container.mux(track.encode(tone))
        for track in (stream, *audio):
            container.mux(track.encode(None))
    return path


def read_clip(path: Path) -> tuple[np.ndarray, list[int], list[int]]:
    """Frames (N x H x W x 3, RGB; x 4 of a .webm file), their times and durations in milliseconds."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        alpha = path.suffix == ".webm"  # FFmpeg's own decoder of VP9 drops it
        decoder = av.CodecContext.create("libvpx-vp9", "r") if alpha else stream
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        times = [[round(1000 * getattr(x, name) * stream.time_base) for x in frames] for name in ("pts", "duration")]
        return np.stack([frame.to_ndarray(format="gbrap" if alpha else "rgb24") for frame in frames]), *times


def sound_of(path: Path) -> list[tuple[bytes, float]]:
    """Packets and their times in seconds."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
        return [(bytes(packet), round(float(packet.pts * packet.time_base), 4)) for packet in packets]


def run(path, tmp_path, **more) -> Path:
    """Runs the command; the only video in the folder of results, where nothing but a table is left."""
    options = {"paths": [str(path)], "output": str(tmp_path / "out"), "device": "cpu", "overwrite": True} | more
    video.run(VideoOptions(**options))
    (result,) = (path for path in (tmp_path / "out").iterdir() if path.suffix != ".csv")
    return result
