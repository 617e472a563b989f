"""Imports run one way, so that the method can be read without the application around it."""

import re

import pytest

from tests.processes import ROOT

# From the ground up; a module may import what stands before it, and its own place.
ORDER = ("model", "utils", "data", "evaluation", "predictor", "dataloader", "training_data", "trainer", "tester",
         "tools", "photos")  # fmt: skip


@pytest.mark.parametrize("place", range(len(ORDER)), ids=ORDER)
def test_no_import_goes_up(place):
    """Lines such as `from ..trainer import Trainer`; `from .. import trainer` hides what it imports."""
    files = [*(ROOT / ORDER[place]).rglob("*.py"), *ROOT.glob(f"{ORDER[place]}.py")]
    assert files
    for file in files:
        root, above = r"\." * len(file.relative_to(ROOT).parts), "|".join((*ORDER[place + 1 :], "main"))
        assert not re.findall(rf"(?m)^ *from {root}(?: import|(?:{above})\b).*", file.read_text(encoding="utf-8")), file
