"""video: the whole command, and what it refuses."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main
from ran.imaging import renderings
from ran.tools import export
from ran.tools.video import reading
from ran.utils.tool_options import ExportOptions
from tests.tools.video.clips import HEIGHT, WIDTH, Bright, halves, read_clip, run, write_clip

ROOT = Path(__file__).parents[3]
# What a deployment without PyTorch lacks; None in sys.modules is an ImportError for whoever asks.
WITHOUT = "import sys\nsys.modules |= dict.fromkeys({missing})\nimport main\nsys.exit(main.main({words}))"


@pytest.mark.parametrize("show", ["map", *renderings.RENDERINGS])
def test_every_rendering_is_shown(bright, tmp_path, show):
    clip = write_clip(tmp_path / "clip.mp4", halves(2))
    result = run(clip, tmp_path, show=show)
    assert result.name == {"map": "clip.mp4", "cutout": "clip.cutout.webm"}.get(show, f"clip.{show}.mp4")
    assert read_clip(result)[0].shape == (2, HEIGHT, WIDTH, 4)


def test_a_cut_out_on_a_colour(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(3))
    result = run(clip, tmp_path, show="cutout", background="#00ff00")
    frames = read_clip(result)[0][..., :3].astype(int)
    assert result.name == "clip.cutout.mp4"
    assert abs(frames[:, 40:60, 70:90] - (0, 255, 0)).max() < 12 and abs(frames[:, 40:60, 4:16] - 255).max() < 12


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


def test_a_table_of_all_frames_has_the_columns_of_predict(bright, tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", halves(4), [0, 100, 130, 400])
    result = run(clip, tmp_path, table="csv")
    with result.with_suffix(".frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    picture = read_clip(clip)[0][2, ..., :3]
    numbers = renderings.numbers(picture, Bright().levels(picture), picture.shape[:2])
    assert list(rows[0]) == ["frame", "seconds", *numbers]
    assert [row["seconds"] for row in rows] == ["0.0", "0.1", "0.13", "0.4"]
    assert float(rows[2]["in_focus"]) == numbers["in_focus"] and float(rows[2]["sharpness"]) == numbers["sharpness"]


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
