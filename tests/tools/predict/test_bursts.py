"""Bursts: what is grouped, and how its frames are ranked."""

import csv
from itertools import combinations

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.bursts import frames
from ran.imaging.renderings import numbers
from ran.imaging.writing import write_png
from ran.tools.predict import command as predict
from ran.tools.predict.bursts import LIKENESS, columns, fingerprint, likeness, mark, thumbnails
from ran.tools.sample import photograph

SCENES = ("astronaut", "chelsea", "coffee", "rocket", "camera")


def row(name: str, picture: np.ndarray, **more) -> dict:
    everything = np.full(picture.shape[:2], 255, np.uint8)
    return {"name": name, **numbers(picture, everything, picture.shape[:2]), "fingerprint": fingerprint(picture)} | more


def test_frames_of_a_burst_are_alike_and_other_pictures_are_not():
    """Shifted, exposed, defocused and noisy ones, on either side of the limit and not near it."""
    rng = np.random.default_rng(1)
    small = {name: thumbnails([fingerprint(x) for x, _ in frames(photograph(name), 6, rng)]) for name in SCENES}
    same = [likeness(one, found).min() for found in small.values() for one in found]
    other = [likeness(one, small[b]).max() for a, b in combinations(SCENES, 2) for one in small[a]]
    assert min(same) > LIKENESS + 0.04 and max(other) < LIKENESS - 0.2
    for name in SCENES:
        height, width = np.array(photograph(name).shape[:2]) // 2
        parts = [photograph(name)[y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
        quarters = thumbnails([fingerprint(part) for part in parts])
        assert max(likeness(quarters[i], quarters[i + 1 :]).max() for i in range(3)) < LIKENESS - 0.05


def test_frames_are_ranked_by_their_blur_whatever_noise_and_exposure():
    rng = np.random.default_rng(2)
    made = {name: list(frames(photograph(name), 6, rng)) for name in SCENES}
    rows = [row(f"{name}{i}", frame, radius=radius) for name in SCENES for i, (frame, radius) in enumerate(made[name])]
    rng.shuffle(rows)
    mark(rows)
    assert {row["group"] for row in rows} == {1, 2, 3, 4, 5}
    for name in SCENES:
        burst = sorted((row for row in rows if row["name"].startswith(name)), key=lambda row: row["rank"])
        assert [row["rank"] for row in burst] == [1, 2, 3, 4, 5, 6] and len({row["group"] for row in burst}) == 1
        radii = [row["radius"] for row in burst]
        assert radii[0] == min(radii)
        # Two radii that are nearly the same may change places.
        assert all(after > before - 0.5 for before, after in zip(radii, radii[1:]))


def test_a_sharp_spot_does_not_make_a_frame_the_best():
    picture = photograph("coffee")
    found = ((0.31, 0.6), (0.34, 0.7), (0.45, 0.03), (0.2, 0.0), (0.3, 0.0))  # sharpness, share in focus
    rows = [row(str(number), picture, sharpness=a, in_focus=b) for number, (a, b) in enumerate(found)]
    mark(rows)
    assert [row["rank"] for row in rows] == [2, 1, 3, 5, 4]


def test_pictures_taken_apart_are_no_burst_and_neighbours_are_a_chain():
    picture = photograph("coffee")
    times = ("2024-05-01T10:00:08", "2024-05-01T10:00:04", "2024-05-01T10:00:00", "2024-05-01T10:01:00")
    rows = [row(str(number), picture, captured=time) for number, time in enumerate(times)]
    mark(rows)
    assert [row["group"] for row in rows] == [1, 1, 1, 2] and rows[3]["rank"] == 1
    rows = [row("0", picture, captured=times[0]), row("1", picture, captured=""), row("2", picture)]
    mark(rows)
    assert [row["group"] for row in rows] == [1, 1, 1]


def test_flat_pictures_are_alone_and_rows_without_a_fingerprint_stay():
    flat = np.full((40, 60, 3), 90, np.uint8)
    rows = [row("0", flat), row("1", flat), {"name": "2"}, {"name": "3", "fingerprint": "7.7e+255"}]
    mark(rows)
    assert [row.get("group") for row in rows] == [1, 2, None, None]
    mark([])


def test_the_time_of_an_exif_counts(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:00:08"
    Image.fromarray(photograph("coffee")).save(tmp_path / "a.jpg", exif=exif)
    exif.get_ifd(0x8769)[0x9003] = "0000:00:00 00:00:00"
    Image.fromarray(photograph("coffee")).save(tmp_path / "b.jpg", exif=exif)
    (tmp_path / "c.jpg").write_text("no picture")
    found = [columns(photograph("coffee"), tmp_path / f"{name}.jpg")["captured"] for name in "abc"]
    assert found == ["2024-05-01T10:00:08", "", ""]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_table_has_bursts_over_several_runs(options, shoot, tmp_path, kind, monkeypatch):
    """Frames that were there already are not read again."""
    options.table, picture = kind, photograph("chelsea")
    names = {"a": picture, "b": photograph("rocket"), "day 2/ä": cv2.GaussianBlur(picture, (0, 0), 3)}
    for name, frame in names.items():
        write_png(shoot / f"{name}.png", frame)
    assert predict.run(options) == 0
    write_png(shoot / "c.png", cv2.GaussianBlur(picture, (0, 0), 1.5))
    read = []
    monkeypatch.setattr(predict, "read_image", lambda path, *_: read.append(path.name) or photograph("chelsea"))
    assert predict.run(options) == 0 and read == ["c.png"]
    table = predict.Table(tmp_path / f"out/focus.{kind}").rows
    assert [int(table[name]["group"]) for name in ("a", "b", "c", "day 2/ä")] == [1, 2, 1, 1]
    assert sorted(int(table[name]["rank"]) for name in ("a", "c", "day 2/ä")) == [1, 2, 3]
    if kind == "csv":
        header = next(csv.reader((tmp_path / "out/focus.csv").open()))
        assert header[-5:] == ["sharpness", "captured", "group", "rank", "fingerprint"]
    (shoot / "a.png").unlink()  # what is gone has no place among the others
    assert predict.run(options) == 0
    table = predict.Table(tmp_path / f"out/focus.{kind}").rows
    assert sorted(int(table[name]["rank"]) for name in ("c", "day 2/ä")) == [1, 2] and not table["a"]["group"]
