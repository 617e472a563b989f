"""Published numbers, and the list of the images they stand for, for the tests of tables."""

import json

import pytest

from ran.evaluation import tables


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Path of published numbers on CUHK, whose images are 0 to 3, and DUT, whose images nobody knows."""
    rows = {"Old": {"mae": 0.2, "p3_f": 0.95}, "Sloppy": {"mae": 0.05}}
    papers = [
        {"source": "a paper", "protocol": "P3", "set": name, "images": 4, "rows": rows} for name in ("CUHK", "DUT")
    ]
    (tmp_path / "published.json").write_text(json.dumps(papers))
    (tmp_path / "CUHK_test.txt").write_text("0\n1\n2\n3\n")
    monkeypatch.setattr(tables, "SPLITS", tmp_path)
    return tmp_path / "published.json"
