import csv

import numpy as np

from benchmarks import bursts


def test_bursts_are_apart_from_other_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(bursts, "SCENES", ("coffee", "chelsea"))
    monkeypatch.setattr(bursts, "TEXTURES", ("grass",))
    monkeypatch.setattr(bursts, "load_model", lambda: lambda picture: np.ones(picture.shape[:2], np.float32))
    bursts.measure(bursts.Options(frames=3, output=str(tmp_path)))
    rows = list(csv.DictReader((tmp_path / "likeness.csv").open()))
    assert len(rows) == 3 * 3 + 3 + 3 * 6 + 3
    ranks = list(csv.DictReader((tmp_path / "ranks.csv").open()))
    assert len(ranks) == 3 * 3 and {row["rank"] for row in ranks} == {"1", "2", "3"}
    lines = (tmp_path / "bursts.md").read_text().splitlines()
    assert len(lines) == 7 + 1 + 4 and lines[2].endswith("| 100.0% | 2 of 2 |")
    assert [line.split("|")[-3].strip() for line in lines[4:6]] == ["0.0%", "0.0%"]
