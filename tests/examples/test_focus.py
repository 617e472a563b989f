"""The notebook runs from top to bottom, from a copy of the repository where nothing is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
# Without the finder of an editable install, and so with the copy that the notebook lies in.
CLONE = "import sys\nsys.meta_path = [f for f in sys.meta_path if '__editable__' not in f'{f} {f.__module__}']\n"


def cells() -> list[dict]:
    return json.loads((FOLDER / "focus.ipynb").read_text(encoding="utf-8"))["cells"]


def code() -> str:
    return "\n\n".join("".join(cell["source"]) for cell in cells() if cell["cell_type"] == "code")


def test_outputs_are_cleared():
    assert not [cell for cell in cells() if cell.get("outputs") or cell.get("execution_count")]


@pytest.mark.slow
def test_it_runs_and_leaves_nothing_in_the_repository(tmp_path):
    before = sorted(FOLDER.parent.glob("*")) + sorted(FOLDER.rglob("*"))
    environment = os.environ | {"MPLBACKEND": "agg", "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    words = '"--epochs", 4'
    assert code().count(words) == 1
    shorter = code().replace(words, words.replace("4", "1"))  # which is enough to be better
    check = "assert Path(ran.__file__) == Path('../__init__.py').resolve()\n"
    check += "assert scores['after']['mae'] < scores['before']['mae']"
    result = subprocess.run(
        [sys.executable, "-c", f"{CLONE}\n{shorter}\n{check}"],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert result.returncode == 0, result.stderr
    assert sorted(FOLDER.parent.glob("*")) + sorted(FOLDER.rglob("*")) == before
    assert (next(tmp_path.glob("ran-*")) / "mine/best_model.safetensors").is_file()
