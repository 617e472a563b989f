"""Fixtures: a shoot of three images, and options to predict it."""

from pathlib import Path

import pytest
from PIL import Image

from ran.data.images import write_image
from ran.photos.options import PredictOptions
from ran.tools.sample import photograph


@pytest.fixture
def shoot(tmp_path) -> Path:
    """Three images, in a folder and one below it."""
    folder = tmp_path / "shoot"
    for number, name in enumerate(("a.png", "b.png", "day 2/ä.png")):
        write_image(folder / name, photograph("coffee")[40 * number :, : 300 + 50 * number])
    exif = Image.Exif()
    exif[0x8298] = "(c) A. Photographer"
    Image.open(folder / "b.png").save(folder / "b.png", exif=exif)
    return folder


@pytest.fixture
def options(shoot, run_folder, tmp_path) -> PredictOptions:
    return PredictOptions(paths=[str(shoot)], output=str(tmp_path / "out"), model_path=str(run_folder), device="cpu")
