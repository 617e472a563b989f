"""`video`: the map of every frame of a video, or a rendering of it, as a new video with the same sound."""

import time
import warnings
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..predictor import chosen_weights
from ..utils.files import atomic, write_csv
from ..utils.progress import bar
from .formats import GREY, HDR, Photo, blend, optional
from .onnx import load_model
from .options import VideoOptions
from .renderings import render
from .sharpness import numbers

av = optional("av", "video", "av")

# No frame refers to a later one (bf), so MP4 keeps the duration of the last one.
ENCODERS = {".mp4": ("libx264", {"crf": "18", "bf": "0"}), ".webm": ("libvpx-vp9", {"crf": "24", "cpu-used": "5"})}
SOUND = {".mp4": ("aac", "mp3", "ac3", "eac3", "alac", "opus"), ".webm": ("opus", "vorbis")}  # that players know
FILES = {"protocol_whitelist": "file"}  # addresses in a video or a playlist are not followed
REPAIR = "run `ffmpeg -i IN OUT.mp4` first"
HD, BT709, UNKNOWN = 720, 1, 2  # from this height on, frames of an unknown matrix (H.273) are BT.709


class Clip:
    """A video file. `sound` holds packets to be written. A warning says what is left out."""

    def __init__(self, path: Path, kind: str):
        self.path, self.container = path, av.open(str(path.absolute()), options=FILES)
        tracks, self.sound = self.container.streams, deque[Any]()
        self.stream, self.audio = tracks.best("video"), tracks.best("audio")
        if not self.stream or self.stream.disposition & self.stream.disposition.attached_pic:
            raise ValueError(f"{path}: no video is in this file")
        self.stream.thread_type = "AUTO"
        self.base: Fraction = self.stream.time_base
        self.rate: Fraction = self.stream.average_rate or Fraction(30)
        self.start = Fraction(max(0, self.container.start_time or 0), av.time_base)
        self.seconds = (self.container.duration or 0) / av.time_base
        packets = (packet for packet in av.open(str(path.absolute()), options=FILES).demux() if packet.pts is not None)
        times = ((packet.pts + (packet.duration or 0)) * packet.time_base for packet in packets)
        if 0 < (end := float(max(times, default=0) - self.start)) < self.seconds - 0.5 - 1 / self.rate:
            raise ValueError(f"{path}: it ends early, after {end:.1f} s of {self.seconds:.1f} s; {REPAIR}")
        if others := len(tracks.video) + len(tracks.audio) + len(tracks.subtitles) - 1 - bool(self.audio):
            warnings.warn(f"{path}: {others} further track(s) are left out", stacklevel=2)
        context = self.audio and self.audio.codec_context
        codec = context.codec.canonical_name if context else "an unknown codec"
        if self.audio and codec not in SOUND[kind]:
            warnings.warn(f"{path}: its sound ({codec}) is left out, {kind} files do not hold it", stacklevel=2)
            self.audio = None

    def frames(self) -> Iterator[tuple[Photo, int, int]]:
        """Photo, time and duration of each frame. Raises ValueError: frames of a kind that is not supported."""
        decoder, size, pts, duration = self.stream.codec_context, None, -1, 1
        if decoder and self.stream.metadata.get("alpha_mode") == "1":  # FFmpeg's own decoders drop transparency
            decoder = av.CodecContext.create("libvpx" if decoder.name == "vp8" else "libvpx-vp9", "r")
        for packet in self.container.demux():
            if packet.stream is self.audio and packet.dts is not None:
                self.sound.append(packet)
            for frame in decoder.decode(packet) if decoder and packet.stream is self.stream else ():
                size = size or (frame.width, frame.height)
                if frame.color_trc in HDR:
                    raise ValueError(f"{self.path}: HDR ({HDR[frame.color_trc]}); convert it to SDR first")
                if frame.interlaced_frame:
                    raise ValueError(f"{self.path}: interlaced; run `ffmpeg -i IN -vf bwdif OUT.mp4` first")
                if (frame.width, frame.height) != size:
                    raise ValueError(f"{self.path}: the size of its frames changes; {REPAIR}")
                shown = -1 if frame.pts is None else frame.pts - round(self.start / self.base)
                pts = shown if shown > pts else pts + duration  # in broken files times are missing or go back
                duration = frame.duration or max(1, round(1 / (self.rate * self.base)))
                yield upright(frame), pts, duration
        if not size:
            raise ValueError(f"{self.path}: no frame is readable; this FFmpeg may have no decoder for it")

    def copy_sound(self, film: Any, track: Any, end: Fraction | float = float("inf")) -> None:
        """Writes the packets of the sound that begin before a time, seconds, into a film's track."""
        while self.sound and self.sound[0].dts * self.sound[0].time_base - self.start < end:
            packet = self.sound.popleft()
            packet.pts = packet.dts = packet.dts - round(self.start / packet.time_base)
            packet.stream = track
            film.mux(packet)


def upright(frame: Any) -> Photo:
    """A frame of PyAV, turned and mirrored as its display matrix says."""
    transparent = frame.format.has_palette or any(part.is_alpha for part in frame.format.components)
    matrix = BT709 if frame.colorspace == UNKNOWN and frame.height >= HD else None
    pixels = frame.to_ndarray(format="gbrap" if transparent else "rgb24", src_colorspace=matrix)  # rgba loses columns
    if data := frame.side_data.get(av.sidedata.sidedata.Type.DISPLAYMATRIX):
        across, turned, _, back, down = np.frombuffer(data, np.int32)[:5]
        if abs(turned) > abs(across):
            pixels, across, down = pixels.transpose(1, 0, 2), back, turned
        pixels = pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
    rgb, alpha = np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., -1])
    return Photo(blend(rgb, np.full_like(rgb, GREY), alpha), alpha) if transparent else Photo(rgb)


def run(options: VideoOptions) -> None:
    """Writes the video whole, or nothing. Raises ValueError or OSError: what cannot be read, written or combined."""
    begin, path, output = time.monotonic(), Path(options.paths[0]), Path(options.output)
    transparent = options.show == "cutout"
    if output.is_dir() or not output.suffix:
        output /= f"{path.stem}.{options.show}{'.webm' if transparent else '.mp4'}"
    kind = output.suffix.lower()
    if kind not in ENCODERS or (transparent and kind == ".mp4"):
        raise ValueError(f"--output {output}: name a folder, .webm or .mp4 file; a cut-out needs .webm")
    if not path.is_file():  # FFmpeg would also read addresses, devices and patterns
        raise FileNotFoundError(f"{path}: no such file")
    if output.exists() and output.samefile(path):
        raise ValueError(f"--output {output} is the video itself; choose another name")
    if output.exists() and not options.overwrite:
        raise ValueError(f"{output} exists; --overwrite replaces it")
    try:
        clip = Clip(path, kind)
        with atomic(output) as temporary, av.open(str(temporary.absolute()), "w", format=kind[1:]) as film:
            rows = write(film, clip, options)
    except av.FFmpegError as error:
        raise ValueError(f"{path} -> {output}: FFmpeg fails ({error.strerror}); convert it to .mp4 first") from None
    table = output.with_suffix(".csv")
    table.unlink(missing_ok=True)  # of an earlier video
    if options.table:
        write_csv(table, rows, encoding="utf-8-sig")
    print(f"{len(rows)} frame(s) in {time.monotonic() - begin:.1f} s: {output}")


def write(film: Any, clip: Clip, options: VideoOptions) -> list[dict]:
    """Writes what becomes of each frame, and the sound beside it, into an open film; returns a row for each frame."""
    predictor = load_model(chosen_weights(options.model_path), options.device)
    rows, tracks = list[dict](), None
    total = clip.stream.frames or round(clip.seconds * clip.rate)
    for photo, pts, duration in bar(clip.frames(), "predicting", total, "frame"):
        levels = predictor.levels(photo.pixels)
        drawn = render(options.show, photo, levels)
        drawn = cv2.merge([drawn] * 3) if drawn.ndim == 2 else drawn
        height, width, channels = drawn.shape
        drawn = cv2.copyMakeBorder(drawn, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(drawn, "rgba" if channels == 4 else "rgb24")
        video, sound = tracks = tracks or add_tracks(film, clip, frame)  # once the size is known
        frame = frame.reformat(format=video.pix_fmt, dst_colorspace=BT709, dst_color_range=1)
        frame.pts, frame.duration, frame.time_base = pts, duration, clip.base
        film.mux(video.encode(frame))
        row = numbers(photo.pixels, levels) if options.table else {}
        rows.append({"frame": len(rows), "seconds": round(float(pts * clip.base), 4)} | row)
        clip.copy_sound(film, sound, (pts + duration) * clip.base)
    film.mux(video.encode(None))
    clip.copy_sound(film, sound)
    return rows


def add_tracks(film: Any, clip: Clip, frame: Any) -> tuple[Any, Any]:
    """Tracks of a film for frames such as this one and for a clip's sound, with its times and colours."""
    encoder, settings = ENCODERS[f".{film.format.name}"]
    track, source = film.add_stream(encoder, clip.rate, settings, time_base=clip.base), clip.stream
    track.width, track.height = frame.width, frame.height
    track.pix_fmt = "yuva420p" if frame.format.name == "rgba" else "yuv420p"
    track.colorspace, track.color_range = BT709, 1
    track.color_primaries, track.color_trc = source.color_primaries, source.color_trc
    turned = (frame.width > frame.height) != (source.width > source.height)
    track.sample_aspect_ratio = (source.sample_aspect_ratio or Fraction(1)) ** (-1 if turned else 1)
    track.codec_context.flags |= av.codec.context.Flags.frame_duration
    return track, film.add_stream_from_template(clip.audio) if clip.audio else None
