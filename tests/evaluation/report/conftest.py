"""Published numbers for the tests of the report."""

import json

import pytest


@pytest.fixture
def published(tmp_path):
    rows = {"Old": {"mae": 0.2, "p3_f": 0.95}, "Sloppy": {"mae": 0.05}}
    known = [{"source": "a paper", "protocol": "P3", "set": "CUHK", "images": 4, "rows": rows}]
    (tmp_path / "published.json").write_text(json.dumps(known))
    return tmp_path / "published.json"
