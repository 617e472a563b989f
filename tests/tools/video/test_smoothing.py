"""Maps that flicker less."""

import cv2
import numpy as np

from ran.tools.sample import photograph
from ran.tools.video.smoothing import SECONDS, Smoother
from tests.tools.video.clips import HEIGHT, WIDTH, read_clip, run, write_clip


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
    frames = [
        (photograph("coffee")[:HEIGHT, :WIDTH] * 0.5 + 60 + rng.normal(0, 4)).clip(0, 255).astype(np.uint8)
        for _ in range(12)
    ]
    clip, flicker = write_clip(tmp_path / "clip.mp4", frames), []
    for smooth in (False, True):
        result = run(clip, tmp_path, show="map", smooth=smooth, overwrite=True)
        flicker.append(np.abs(np.diff(read_clip(result)[0][..., 0].astype(float), axis=0)).mean())
    assert flicker[1] < 0.9 * flicker[0]
