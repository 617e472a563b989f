"""The notebook runs from top to bottom, with a file to upload as in Colab."""

import json
import sys
import tempfile
from types import SimpleNamespace

import matplotlib
import pytest

from tests.processes import ROOT

FOLDER = ROOT / "examples"


@pytest.mark.slow
def test_it_runs_and_leaves_nothing_in_the_repository(tmp_path, monkeypatch, dataset):
    cells = json.loads((FOLDER / "focus.ipynb").read_text(encoding="utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for words, fewer in (('"--epochs", 4', '"--epochs", 1'), ('"--images", 60', '"--images", 24')):
        assert code.count(words) == 1
        code = code.replace(words, fewer)
    before = sorted(FOLDER.parent.glob("*")) + sorted(FOLDER.rglob("*"))
    files = SimpleNamespace(upload=lambda: [next((dataset / "SAMPLE/Test/images").iterdir())])
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(files=files))
    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    matplotlib.use("agg")
    exec(code, names := {})
    assert names["scores"]["after"]["mae"] < names["scores"]["before"]["mae"]
    assert sorted(FOLDER.parent.glob("*")) + sorted(FOLDER.rglob("*")) == before
