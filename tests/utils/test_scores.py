import dataclasses

import numpy as np
import pytest

from utils.metrics import score_image
from utils.scores import MethodScores, Pictures, paired_difference, read_scores, write_scores


def method(name: str, levels: list[int], first: int = 0) -> MethodScores:
    """A method whose map of every image has one level; the truth's left half is in focus."""
    mask = np.repeat(np.uint8([[255] * 8 + [0] * 8]), 16, axis=0)
    scores = [score_image(f"image{first + i}", np.where(mask > 0, level, 0).astype(np.uint8), mask)
              for i, level in enumerate(levels)]  # fmt: skip
    return MethodScores.of(name, "SET", scores, pictures=Pictures(maps=f"/somewhere/{name}"), about={"epoch": 3})


def test_files_give_back_what_was_written(tmp_path):
    written = [method("a", [255, 200]), method("b, with a comma", [100, 50])]
    write_scores(tmp_path / "x/y", written)
    for path in (tmp_path / "x/y", tmp_path / "x/y/scores.json"):
        read = read_scores(path)
        assert [one.method for one in read] == ["a", "b, with a comma"]
        for before, after in zip(written, read):
            assert after.totals == before.totals and after.rows == before.rows and after.about == before.about
            assert np.allclose(after.curves, before.curves, atol=1e-6)
    assert [str((tmp_path / one.pictures.maps).resolve()) for one in read] == [one.pictures.maps for one in written]
    assert read[0].pictures.images == ""


@pytest.mark.parametrize("name, text", [("scores.json", "{}"), ("scores.json", "["), ("scores.csv", "a,b\n1,2\n")])
def test_other_files_are_refused(tmp_path, name, text):
    write_scores(tmp_path, [method("a", [255])])
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="scores.json: not a score file that test or evaluate wrote"):
        read_scores(tmp_path)
    with pytest.raises(FileNotFoundError, match="`test` and `evaluate` write one"):
        read_scores(tmp_path / "nowhere")


def test_a_difference_counts_beyond_two_standard_errors():
    weak, strong = method("weak", [200, 210, 190, 205]), method("strong", [250, 255, 251, 254])
    gain = paired_difference(weak, strong, "mae")
    values = np.array([s["mae"] - w["mae"] for w, s in zip(weak.rows, strong.rows)])
    assert gain.mean == pytest.approx(values.mean()) and gain.error == pytest.approx(values.std(ddof=1) / 2)
    assert gain.images == 4 and gain.shown and gain.better == "strong"
    assert paired_difference(strong, weak, "mae").better == "strong"
    assert dataclasses.replace(gain, column="s").better == "weak"  # there lower is worse
    noise = paired_difference(method("a", [200, 100]), method("b", [100, 201]), "mae")
    assert not noise.shown and noise.better == ""
    assert not paired_difference(weak, dataclasses.replace(weak, method="same"), "mae").shown


def test_differences_pair_images_by_name():
    gain = paired_difference(method("a", [200, 100, 50]), method("b", [110, 60], first=1), "mae")
    assert gain.images == 2 and gain.mean == pytest.approx(-(10 + 10) / 2 / 255 / 2)
    assert paired_difference(method("a", [200]), method("b", [100]), "mae") is None
    assert paired_difference(method("a", [200, 1]), method("b", [100, 2], first=1), "mae") is None
