"""video: clips as cameras and phones write them, made here, through the whole command."""

import csv
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

import main
from ran.imaging import renderings
from ran.predictor import Predictor, load_model
from ran.tools import export, video
from ran.tools.sample import photograph
from ran.tools.video import command, reading, writing
from ran.tools.video.smoothing import SECONDS, Smoother
from ran.utils.photograph_options import VideoOptions
from ran.utils.tool_options import ExportOptions

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT, RATE = 96, 64, 10
# What a deployment without PyTorch lacks; None in sys.modules is an ImportError for whoever asks.
WITHOUT = "import sys\nsys.modules |= dict.fromkeys({missing})\nimport main\nsys.exit(main.main({words}))"


class Bright(Predictor):
    """A predictor to whom what is bright is in focus: every map can be told from its frame."""

    def __init__(self):
        super().__init__({"config": {"img_size": 64}}, "cpu")

    def _run(self, images):
        return images.astype(np.float32).mean(axis=1) / 255


@pytest.fixture
def bright(monkeypatch):
    monkeypatch.setattr(command, "load_model", lambda *_: Bright())


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


def test_a_clip_keeps_its_times_and_its_sound(run_folder, tmp_path, capsys):
    frames = [photograph("coffee")[100:164, number : number + 96] for number in range(6)]
    clip = write_clip(tmp_path / "clip.mp4", frames, sound="aac")
    result = run(clip, tmp_path, model_path=str(run_folder))
    assert result.name == "clip.overlay.mp4" and sound_of(result) == sound_of(clip)
    assert "6 frame(s) in" in (said := capsys.readouterr()).out and "in the network alone): " in said.out
    (before, *times), (after, *same) = read_clip(clip), read_clip(result)
    assert times == same
    predictor = load_model(run_folder, "cpu")
    for frame, shown in zip(before[..., :3], after[..., :3]):
        assert abs(renderings.overlay(frame, predictor(frame)).astype(int) - shown).mean() < 4  # what H.264 loses


def test_times_of_frames_are_kept_however_they_vary(bright, tmp_path):
    times = [0, 100, 130, 400, 1000]
    for suffix, codec in ((".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")):
        clip = write_clip(tmp_path / f"clip{suffix}", halves(5), times, codec=codec)
        result = run(clip, tmp_path, output=str(tmp_path / f"out/a{suffix}"), show="map")
        frames, same, durations = read_clip(result)
        assert same == times and (suffix != ".mp4" or durations[-1] == 500)
        assert abs(frames[..., 0].astype(int) - read_clip(clip)[0][..., :3].mean(axis=-1)).mean() < 4
        result.unlink()


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


@pytest.mark.parametrize("show", ["map", *renderings.RENDERINGS])
def test_every_rendering_is_shown(bright, tmp_path, show):
    clip = write_clip(tmp_path / "clip.mp4", halves(2))
    result = run(clip, tmp_path, show=show)
    assert result.name == {"map": "clip.mp4", "cutout": "clip.cutout.webm"}.get(show, f"clip.{show}.mp4")
    assert read_clip(result)[0].shape == (2, HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_a_cut_out_is_transparent_where_the_container_can_be(bright, tmp_path, suffix):
    clip = write_clip(tmp_path / "clip.mp4", halves(3))
    result = run(clip, tmp_path, output=str(tmp_path / f"out/a{suffix}"), show="cutout")
    alpha = read_clip(result)[0][..., 3]
    brightness = read_clip(clip)[0][..., :3].mean(axis=-1)
    assert alpha.min() < 5 and alpha.max() > 250 and abs(alpha - brightness).mean() < 4


def test_a_cut_out_on_a_colour(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(3))
    result = run(clip, tmp_path, show="cutout", background="#00ff00")
    frames = read_clip(result)[0][..., :3].astype(int)
    assert result.name == "clip.cutout.mp4"
    assert abs(frames[:, 40:60, 70:90] - (0, 255, 0)).max() < 12 and abs(frames[:, 40:60, 4:16] - 255).max() < 12


def test_odd_sides_become_longer_by_a_pixel(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(2, 67, 41))
    result = run(clip, tmp_path, show="map")
    assert read_clip(result)[0].shape == (2, 42, 68, 4)


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


@pytest.mark.parametrize("sound, kind, became, by", [
    ("aac", ".webm", "opus", "libopus"), ("pcm_s16le", ".mp4", "aac", "aac"),
])  # fmt: skip
def test_sound_that_the_container_does_not_hold_is_encoded_anew(bright, tmp_path, capsys, sound, kind, became, by):
    clip = write_clip(tmp_path / "clip.mov", halves(5), sound=sound)
    result = run(clip, tmp_path, output=str(tmp_path / f"out/a{kind}"))
    assert sound_of(result)[0] == became
    assert f"clip.mov: its sound ({sound}) is encoded anew, by {by}\n" in capsys.readouterr().err
    with av.open(str(result)) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert abs(len(samples) / 48000 - 0.9) < 0.1 and abs(samples).max() > 0.1


@pytest.mark.parametrize("sound, layout, named, kind, channels", [
    ("ac3", "5.1(side)", "5.1(side)", ".webm", 6), ("aac", "7.1", "7.1", ".webm", 8),
    ("pcm_s16le", "5.1", "6 channels", ".mp4", 6),
])  # fmt: skip
def test_surround_sound_keeps_its_channels(bright, tmp_path, sound, layout, named, kind, channels):
    clip = write_clip(tmp_path / "clip.mkv", halves(5), sound=sound, layout=layout)
    result = run(clip, tmp_path, output=str(tmp_path / f"out/a{kind}"))
    with av.open(str(clip)) as before, av.open(str(result)) as after:
        assert before.streams.audio[0].layout.name == named
        assert after.streams.audio[0].layout.nb_channels == channels


def test_tracks_that_are_left_out_are_said(bright, tmp_path, capsys):
    clip, more = write_clip(tmp_path / "clip.mkv", halves(5), sound="aac"), tmp_path / "more.mkv"
    (tmp_path / "text.srt").write_text("1\n00:00:00,000 --> 00:00:00,400\nin focus\n")
    with av.open(str(clip)) as one, av.open(str(tmp_path / "text.srt")) as text, av.open(str(more), "w") as container:
        tracks = [*one.streams, one.streams.audio[0], *text.streams]
        outputs = [(track, container.add_stream_from_template(track)) for track in tracks]
        for source in (one, text):
            for packet in source.demux():
                for out in [out for track, out in outputs if track is packet.stream and packet.dts is not None]:
                    packet.stream = out
                    container.mux(packet)
    run(more, tmp_path)
    said = [f"warning: {more}: 1 further {kind} track(s) left out" for kind in ("sound", "subtitle")]
    assert capsys.readouterr().err.splitlines() == said


def test_a_background_that_is_hardly_readable_is_said_as_all_else(bright, tmp_path, capsys):
    pages, clip = tmp_path / "pages.tif", write_clip(tmp_path / "clip.mp4", halves(2))
    Image.new("RGB", (96, 64)).save(pages, save_all=True, append_images=[Image.new("RGB", (96, 64))])
    run(clip, tmp_path, show="cutout", background=str(pages))
    assert capsys.readouterr().err == f"warning: {pages}: 1 more page(s) or frame(s) in it are not read\n"


@pytest.mark.parametrize("folder", ["res.2024", "d.mp4"])
def test_a_folder_may_have_a_dot_in_its_name(bright, tmp_path, folder):
    (tmp_path / "out" / folder).mkdir(parents=True)
    run(write_clip(tmp_path / "clip.mp4", halves(2)), tmp_path, output=str(tmp_path / "out" / folder))
    assert [path.name for path in (tmp_path / "out" / folder).iterdir()] == ["clip.overlay.mp4"]


def test_the_first_frames_alone_with_their_sound(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(20), sound="aac")
    result = run(clip, tmp_path, frames=5)
    assert len(read_clip(result)[0]) == 5
    assert 0.4 * 48000 < 1024 * len(sound_of(result)[1]) < 0.6 * 48000


def test_a_table_of_all_frames_has_the_columns_of_predict(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(4), [0, 100, 130, 400])
    result = run(clip, tmp_path, table="csv")
    with result.with_suffix(".frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    picture = read_clip(clip)[0][2, ..., :3]
    numbers = renderings.numbers(picture, Bright()(picture), picture.shape[:2])
    assert list(rows[0]) == ["frame", "seconds", *numbers]
    assert [row["seconds"] for row in rows] == ["0.0", "0.1", "0.13", "0.4"]
    assert float(rows[2]["in_focus"]) == numbers["in_focus"] and float(rows[2]["sharpness"]) == numbers["sharpness"]


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


def test_nothing_is_left_of_what_was_interrupted(bright, tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "clip.mp4", halves(9))

    def interrupt(self, images):
        interrupt.left -= 1
        if not interrupt.left:
            raise KeyboardInterrupt
        return np.ones((1, 64, 64), np.float32)

    interrupt.left = 8
    monkeypatch.setattr(Bright, "_run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(clip, tmp_path)
    assert not (tmp_path / "out").exists()


def test_smoothing_takes_flicker_and_keeps_cuts(tmp_path):
    rng, smoother = np.random.default_rng(0), Smoother()
    pictures = [photograph(name)[:300, :400] for name in ("coffee", "astronaut")]
    raw, smooth = [], []
    for number in range(40):
        picture = pictures[number // 20] + rng.normal(0, 6, (300, 400, 3))
        probability = (0.5 + rng.normal(0, 0.1, (64, 64))).clip(0, 1).astype(np.float32)
        seen = cv2.resize(picture.clip(0, 255).astype(np.uint8), (64, 64), interpolation=cv2.INTER_AREA)
        raw.append(probability)
        smooth.append(smoother(seen, probability, number / 25))
    flicker, before = (np.abs(np.diff(maps[2:20], axis=0)).mean() for maps in (smooth, raw))
    assert flicker < 0.5 * before
    assert np.abs(smooth[20] - raw[20]).max() < 1 / 255  # the cut
    assert np.abs(smooth[21] - raw[21]).max() > 10 / 255


def test_smoothing_lets_go_of_what_moves_and_of_what_is_long_ago():
    smoother, still = Smoother(), np.full((64, 64, 3), 90, np.uint8)
    smoother(still, np.zeros((64, 64), np.float32), 0)
    moved = still.copy()
    moved[:, 40:] = 200
    after = smoother(moved, np.ones((64, 64), np.float32), 0.04)
    assert after[:, 44:].min() > 0.99 and after[:, :24].max() < 0.5
    assert smoother(moved, np.zeros((64, 64), np.float32), 0.04 + 10 * SECONDS).max() < 0.01


def test_smoothing_goes_on_while_the_camera_moves():
    smoother, rng = Smoother(), np.random.default_rng(0)
    maps = rng.random((8, 64, 64), dtype=np.float32)
    views = [cv2.resize(photograph("coffee")[:300, 2 * number : 400 + 2 * number], (64, 64)) for number in range(8)]
    smooth = [smoother(view, probability, number / 25) for number, (view, probability) in enumerate(zip(views, maps))]
    assert np.abs(np.diff(smooth[3:], axis=0)).mean() < 0.8 * np.abs(np.diff(maps[3:], axis=0)).mean()


def test_smoothing_is_an_option(bright, tmp_path):
    rng = np.random.default_rng(0)
    frames = [(photograph("coffee")[:HEIGHT, :WIDTH] * 0.5 + 60 + rng.normal(0, 4)).clip(0, 255).astype(np.uint8)
              for _ in range(12)]  # fmt: skip
    clip, flicker = write_clip(tmp_path / "clip.mp4", frames), []
    for smooth in (False, True):
        result = run(clip, tmp_path, show="map", smooth=smooth, overwrite=True)
        flicker.append(np.abs(np.diff(read_clip(result)[0][..., 0].astype(float), axis=0)).mean())
    assert flicker[1] < 0.9 * flicker[0]


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


@pytest.mark.slow
def test_onnx_needs_no_pytorch(run_folder, tmp_path):
    export.run(ExportOptions(model_path=str(run_folder), output=str(tmp_path / "tiny.onnx")))
    clip = write_clip(tmp_path / "clip.mp4", halves(3))
    words = ["video", str(clip), "--model", str(tmp_path / "tiny.onnx"), "--output", str(tmp_path / "out")]
    code = WITHOUT.format(missing=("torch", "torchvision", "timm", "safetensors", "skimage", "scipy"), words=words)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert len(read_clip(tmp_path / "out/clip.overlay.mp4")[0]) == 3


def test_mistakes_end_in_a_sentence(bright, tmp_path, monkeypatch):
    clip = write_clip(tmp_path / "clip.mp4", halves(2))
    (tmp_path / "notes.mp4").write_text("no video")
    (tmp_path / "old.mkv").touch()
    (tmp_path / "new.frames.csv").write_text("numbers")
    for more, message in (
        ({"paths": []}, "name one video, or the number of a camera, as in `video 0`$"),
        ({"paths": [str(tmp_path / "none.mp4")]}, "none.mp4: no such file"),
        ({"paths": [str(tmp_path / "notes.mp4")]}, "notes.mp4: not a readable video"),
        ({"paths": ["97"]}, "camera 97 cannot be opened"),
        ({"paths": ["99999999999"]}, "camera 99999999999 cannot be opened"),
        ({"output": "a.gif"}, "a video's name ends in .mp4, .mov, .mkv, .webm"),
        ({"output": "a.mp4", "show": "cutout"}, "no .mp4 with transparency: .webm or .mov, or --background"),
        ({"background": "red"}, "--background is about what is transparent: --cutout of predict"),
        ({"background": "reddish", "show": "cutout"}, "--background: no colour, .* nor a picture"),
        ({"blur": 5.0}, "--blur is about the bokeh: --bokeh of predict"),
        ({"output": str(tmp_path / "old.mkv")}, "old.mkv: is there already: --overwrite replaces it"),
        ({"output": str(tmp_path / "new.mp4"), "table": "csv"}, "new.frames.csv: is there already: --overwrite"),
        ({"output": str(clip), "show": "map"}, "clip.mp4 would be written over the video itself"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            run(clip, tmp_path, **more)
    monkeypatch.setattr(reading.av, "codecs_available", set())
    with pytest.raises(ValueError, match="the FFmpeg that PyAV brings here has no encoder for VP9"):
        run(clip, tmp_path, show="cutout")
    assert {path.name for path in tmp_path.iterdir()} == {"clip.mp4", "notes.mp4", "old.mkv", "new.frames.csv"}
    assert (tmp_path / "new.frames.csv").read_text() == "numbers"


def test_without_pyav_it_says_what_to_install():
    code = WITHOUT.format(missing=("av",), words=["video", "clip.mp4"])
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr == "error: video needs another package: pip install av\n"


def test_predict_says_where_videos_go(run_folder, tmp_path, capsys):
    clip = write_clip(tmp_path / "a clip.mp4", halves(2))
    assert main.main(["predict", str(clip), "--model_path", str(run_folder), "--output", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"error: {clip}: a video, for the command video: `ran video '{clip}'`\n"
