"""The documents: tables agree with what is behind them, pages are built, extending.md and the notebook work."""

import json
import re
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import matplotlib
import pytest

from docs import tables
from ran.data.images import read_image, write_image
from ran.evaluation.scores import read_scores
from ran.tools.sample import photograph
from tests.processes import ROOT, checkout, lacks

# A block of extending.md: its file, where it goes there, and its lines.
BLOCK = re.compile(r"```python\n# (\S+), (at its end|above|in) ?([^\n]*)\n(.*?)```", re.DOTALL)
PLACES = {"at its end": r"\Z", "above": "(?m)^(?= *WHAT)", "in": r"(?ms)^( *)WHAT = [({].*?(?=^\1[)}])"}


@pytest.mark.slow
def test_the_tables_of_this_repository_are_up_to_date(capsys):
    assert tables.run(tables.DOCUMENTS, check=True) == 0, capsys.readouterr().out


def test_a_changed_number_is_found_and_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    (tmp_path / "one.md").write_text("| MAE |\n| .052 |\n")
    (path := tmp_path / "README.md").write_text("before\n<!-- table one.md -->\n| .051 |\n<!-- end -->\nafter\n")
    before = path.read_text()
    assert tables.run((path,), check=True) == 1 and path.read_text() == before
    assert capsys.readouterr().out == f"{path}: table one.md differs\n"
    assert tables.run((path,), check=False) == tables.run((path,), check=True) == 0
    assert path.read_text() == "before\n<!-- table one.md -->\n| MAE |\n| .052 |\n<!-- end -->\nafter\n"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what Sphinx calls
def test_the_pages_have_no_warning_and_hold_the_api(tmp_path, monkeypatch, capsys):
    try:
        from sphinx.cmd.build import main as sphinx_build
    except ModuleNotFoundError:
        lacks("Sphinx")
    monkeypatch.chdir(ROOT)
    words = re.search(r"sphinx-build (.*) build/pages", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()
    assert "--fail-on-warning" in words and sphinx_build([*words, str(tmp_path)]) == 0, capsys.readouterr().err
    api = (tmp_path / "docs/api.html").read_text(encoding="utf-8")
    for name in ("load_model", "predictor.Predictor", "model.network.RAN", "model.losses.ran_loss"):
        assert f'id="ran.{name}"' in api
    assert (tmp_path / "examples/focus.html").is_file()


@pytest.mark.slow  # a copy of the code needs a process of its own
def test_five_changes(dataset, tmp_path):
    root, text = checkout(tmp_path / "ran"), (ROOT / "docs/extending.md").read_text()
    assert len(BLOCK.findall(text)) == text.count("```python") >= 5
    for path, how, what, code in BLOCK.findall(text):
        source, pattern = (root / path).read_text(), PLACES[how].replace("WHAT", re.escape(what))
        (place,) = (match.end() for match in re.finditer(pattern, source))
        (root / path).write_text(source[:place] + "\n\n" * (how == "at its end") + code + source[place:])
    write_image(tmp_path / "cat.png", photograph("chelsea")[:96, :120])
    here, model = ["--device", "cpu", "--num_workers", 0], ["--model_path", tmp_path / "run"]
    small = ["--arch", "resnet18", "--pretrained", "none", "--img_size", 64, "--epochs", 1]
    commands = [
        ["info", "--arch", "wide_resnet50_2"],
        ["train", "--data_path", dataset, *model, *small, *here],
        ["test", "--data_path", dataset, *model, "--limit", 2, "--output", tmp_path / "scores", *here],
        ["predict", tmp_path / "cat.png", "--output", tmp_path / "out", *model, "--pop"],
        ["video", tmp_path / "cat.png", "--output", tmp_path / "out", *model, "--show", "pop"],
    ]
    words = [list(map(str, command)) for command in commands]
    code = f"import main\nfor words in {words!r}:\n    assert main.main(words) == 0, words"
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "| wide_resnet50_2 | " in result.stdout
    assert read_image(tmp_path / "out/cat.pop.jpg").shape == (96, 120, 3) and (tmp_path / "out/cat.pop.mp4").exists()
    (scores,) = read_scores(tmp_path / "scores")
    assert scores.totals["images"] == 2 and 0 < scores.rows[0]["p3_acc"] <= 1
    assert "P3 acc" in (tmp_path / "scores/report/tables.md").read_text()
    assert "val_p3_acc" in (tmp_path / "run/history.csv").read_text()


@pytest.mark.slow
def test_the_notebook_runs_as_in_colab_and_leaves_nothing_in_the_repository(tmp_path, monkeypatch, dataset):
    """With a file to upload."""
    folder = ROOT / "examples"
    cells = json.loads((folder / "focus.ipynb").read_text(encoding="utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for words, fewer in (('"--epochs", 4', '"--epochs", 1'), ('"--images", 60', '"--images", 24')):
        assert code.count(words) == 1
        code = code.replace(words, fewer)
    before = sorted(ROOT.glob("*")) + sorted(folder.rglob("*"))
    files = SimpleNamespace(upload=lambda: [next((dataset / "SAMPLE/Test/images").iterdir())])
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(files=files))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    matplotlib.use("agg")
    exec(code, names := {})
    assert names["scores"]["after"]["mae"] < names["scores"]["before"]["mae"]
    assert sorted(ROOT.glob("*")) + sorted(folder.rglob("*")) == before
