"""docs/extending.md does what it says: its blocks, put where they say into a copy of the repository, all work."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ran.data.images import read_image, write_image
from ran.evaluation.scores import read_scores
from ran.tools.sample import photograph

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "dataset", "runs", "demo", "build", "*.egg-info", "__pycache__", "tests",
                                  "results", "*.onnx", "shared")  # fmt: skip
BLOCK = re.compile(r"```python\n# (\S+), (a new file|at its end|above|instead of|in) ?([^\n]*)\n(.*?)```", re.DOTALL)


def place_of(lines: list[str], how: str, what: str) -> int:
    """Number of the line above which a block goes."""
    if how == "at its end":
        return len(lines)
    start = re.escape(what) + {"in": r" = [({]", "instead of": " = ", "above": ""}[how]
    (first,) = (number for number, line in enumerate(lines) if re.match(rf" *{start}", line))
    if how != "in":
        return first
    indent = re.match(" *", lines[first])[0]
    return next(number for number in range(first, len(lines)) if re.match(rf"{indent}[)}}]", lines[number]))


def apply(text: str, root: Path) -> int:
    """Puts every block of the document into its file; how many there were."""
    blocks = BLOCK.findall(text)
    for path, how, what, code in blocks:
        if how == "a new file":
            (root / path).write_text(code)
            continue
        lines = (root / path).read_text().splitlines()
        place = place_of(lines, how, what)
        space = ["", ""] if how == "at its end" else []
        lines[place : place + (how == "instead of")] = space + code.splitlines()
        (root / path).write_text("\n".join(lines) + "\n")
    assert len(blocks) == text.count("```python")
    return len(blocks)


@pytest.mark.slow  # a copy of the code needs a process of its own
def test_ten_changes(dataset, tmp_path):
    shutil.copytree(ROOT, tmp_path / "ran", ignore=LEFT_OUT)
    assert apply((ROOT / "docs/extending.md").read_text(), tmp_path / "ran") >= 10
    for ours, theirs in (("images", "photos"), ("masks", "truth")):
        shutil.copytree(dataset / "SAMPLE/Test" / ours, tmp_path / "source" / theirs)
    write_image(tmp_path / "cat.png", photograph("chelsea")[:96, :120])
    here, model = ["--device", "cpu", "--num_workers", 0], ["--model_path", tmp_path / "run"]
    (tmp_path / "strong.yaml").write_text("augmentation: strong\n")
    small = ["--arch", "resnet18", "--pretrained", "none", "--img_size", 64, "--epochs", 1]
    commands = [
        ["info", "--arch", "wide_resnet50_2"],
        ["prepare", "--source", tmp_path / "source", "--data_path", tmp_path / "data"],
        ["train", "--data_path", dataset, *model, *small, "--config", tmp_path / "strong.yaml", *here],
        ["test", "--data_path", tmp_path / "data", *model, "--limit", 2, "--output", tmp_path / "scores", *here],
        ["predict", tmp_path / "cat.png", "--output", tmp_path / "out", *model, "--pop", "--table", "csv"],
        ["video", tmp_path / "cat.png", "--output", tmp_path / "out", *model, "--show", "pop"],
        ["rank", tmp_path / "cat.png", *model],
        ["export", *model, "--output", tmp_path / "ran.torchscript"],
    ]
    words = [list(map(str, command)) for command in commands]
    code = f"import main\nfor words in {words!r}:\n    assert main.main(words) == 0, words"
    call = [sys.executable, "-c", code]
    result = subprocess.run(call, cwd=tmp_path / "ran", capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert "| wide_resnet50_2 | " in result.stdout and f" {tmp_path / 'cat.png'}\n" in result.stdout
    assert result.stdout.count("largest difference from PyTorch") == 3 and (tmp_path / "ran.torchscript").exists()
    assert read_image(tmp_path / "out/cat.pop.jpg").shape == (96, 120, 3) and (tmp_path / "out/cat.pop.mp4").exists()
    (row,) = csv.DictReader((tmp_path / "out/focus.csv").open())
    assert 0 < float(row["brightness"]) < 255
    (scores,) = read_scores(tmp_path / "scores")
    assert scores.dataset == "MINE" and scores.totals["images"] == 2 and 0 < scores.rows[0]["p3_acc"] <= 1
    assert "P3 acc" in (tmp_path / "scores/report/tables.md").read_text()
    assert "val_p3_acc" in (tmp_path / "run/history.csv").read_text()
