"""video: frames, times, sound and transparency of its results, and what it refuses."""

import csv
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ran.photos import video
from ran.photos.options import VideoOptions
from ran.photos.renderings import overlay
from ran.photos.sharpness import numbers
from tests.small import Bright

NOISE = np.random.default_rng(0).integers(0, 256, (20, 64, 96, 3), np.uint8)


def halves(count: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Frames of a white part on black that grows from the left, with a red square in its corner."""
    number, y, x, channel = np.indices((count, height, width, 3))
    red = (y < height // 4) & (x < width // 8)
    return np.where(red, channel == 0, x < width // 4 + 2 * number) * np.uint8(255)


def write_clip(path, frames, times=None, sound="", tail=0, tracks=1, codec="libx264", settings=None, **looks) -> Path:
    """Frames at times in milliseconds, the last one for half a second; the sound goes on for `tail` milliseconds."""
    times, (height, width), base = times or range(0, 100 * len(frames), 100), frames[0].shape[:2], Fraction(1, 1000)
    settings = settings or ({"crf": "4", "bf": "0"} if codec == "libx264" else {})
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
        container.mux(stream.encode(None))
        wave = 8000 * np.sin(np.arange(48 * times[0], 48 * (end + tail)) / 20)
        for track in audio:
            tone = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
            tone.sample_rate, tone.pts, tone.time_base = 48000, 48 * times[0], Fraction(1, 48000)
            container.mux([*track.encode(tone), *track.encode(None)])
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
        return [(bytes(x), round(float(x.pts * x.time_base), 4)) for x in container.demux(audio=0) if x.size]


def run(path, tmp_path, **more) -> Path:
    """Runs the command; the only video in the folder of results, where nothing but a table is left."""
    video.run(VideoOptions(**{"paths": [str(path)], "output": str(tmp_path / "out"), "overwrite": True} | more))
    (result,) = (path for path in (tmp_path / "out").iterdir() if path.suffix != ".csv")
    return result


@pytest.fixture(autouse=True)
def bright(monkeypatch):
    monkeypatch.setattr(video, "load_model", lambda *_: Bright())


@pytest.mark.parametrize("name, looks", [("a.mp4", {"sound": "aac", "tracks": 3}),
                                         ("a.webm", {"sound": "libopus", "codec": "libvpx-vp9"})])  # fmt: skip
def test_times_and_sound_are_kept_and_numbers_stand_in_the_table(tmp_path, capsys, recwarn, name, looks):
    clip = write_clip(tmp_path / name, halves(5), [0, 100, 130, 400, 1000], tail=3000, **looks)
    result = run(clip, tmp_path, output=str(tmp_path / f"out/{name}"), table="csv")
    _, times, durations = read_clip(result)
    assert "5 frame(s) in" in capsys.readouterr().out
    said = [f"{clip}: 2 further track(s) are left out"] * ("tracks" in looks)
    assert [str(warning.message) for warning in recwarn] == said
    assert sound_of(result) == sound_of(clip) and sound_of(result)[-1][1] > 4
    assert times == [0, 100, 130, 400, 1000] and (name != "a.mp4" or durations[-1] == 500)
    shown, source = (np.ascontiguousarray(read_clip(path)[0][..., :3]) for path in (result, clip))
    drawn = np.array([overlay(frame, Bright().levels(frame)) for frame in source], int)
    assert abs(drawn - shown).mean() < 4  # what encoding loses
    row = [*csv.DictReader((table := result.with_suffix(".csv")).read_text("utf-8-sig").splitlines())][2]
    expected = {"frame": 2, "seconds": 0.13} | numbers(source[2], Bright().levels(source[2]))
    assert list(row) == list(expected) and table.read_bytes().startswith(b"\xef\xbb\xbf")
    assert all(float(row[name]) == pytest.approx(expected[name], rel=0.02) for name in ("seconds", "in_focus", "right"))
    run(clip, tmp_path, output=str(result))
    assert not table.exists()  # it was that of the replaced video


def test_a_clock_that_did_not_start_at_0(tmp_path):
    clip = write_clip(tmp_path / "a.ts", halves(5), [3_600_000 + 100 * number for number in range(5)], sound="aac")
    with av.open(str(clip)) as before, av.open(str(run(clip, tmp_path, show="bokeh"))) as after:
        starts = [[float(track.start_time * track.time_base) for track in file.streams] for file in (before, after)]
    assert min(starts[0]) > 3599 and min(starts[1]) == 0 and abs(np.diff(starts[0]) - np.diff(starts[1])) < 0.002


@pytest.mark.parametrize("rotation, expected", [
    ({"degrees": 90}, np.rot90), ({"degrees": -90}, lambda x: np.rot90(x, 3)),
    ({"degrees": 0, "hflip": True}, np.fliplr), ({"degrees": 0, "vflip": True}, np.flipud),
])  # fmt: skip
def test_frames_are_upright_also_with_odd_sides_and_oblong_pixels(tmp_path, rotation, expected):
    looks = {"rotation": rotation, "sample_aspect_ratio": Fraction(4, 3)}
    result = run(write_clip(tmp_path / "a.mov", halves(2, 67, 41), **looks), tmp_path, show="map")
    padded = [np.pad(expected(frame), ((0, 1), (0, 1), (0, 0)), "edge") for frame in halves(2, 67, 41)]
    levels = np.mean(padded, axis=-1, keepdims=True)  # the map of Bright
    assert abs(read_clip(result)[0] - levels).mean() < 4 and result.name == "a.map.mp4"
    (stream,) = av.open(str(result)).streams
    assert stream.sample_aspect_ratio == (Fraction(4, 3) if stream.width > stream.height else Fraction(3, 4))


@pytest.mark.parametrize("height, matrix, span, name, codec, stored", [
    (64, 5, 1, "a.mkv", "libx264", [101, 94, 192]), (64, 5, 2, "a.mkv", "libx264", [98, 89, 200]),
    (720, 9, 1, "a.mkv", "libx264", [98, 98, 191]),
    (720, 1, 1, "a.avi", "mpeg4", [91, 101, 191]), (64, 5, 1, "a.avi", "mpeg4", [101, 94, 192]),  # without a matrix
])  # fmt: skip
def test_colours_are_those_of_the_source(tmp_path, height, matrix, span, name, codec, stored):
    """By the formulas of H.273 a file of this matrix and range stores the colour so."""
    patch = np.full((height, 64, 3), (200, 60, 30), np.uint8)
    clip = write_clip(tmp_path / name, [patch], codec=codec, colorspace=matrix, color_range=span)
    with av.open(str(clip)) as container:
        planes = next(container.decode(video=0)).planes
    assert [bytes(plane)[9] for plane in planes] == pytest.approx(stored, abs=1)
    ((photo, _, _),) = video.Clip(clip, ".mp4").frames()
    assert abs(photo.pixels.astype(int) - patch).max() <= 4
    with av.open(str(run(clip, tmp_path, show="bokeh"))) as container:  # of a plain colour: the same
        shown = next(container.decode(video=0))
    assert shown.colorspace == 1 and abs(shown.to_ndarray(format="rgb24").astype(int) - photo.pixels).max() <= 5


@pytest.mark.parametrize("name, codec, pix_fmt", [
    ("a.mov", "prores_ks", "yuva444p10le"), ("a.webm", "libvpx-vp9", "yuva420p"), ("a.gif", "", ""),
])  # fmt: skip
def test_what_is_transparent_stays_so(tmp_path, name, codec, pix_fmt):
    clip, frames = tmp_path / name, np.zeros((3, 64, 96, 4), np.uint8)
    frames[..., :48, :3], frames[..., 24:, 3] = 255, 255  # hidden white, white, black
    frames[[0, 1, 2], 0, [30, 40, 50], 0] = 90  # GIF joins equal frames
    if codec:
        write_clip(clip, frames, codec=codec, pix_fmt=pix_fmt)
    else:
        images = [*map(Image.fromarray, frames)]
        images[0].save(clip, save_all=True, append_images=images[1:], duration=[100, 300, 700], disposal=2)
    found, times, _ = read_clip(run(clip, tmp_path, show="cutout"))
    alpha = found[:, 4:-4, :, 3]
    assert max(alpha[..., 4:20].max(), alpha[..., 52:].max()) < 12 and alpha[..., 28:44].min() > 243
    assert codec or times == [0, 100, 400]


@pytest.mark.parametrize("name, sound, codec, kind", [
    ("a.mov", "aac", "aac", "webm"), ("a.mov", "pcm_s16le", "pcm_s16le", "mp4"), ("a.mp4", "aac", "an unknown", "mp4"),
])  # fmt: skip
def test_sound_that_the_file_does_not_hold_is_left_out(tmp_path, name, sound, codec, kind):
    clip = write_clip(tmp_path / name, halves(5), sound=sound)
    if codec == "an unknown":  # as that of phones from 2024 on
        clip.write_bytes(clip.read_bytes().replace(b"mp4a", b"apac").replace(b"esds", b"free"))
    with pytest.warns(UserWarning, match=rf"{name}: its sound \({codec}"):
        result = run(clip, tmp_path, output=str(tmp_path / f"out/a.{kind}"))
    assert len(av.open(str(result)).streams) == 1


@pytest.mark.parametrize("name, make, message", [
    ("old.mp4", lambda path: path.write_text("no video"), "-> .*: FFmpeg fails .Invalid data"),
    ("pq.mp4", lambda path: write_clip(path, halves(2), pix_fmt="yuv420p10le", color_trc=16), "HDR .PQ.; convert it"),
    ("inter.mkv", lambda path: write_clip(path, halves(2), settings={"x264-params": "tff=1"}),
     "interlaced; run `ffmpeg -i IN -vf bwdif OUT.mp4` first"),
    ("sizes.h264", lambda path: path.write_bytes(
        b"".join(write_clip(path, halves(3, side)).read_bytes() for side in (64, 96))),
     "the size of its frames changes; run `ffmpeg -i IN OUT.mp4` first"),
    ("cut.mp4", lambda path: os.truncate(write_clip(path, NOISE, sound="aac"), path.stat().st_size // 2),
     "it ends early, after 1.* s of 2.* s; run `ffmpeg -i IN OUT.mp4` first"),
])  # fmt: skip
def test_what_is_not_supported_ends_in_a_sentence_and_leaves_nothing(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name}:? {message}"):
        run(tmp_path / name, tmp_path)
    assert not list(tmp_path.glob("out/*"))
