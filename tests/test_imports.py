"""Imports run one way, so that the method can be read without the application around it."""

import ast
from pathlib import Path

import pytest

from tests.processes import ROOT

# From the ground up; a module may import what stands before it, and its own place.
ORDER = ("model", "utils", "data", "evaluation", "predictor", "dataloader", "training_data", "trainer", "tester",
         "tools", "photos")  # fmt: skip


def imported(path: Path) -> set[str]:
    """What a file imports of this project, from its root, such as data.images.read_image."""
    package, found = path.relative_to(ROOT).parts[:-1], set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = (*package[: len(package) - node.level + 1], *filter(None, [node.module]))
            found |= {".".join((*base, name.name)) for name in node.names}
    return found


@pytest.mark.parametrize("place", range(len(ORDER)), ids=ORDER)
def test_no_import_goes_up(place):
    files, above = [*(ROOT / ORDER[place]).rglob("*.py"), *ROOT.glob(f"{ORDER[place]}.py")], ORDER[place + 1 :]
    assert files
    assert not [(file.name, name) for file in files for name in imported(file) if name.split(".")[0] in above]
