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
from ran.predictor import SHIPPED
from ran.tools.sample import photograph

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # a copy of the code needs processes of its own
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "dataset", "runs", "demo", "build",
                                  "*.egg-info", "__pycache__", "tests", "results", "*.onnx")  # fmt: skip
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


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the repository with all changes of the document."""
    root = tmp_path_factory.mktemp("extended") / "ran"
    shutil.copytree(ROOT, root, ignore=LEFT_OUT)
    assert apply((ROOT / "docs/extending.md").read_text(), root) >= 10
    return root


@pytest.fixture
def ran(extended, tmp_path):
    """Runs commands of the copy one after the other in one process, and gives what they print."""

    def run(*commands: list) -> str:
        words = [list(map(str, command)) for command in commands]
        code = f"import main\nfor words in {words!r}:\n    assert main.main(words) == 0, words"
        command = [sys.executable, "-c", code]
        result = subprocess.run(command, cwd=extended, capture_output=True, text=True, timeout=600)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_encoder_rendering_column_command_and_export(ran, tmp_path):
    write_image(tmp_path / "cat.png", photograph("chelsea")[:96, :120])
    weights = ["--model_path", SHIPPED]
    printed = ran(
        ["info", "--arch", "wide_resnet50_2", "--img_size", 64],
        ["predict", tmp_path / "cat.png", "--output", tmp_path / "out", *weights, "--size", 64, "--device", "cpu",
         "--pop", "--table", "csv"],
        ["video", tmp_path / "cat.png", "--output", tmp_path / "out", *weights, "--size", 64, "--show", "pop"],
        ["rank", tmp_path / "cat.png", *weights],
        ["export", *weights, "--output", tmp_path / "ran.torchscript"],
    )  # fmt: skip
    assert "| wide_resnet50_2 | " in printed and f" {tmp_path / 'cat.png'}\n" in printed
    assert printed.count("largest difference from PyTorch") == 3 and (tmp_path / "ran.torchscript").exists()
    assert read_image(tmp_path / "out/cat.pop.jpg").shape == (96, 120, 3) and (tmp_path / "out/cat.pop.mp4").exists()
    with (tmp_path / "out/focus.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert 0 < float(row["brightness"]) < 255


def test_metric_layout_loss_augmentation_and_option(ran, dataset, tmp_path):
    for ours, theirs in (("images", "photos"), ("masks", "truth")):
        shutil.copytree(dataset / "SAMPLE/Test" / ours, tmp_path / "source" / theirs)
    ran(
        ["prepare", "--source", tmp_path / "source", "--data_path", tmp_path / "data"],
        ["test", "--data_path", tmp_path / "data", "--model_path", SHIPPED, "--limit", 2, "--output",
         tmp_path / "scores", "--device", "cpu", "--num_workers", 0],
        ["train", "--data_path", dataset, "--model_path", tmp_path / "run", "--arch", "resnet18", "--pretrained",
         "none", "--img_size", 64, "--epochs", 1, "--augmentation", "strong", "--device", "cpu", "--num_workers", 0],
    )  # fmt: skip
    (scores,) = read_scores(tmp_path / "scores")
    assert scores.dataset == "MINE" and scores.totals["images"] == 2 and 0 < scores.rows[0]["p3_acc"] <= 1
    assert "P3 acc" in (tmp_path / "scores/report/tables.md").read_text()
    assert "val_p3_acc" in (tmp_path / "run/history.csv").read_text()
