"""Fixtures: a small generated data set, prepared once a session, and one short training on it.

Every process has one thread: `make test` runs a process a core.
"""

# ruff: noqa: E402 (the number of threads is set before anything that has some is imported)

import gc
import os
import shutil
from pathlib import Path

os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}

import cv2
import numpy as np
import pytest

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.data.images import write_image
from ran.data.masks import read_map
from ran.tools import evaluate, prepare, sample
from ran.tools.options import EvaluateOptions, PrepareOptions
from ran.trainer import Trainer
from ran.utils.options import TrainConfig
from tests import processes
from tests.small import TINY

SMALLEST = {"arch": TINY, "pretrained": "none", "img_size": 64, "num_workers": 0, "device": "cpu"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items):
    """Slow tests first, so that no process is left alone with one at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish(session):
    """What is loaded by now stays: the collections of garbage that a training asks for need not look at it."""
    gc.freeze()
    if any(item.get_closest_marker("slow") for item in session.items):
        processes.preload()  # before a loader starts the server, which knows less


@pytest.fixture(autouse=True)
def no_process_left():
    yield
    processes.end_all()


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """Generated images laid out as CUHK is published: 6 for training, 3 for testing, 96 x 64."""
    folder = tmp_path_factory.mktemp("source")
    sample.write(folder, 6, 3, 96)
    return folder


@pytest.fixture(scope="session")
def dataset(source, tmp_path_factory) -> Path:
    """The same images in the layout that train and test read."""
    folder = tmp_path_factory.mktemp("dataset")
    prepare.run(PrepareOptions(source=str(source), dataset="SAMPLE", data_path=str(folder), white="blurred"))
    return folder


@pytest.fixture
def config(dataset, tmp_path) -> TrainConfig:
    """The smallest training: the tiny encoder from scratch at 64 px, two epochs of two steps, no loader processes."""
    folders = {"data_path": str(dataset), "model_path": str(tmp_path / "run")}
    return TrainConfig(**SMALLEST, **folders, epochs=2, val_share=0.34, lr=1e-4)


@pytest.fixture(scope="session")
def saved_maps(dataset, tmp_path_factory) -> dict[str, Path]:
    """Map folders of two made-up methods on the test images: "good", and "small" with more noise at half the size."""
    folder = tmp_path_factory.mktemp("maps")
    rng = np.random.default_rng(0)
    for path in sorted((dataset / "SAMPLE/Test/masks").iterdir()):
        mask = read_map(path)
        for name, noise, scale in (("good", 10, 1), ("small", 60, 0.5)):
            noisy = (0.8 * mask + 20 + rng.normal(0, noise, mask.shape)).clip(0, 255).astype(np.uint8)
            write_image(folder / name / path.name, cv2.resize(noisy, None, fx=scale, fy=scale))
    return {name: folder / name for name in ("good", "small")}


@pytest.fixture(scope="session")
def evaluated(saved_maps, dataset, tmp_path_factory) -> Path:
    """Folder of evaluate's files on both methods."""
    folder = tmp_path_factory.mktemp("evaluated")
    maps = [*map(str, saved_maps.values())]
    evaluate.run(EvaluateOptions(maps=maps, data_path=str(dataset), output=str(folder)))
    return folder


@pytest.fixture(scope="session")
def run_folder(dataset, tmp_path_factory) -> Path:
    """Run folder of a finished training."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    config = TrainConfig(**SMALLEST, data_path=str(dataset), model_path=str(folder), epochs=1)
    assert Trainer(config).train() == 0
    return folder


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    if not CHROMIUM:
        processes.lacks("Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
