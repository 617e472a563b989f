"""Frames of files as cameras and phones write them, damaged ones too."""

import csv
import os
import signal
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from ran.tools.video import reading
from tests.tools.video.clips import HEIGHT, RATE, WIDTH, Bright, halves, read_clip, run, write_clip


def test_a_clock_that_did_not_start_at_0(bright, tmp_path):
    """As in what was recorded from television: the film starts at once, and its sound with it."""
    times = [3_600_000 + 100 * number for number in range(5)]
    for sound, kind in (("aac", ".mp4"), ("ac3", ".webm"), ("aac", ".mkv")):
        clip = write_clip(tmp_path / f"{sound}.ts", halves(5), times, sound=sound)
        result = run(clip, tmp_path, output=str(tmp_path / f"out/a{kind}"), table="csv", overwrite=True)
        with av.open(str(clip)) as before, av.open(str(result)) as after:
            assert before.start_time > 3599 * av.time_base and after.duration < 1.2 * av.time_base
            assert max(abs(stream.start_time * stream.time_base) for stream in after.streams) < 0.1
        assert [round(time, -2) for time in read_clip(result)[1]] == [0, 100, 200, 300, 400]
        with result.with_suffix(".frames.csv").open() as file:
            assert [round(float(row["seconds"]), 1) for row in csv.DictReader(file)] == [0, 0.1, 0.2, 0.3, 0.4]
        result.unlink()


def test_a_colon_in_a_name_is_no_protocol(bright, tmp_path, monkeypatch):
    write_clip(tmp_path / "2026-11-27T12:30:05.mp4", halves(2), sound="aac")
    monkeypatch.chdir(tmp_path)
    result = run("2026-11-27T12:30:05.mp4", tmp_path, show="map")
    assert result.name == "2026-11-27T12:30:05.mp4" and len(read_clip(result)[0]) == 2


def test_gif(bright, tmp_path):
    first, *others = map(Image.fromarray, halves(4))
    first.save(tmp_path / "a.gif", save_all=True, append_images=others, duration=[100, 300, 100, 700])
    frames, times, durations = read_clip(run(tmp_path / "a.gif", tmp_path, show="map"))
    assert times == [0, 100, 400, 500] and durations[-1] == 700 and frames.shape == (4, HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("rotation, expected", [
    ({"degrees": 90}, lambda x: np.rot90(x, 1)), ({"degrees": -90}, lambda x: np.rot90(x, -1)),
    ({"degrees": 180}, lambda x: np.rot90(x, 2)), ({"degrees": 0, "hflip": True}, lambda x: x[:, ::-1]),
    ({"degrees": 0, "vflip": True}, lambda x: x[::-1]),
])  # fmt: skip
def test_phones_films_are_upright(bright, tmp_path, rotation, expected):
    clip = write_clip(tmp_path / "clip.mov", halves(2), **rotation)
    frames = read_clip(run(clip, tmp_path, show="map"))[0][..., 0]
    wanted = np.stack([expected(frame).mean(axis=-1) for frame in halves(2)])
    assert frames.shape == wanted.shape and abs(frames - wanted).mean() < 4


@pytest.mark.parametrize("height, matrix, said", [
    (64, 5, True), (64, 5, False), (720, reading.BT709, True), (720, reading.BT709, False), (720, reading.BT2020, True),
])  # fmt: skip
def test_colours_are_those_of_the_source_whatever_its_matrix(bright, tmp_path, monkeypatch, height, matrix, said):
    """And whether its header names it; FFmpeg's 6 is its 5 by another name."""
    monkeypatch.setattr(Bright, "_run", lambda self, images: np.ones((1, 64, 64), np.float32))
    patch = np.full((height, 64, 3), (200, 60, 30), np.uint8)
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("libx264", RATE, {"crf": "1"}, width=64, height=height, pix_fmt="yuv420p")
        stream.codec_context.colorspace = {5: 6}.get(matrix, matrix) if said else reading.UNKNOWN
        frame = av.VideoFrame.from_ndarray(patch).reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=1)
        frame.pts, frame.time_base, frame.colorspace = 0, Fraction(1, RATE), stream.codec_context.colorspace
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with av.open(str(run(tmp_path / "clip.mp4", tmp_path))) as container:
        shown = next(container.decode(video=0))
    assert shown.colorspace == (matrix if matrix == reading.BT2020 else reading.BT709)
    assert abs(shown.to_ndarray(format="rgb24").astype(int) - patch).max() <= 5


@pytest.mark.parametrize("faststart", [False, True])
def test_of_a_truncated_file_what_can_be_read_is_written_and_said(bright, tmp_path, capsys, faststart):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(20)]
    clip = write_clip(tmp_path / "clip.mp4", noise, faststart=faststart)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    if not faststart:  # where its frames lie stands at its end
        with pytest.raises(ValueError, match="clip.mp4: not a readable video .Invalid data"):
            run(clip, tmp_path)
        assert not (tmp_path / "out").exists()
        return
    result = run(clip, tmp_path, status=1)
    assert 5 < len(read_clip(result)[0]) < 15
    assert f"warning: {clip}: it ends early: " in (said := capsys.readouterr().err) and " s of 2.4 s are there" in said


def test_damaged_frames_are_counted(bright, tmp_path, capsys):
    clip = write_clip(tmp_path / "clip.mp4", halves(6))
    with av.open(str(clip)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    data = bytearray(clip.read_bytes())
    data[places[3] : places[3] + 4] = b"\xff" * 4  # the length of what follows
    clip.write_bytes(data)
    result = run(clip, tmp_path, status=1)
    assert f"warning: {clip}: 1 damaged frame(s) were left out\n" == capsys.readouterr().err
    assert read_clip(result)[1] == [0, 100, 200, 400, 500]


def test_a_camera(bright, tmp_path, monkeypatch, capsys):
    """A file in its place: OpenCV reads both alike."""
    clip, opened = write_clip(tmp_path / "clip.mp4", halves(9)), []
    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: opened.append(number) or real(str(clip)))
    result = run("3", tmp_path, frames=4, show="map")
    frames, times, _ = read_clip(result)
    assert opened == [3] and result.name == "camera3.mp4" and len(frames) == 4 and sorted(set(times)) == times
    assert abs(frames[..., 0].astype(int) - read_clip(clip)[0][:4, ..., :3].mean(axis=-1)).mean() < 4
    run("3", tmp_path, status=1, show="map", overwrite=True)  # as if it were pulled out
    assert "warning: camera3: it gave no more frames" in capsys.readouterr().err


def test_ctrl_c_ends_a_cameras_film_and_keeps_it(bright, tmp_path, monkeypatch):
    clip, real = write_clip(tmp_path / "clip.mp4", halves(30)), cv2.VideoCapture

    class Capture:  # OpenCV's own class does not bear subclasses
        def __init__(self, path):
            self.real, self.left = real(path), 5

        def __getattr__(self, name):
            return getattr(self.real, name)

        def read(self):
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGINT)
            return self.real.read()

    monkeypatch.setattr(cv2, "VideoCapture", lambda _: Capture(str(clip)))
    assert len(read_clip(run("0", tmp_path, show="map"))[0]) == 5
