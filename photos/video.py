"""`video`: the map of every frame of a video, or a rendering of it, as a new video with the same sound."""

import io
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..predictor import advice_on_shape, chosen_weights
from ..utils.files import atomic, write_csv
from ..utils.progress import bar
from .formats import GREY, HDR, Photo, blend
from .onnx import load_model
from .options import VideoOptions
from .renderings import colour_of, render
from .sharpness import numbers

try:
    import av
    from av.sidedata.sidedata import Type
except ImportError:
    raise ValueError("video needs another package: pip install av") from None

# No frame refers to a later one (bf), so MP4 keeps the duration of the last one.
ENCODERS = {".mp4": ("libx264", {"crf": "18", "bf": "0"}), ".webm": ("libvpx-vp9", {"crf": "24", "cpu-used": "5"})}
HD, BT709, UNKNOWN = 720, 1, 2  # from this height on, frames of an unknown matrix (H.273) are BT.709


class Clip:
    """A video file, or numbered images. `notes` and `problems` say what is left out, and what cannot be read."""

    def __init__(self, path: Path):
        try:
            self.container: Any = av.open(str(path.absolute()), options={"protocol_whitelist": "file"})
        except av.FFmpegError as error:
            raise ValueError(f"{path}: not a readable video ({error.strerror})") from None
        self.path, best = path, self.container.streams.best
        streams: Any = best("video"), best("audio")
        self.stream, self.sound = streams
        if not self.stream or self.stream.disposition & self.stream.disposition.attached_pic:
            raise ValueError(f"{path}: no video is in this file")
        self.stream.thread_type = "AUTO"
        self.base: Fraction = self.stream.time_base
        self.rate: Fraction = self.stream.average_rate or Fraction(30)
        self.start, self.end = Fraction(max(0, self.container.start_time or 0), av.time_base), 0.0
        self.seconds = float((self.stream.duration or 0) * self.base) or (self.container.duration or 0) / av.time_base
        self.notes, self.problems = list[str](), list[str]()

    def frames(self) -> Iterator[tuple[Photo, int, int]]:
        """Photo, time and duration of each frame. Raises ValueError: frames of a kind that is not supported."""
        stream, decoder, size, damaged, pts, duration = self.stream, self.stream.codec_context, None, 0, -1, 1
        if decoder and stream.metadata.get("alpha_mode") == "1":  # FFmpeg's own decoders drop transparency
            decoder = av.CodecContext.create("libvpx" if decoder.name == "vp8" else "libvpx-vp9", "r")
        for packet in self.container.demux():
            if packet.pts is not None and (packet.stream is stream or not stream.duration):  # sound may be longer
                self.end = max(self.end, float((packet.pts + (packet.duration or 0)) * packet.time_base - self.start))
            try:
                frames = decoder.decode(packet) if decoder and packet.stream is stream else []
            except av.FFmpegError:
                damaged, frames = damaged + 1, []
            for frame in frames:
                size = size or (frame.width, frame.height)
                if frame.color_trc in HDR:
                    raise ValueError(f"{self.path}: HDR ({HDR[frame.color_trc]}); convert it to SDR first")
                if frame.interlaced_frame:
                    raise ValueError(f"{self.path}: interlaced; run `ffmpeg -i IN -vf bwdif OUT.mp4` first")
                if (frame.width, frame.height) != size:
                    raise ValueError(f"{self.path}: the size of its frames changes; run `ffmpeg -i IN OUT.mp4` first")
                shown = -1 if frame.pts is None else frame.pts - round(self.start / self.base)
                pts = shown if shown > pts else pts + duration  # in broken files times are missing or go back
                duration = frame.duration or max(1, round(1 / (self.rate * self.base)))
                yield upright(frame), pts, duration
        if not size:
            raise ValueError(f"{self.path}: no frame is readable: this FFmpeg has no decoder for it, or it is cut off")
        if 0 < self.end < self.seconds - min(0.5, 0.05 * self.seconds) - 1 / self.rate:
            self.problems.append(f"it ends early: {self.end:.1f} s of {self.seconds:.1f} s are there")
        self.problems += [f"{damaged} damaged part(s) are left out"] * bool(damaged)

    def packets(self, film: Any, kind: str) -> Iterator[Any]:
        """Packets of the sound for a new track of a film, if files of this kind hold such sound."""
        sound, tracks = self.sound, self.container.streams
        if others := len(tracks.video) + len(tracks.audio) + len(tracks.subtitles) - 1 - bool(sound):
            self.notes.append(f"{others} further track(s) are left out")
        if not sound:
            return
        codec = sound.codec_context.codec.canonical_name if sound.codec_context else "an unknown codec"
        try:
            with av.open(io.BytesIO(), "w", format=kind[1:]) as trial:  # FFmpeg's own tables promise too much
                trial.add_stream_from_template(sound)
                trial.start_encoding()
            held = kind == ".webm" or not codec.startswith("pcm")  # which few players know in .mp4
        except (AttributeError, ValueError, av.FFmpegError):
            held = False
        if not held:
            self.notes.append(f"its sound ({codec}) is left out, since {kind} files do not hold it")
            return
        track, start, last = film.add_stream_from_template(sound), round(self.start / sound.time_base), float("-inf")
        for packet in (again := Clip(self.path)).container.demux(again.sound):
            if packet.dts is not None and packet.dts > last:
                last, packet.stream = packet.dts, track
                packet.pts = packet.dts = packet.dts - start
                yield packet


def upright(frame: Any) -> Photo:
    """A frame of PyAV, turned and mirrored as its display matrix says."""
    transparent = frame.format.has_palette or any(part.is_alpha for part in frame.format.components)
    matrix = BT709 if frame.colorspace == UNKNOWN and frame.height >= HD else None
    pixels = frame.to_ndarray(format="gbrap" if transparent else "rgb24", src_colorspace=matrix)  # rgba loses columns
    if data := frame.side_data.get(Type.DISPLAYMATRIX):
        across, turned, _, back, down = np.frombuffer(data, np.int32)[:5]
        if abs(turned) > abs(across):
            pixels, across, down = pixels.transpose(1, 0, 2), back, turned
        pixels = pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
    rgb, alpha = np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., -1])
    return Photo(blend(rgb, np.full_like(rgb, GREY), alpha), alpha) if transparent else Photo(rgb)


def run(options: VideoOptions) -> int:
    """Writes the video whole, or nothing; returns 1 if a part of the source cannot be read, else 0.

    Raises:
        ValueError, OSError: no video, options that do not go together, or the output cannot be written.
    """
    if len(options.paths) != 1:
        raise ValueError("name one video, or numbered images such as frames/%04d.png")
    begin, clip, output = time.monotonic(), Clip(Path(options.paths[0])), Path(options.output)
    transparent = options.show == "cutout" and not options.background
    if output.is_dir() or not output.suffix:
        name = clip.path.stem if clip.path.is_file() else clip.path.absolute().parent.name
        output /= f"{name}.{options.show}{'.webm' if transparent else '.mp4'}"
    kind, table = output.suffix.lower(), output.with_suffix(".frames.csv")
    if kind not in ENCODERS or (transparent and kind == ".mp4"):
        raise ValueError(f"--output {output}: name a folder, .webm or .mp4 file; a cut-out in .mp4 needs --background")
    if output.exists() and clip.path.exists() and output.samefile(clip.path):
        raise ValueError(f"--output {output} is the video itself; choose another name")
    if not options.overwrite and (existing := [path for path in (output, table) if path.exists()]):
        raise ValueError(f"{existing[0]} exists; --overwrite replaces it")
    try:
        with atomic(output) as temporary, av.open(str(temporary.absolute()), "w", format=kind[1:]) as film:
            rows = write(film, clip, options, kind)
    except av.FFmpegError as error:
        raise ValueError(f"{clip.path} -> {output}: FFmpeg fails ({error.strerror})") from None
    table.unlink(missing_ok=True)
    if options.table:
        write_csv(table, rows, encoding="utf-8-sig")
    print(f"{len(rows)} frame(s) in {time.monotonic() - begin:.1f} s: {output}")
    for sentence in (*clip.notes, *clip.problems):
        print(f"warning: {clip.path}: {sentence}", file=sys.stderr)
    return 1 if clip.problems else 0


def write(film: Any, clip: Clip, options: VideoOptions, kind: str) -> list[dict]:
    """Writes what becomes of each frame, and the sound beside it, into an open film; the table's rows."""
    look = colour_of(options.background) if options.background else None, options.blur
    predictor, rows = load_model(chosen_weights(options.model_path), options.device), list[dict]()
    first = next(frames := clip.frames())
    height, width = first[0].pixels.shape[:2]
    clip.notes += filter(None, [advice_on_shape(height, width).partition(", try")[0]])
    alpha = options.show == "cutout" and not options.background
    track, sound = add_track(film, clip, (height, width), kind, alpha), clip.packets(film, kind)
    waiting, total = next(sound, None), options.frames or clip.stream.frames or round(clip.seconds * clip.rate)
    wanted = islice(chain([first], frames), options.frames or None)
    for photo, pts, duration in bar(wanted, "predicting", total, "frame"):
        levels = predictor.levels(photo.pixels, options.size)
        is_map = options.show == "map"
        drawn = cv2.merge([levels] * 3) if is_map else render(options.show, photo, levels, *look)
        drawn = cv2.copyMakeBorder(drawn, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(np.asarray(drawn, np.uint8), "rgba" if alpha else "rgb24")
        frame = frame.reformat(format=track.pix_fmt, dst_colorspace=BT709, dst_color_range=1)
        frame.pts, frame.duration, frame.time_base = pts, duration, clip.base
        film.mux(track.encode(frame))
        row = numbers(photo.pixels, levels) if options.table else {}
        rows.append({"frame": len(rows), "seconds": round(float(pts * clip.base), 4)} | row)
        while waiting and waiting.dts * waiting.time_base < (pts + duration) * clip.base:
            film.mux(waiting)
            waiting = next(sound, None)
    film.mux(track.encode(None))
    for packet in chain([waiting], sound) if waiting and not options.frames else ():
        film.mux(packet)
    return rows


def add_track(film: Any, clip: Clip, size: tuple[int, int], kind: str, alpha: bool) -> Any:
    """A video track for frames of (height, width), with the times and colours of a clip; odd sides get a pixel more."""
    (height, width), (encoder, settings), source = size, ENCODERS[kind], clip.stream
    track = film.add_stream(encoder, clip.rate, settings, time_base=clip.base)
    track.width, track.height = width + width % 2, height + height % 2
    track.pix_fmt, track.colorspace, track.color_range = "yuva420p" if alpha else "yuv420p", BT709, 1
    track.color_primaries, track.color_trc = source.color_primaries, source.color_trc
    turned = (width > height) != (source.width > source.height)
    track.sample_aspect_ratio = (source.sample_aspect_ratio or Fraction(1)) ** (-1 if turned else 1)
    track.codec_context.flags |= av.codec.context.Flags.frame_duration
    return track
