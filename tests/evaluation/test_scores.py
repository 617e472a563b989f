from pathlib import Path

import numpy as np
import pytest

from ran.evaluation.metrics import SetScore, score_image
from ran.evaluation.scores import Difference, MethodScores, paired_difference, read_scores, write_scores


def method(name: str, levels: list[int], first: int = 0, maps: str = "/somewhere/maps") -> MethodScores:
    """A method whose map of every image has one level; the truth's left half is in focus."""
    mask = np.repeat(np.uint8([[255] * 8 + [0] * 8]), 16, axis=0)
    images = [np.where(mask > 0, level, 0).astype(np.uint8) for level in levels]
    scores = SetScore(score_image(f"image{first + i}", image, mask) for i, image in enumerate(images))
    return MethodScores.of(name, "SET", scores, folders={"maps": maps}, about={"epoch": 3})


def test_files_give_back_what_was_written_also_from_below_a_link(tmp_path):
    (tmp_path / "disk/deep/runs").mkdir(parents=True)
    (tmp_path / "runs").symlink_to(tmp_path / "disk/deep/runs")
    (tmp_path / "maps").mkdir()
    written = [method("a", [255, 200], maps=str(tmp_path / "maps")), method("b, with a comma", [100, 50])]
    write_scores(tmp_path / "runs/x", written)
    for path in (tmp_path / "runs/x", tmp_path / "runs/x/scores.json"):
        for before, after in zip(written, read := read_scores(path), strict=True):
            assert after.totals == before.totals and after.rows == before.rows and after.about == before.about
            assert after.method == before.method and np.allclose(after.curves, before.curves, atol=1e-6)
    assert '"maps": "../../../../maps"' in path.read_text()
    assert (tmp_path / "runs/x/scores.csv").read_text().splitlines()[1].startswith("a,SET,image0,")
    assert Path(read[0].folders["maps"]).samefile(tmp_path / "maps")
    assert Path(read[1].folders["maps"]).resolve() == Path("/somewhere/maps")


@pytest.mark.parametrize("old, new", [
    ("{", "["), ("scores", "other"), ("SET", "../up"), ("images", "image"), ("0.0", "null"), ("[[", "[[1,"),
])  # fmt: skip
def test_other_files_are_refused(tmp_path, old, new):
    write_scores(tmp_path, [method("a", [255])])
    (tmp_path / "scores.json").write_text((tmp_path / "scores.json").read_text().replace(old, new))
    with pytest.raises(ValueError, match="scores.json: not a score file that test or evaluate of this version wrote"):
        read_scores(tmp_path)
    with pytest.raises(FileNotFoundError, match="`test` and `evaluate` write one"):
        read_scores(tmp_path / "nowhere")


@pytest.mark.parametrize("column, mean, images, better", [
    ("mae", -0.021, 10, "b"), ("mae", 0.021, 10, "a"), ("mae", -0.019, 10, ""), ("mae", -0.021, 9, ""),
    ("s", 0.021, 10, "b"), ("s", -0.021, 10, "a"), ("s", 0.019, 10, ""), ("s", 0.0, 10, ""),
])  # fmt: skip
def test_a_difference_counts_beyond_two_standard_errors_of_ten_images(column, mean, images, better):
    difference = Difference(column, "a", "b", mean, 0.01, images)
    assert difference.better == better and difference.cells[2:4] == [f"{mean:+.4f} ± 0.0100", str(images)]
    noise = "no difference beyond noise" if images == 10 else "too few images"
    assert difference.cells[-1] == (f"{better} is better" if better else noise)


def test_differences_pair_images_by_name():
    gain = paired_difference(method("a", [1, 200, 100]), method("b", [100, 110], first=1), "mae")
    values = np.array([200 - 100, 100 - 110]) / 255 / 2
    assert (gain.first, gain.second, gain.images) == ("a", "b", 2)
    assert (gain.mean, gain.error) == pytest.approx((values.mean(), values.std(ddof=1) / 2**0.5))
    assert paired_difference(method("a", [200, 1]), method("b", [100, 2], first=1), "mae") is None
