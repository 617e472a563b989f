"""What is written: times, sound, transparency."""

import av
import numpy as np
import pytest

from ran.imaging import renderings
from ran.predictor import load_model
from ran.tools.sample import photograph
from tests.tools.video.clips import halves, read_clip, run, sound_of, write_clip


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
        assert (
            abs(np.asarray(renderings.overlay(frame, predictor.levels(frame))).astype(int) - shown).mean() < 4
        )  # what H.264 loses


def test_times_of_frames_are_kept_however_they_vary(bright, tmp_path):
    times = [0, 100, 130, 400, 1000]
    for suffix, codec in ((".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")):
        clip = write_clip(tmp_path / f"clip{suffix}", halves(5), times, codec=codec)
        result = run(clip, tmp_path, output=str(tmp_path / f"out/a{suffix}"), show="map")
        frames, same, durations = read_clip(result)
        assert same == times and (suffix != ".mp4" or durations[-1] == 500)
        assert abs(frames[..., 0].astype(int) - read_clip(clip)[0][..., :3].mean(axis=-1)).mean() < 4
        result.unlink()


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_a_cut_out_is_transparent_where_the_container_can_be(bright, tmp_path, suffix):
    clip = write_clip(tmp_path / "clip.mp4", halves(3))
    result = run(clip, tmp_path, output=str(tmp_path / f"out/a{suffix}"), show="cutout")
    alpha = read_clip(result)[0][..., 3]
    brightness = read_clip(clip)[0][..., :3].mean(axis=-1)
    assert alpha.min() < 5 and alpha.max() > 250 and abs(alpha - brightness).mean() < 4


def test_odd_sides_become_longer_by_a_pixel(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(2, 67, 41))
    result = run(clip, tmp_path, show="map")
    assert read_clip(result)[0].shape == (2, 42, 68, 4)


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


def test_the_first_frames_alone_with_their_sound(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(20), sound="aac")
    result = run(clip, tmp_path, frames=5)
    assert len(read_clip(result)[0]) == 5
    assert 0.4 * 48000 < 1024 * len(sound_of(result)[1]) < 0.6 * 48000
