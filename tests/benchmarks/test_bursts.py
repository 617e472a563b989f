import csv
from types import SimpleNamespace

import numpy as np

from benchmarks import bursts


def test_bursts_are_apart_from_other_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(bursts, "SCENES", ("coffee", "chelsea"))
    monkeypatch.setattr(bursts, "TEXTURES", ("grass",))
    sharp = SimpleNamespace(levels=lambda picture: np.full(picture.shape[:2], 255, np.uint8))
    monkeypatch.setattr(bursts, "load_model", lambda: sharp)
    bursts.measure(bursts.Options(frames=3, output=str(tmp_path)))
    rows = list(csv.DictReader((tmp_path / "likeness.csv").open()))
    assert len(rows) == 3 * 3 + 3 + 3 * 6 + 3
    ranks = list(csv.DictReader((tmp_path / "ranks.csv").open()))
    assert len(ranks) == 3 * 3 and {row["rank"] for row in ranks} == {"1", "2", "3"}
    lines = (tmp_path / "bursts.md").read_text().splitlines()
    assert len(lines) == 7 + 1 + 4 and lines[2].endswith("| 100.0% | 2 of 2 |")
    assert [line.split("|")[-3].strip() for line in lines[4:6]] == ["0.0%", "0.0%"]
