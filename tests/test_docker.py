"""What can be checked of the Dockerfile without Docker: what it copies is there, and what is copied is the package."""

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")  # by its text: Python 3.10 has no reader of it


def test_pip_gets_the_two_lines_of_torch_as_words():
    assert '$(grep "^torch" requirements.txt)' in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    torch = [line for line in lines if line.startswith("torch")]
    assert len(torch) == 2 and not any(" " in line for line in torch)


def test_the_package_goes_in_and_data_sets_stay_out():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.removeprefix("**/") for line in lines if line and not line.startswith("#")]
    folders = set(re.findall(r'^    "ran\.(\w+)', PROJECT, re.MULTILINE))
    needed = folders | {path.name for path in ROOT.glob("*.py")} | {"pyproject.toml", "requirements.txt", "README.md"}
    data = {".git", ".venv", "dataset", "runs", "demo", "maps", "downloads", "__pycache__"}
    assert {name for name in needed | data if any(fnmatch(name, pattern) for pattern in patterns)} == data
