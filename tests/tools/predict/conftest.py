"""Fixtures: a shoot of three pictures, and options to predict it."""

from pathlib import Path

import pytest

from ran.imaging.writing import write_png
from ran.tools.sample import photograph
from ran.utils.photograph_options import PredictOptions


@pytest.fixture
def shoot(tmp_path) -> Path:
    """Three pictures, in a folder and one below it."""
    folder = tmp_path / "shoot"
    for number, name in enumerate(("a.png", "b.png", "day 2/ä.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(folder / name, photograph("coffee")[40 * number :, : 300 + 50 * number])
    return folder


@pytest.fixture
def options(shoot, run_folder, tmp_path) -> PredictOptions:
    return PredictOptions(paths=[str(shoot)], output=str(tmp_path / "out"), model_path=str(run_folder), device="cpu")
