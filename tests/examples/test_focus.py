"""The notebook runs from top to bottom."""

import json
import tempfile
from pathlib import Path

import matplotlib
import pytest

FOLDER = Path(__file__).parents[2] / "examples"
CELLS = json.loads((FOLDER / "focus.ipynb").read_text(encoding="utf-8"))["cells"]


def test_outputs_are_cleared():
    assert not [cell for cell in CELLS if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_it_runs_and_leaves_nothing_in_the_repository(tmp_path, monkeypatch):
    code = "\n\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code")
    for words, fewer in (('"--epochs", 4', '"--epochs", 1'), ('"--images", 60', '"--images", 24')):
        assert code.count(words) == 1
        code = code.replace(words, fewer)
    before = sorted(FOLDER.parent.glob("*")) + sorted(FOLDER.rglob("*"))
    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    matplotlib.use("agg")
    exec(code, names := {})
    assert names["scores"]["after"]["mae"] < names["scores"]["before"]["mae"]
    assert sorted(FOLDER.parent.glob("*")) + sorted(FOLDER.rglob("*")) == before
    assert (next(tmp_path.glob("ran-*")) / "mine/best_model.safetensors").is_file()
