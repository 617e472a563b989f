"""The same answer twice: whatever the workers, the order of files, the batch size, the library's version.

`python -m tests.faults.test_same_answer` writes the golden numbers anew, after new weights were released.
"""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from main import main
from ran.predictor import SHIPPED, load_model
from ran.utils.checkpoint import read_state
from ran.utils.files import write_json
from ran.utils.weight_files import hash_of
from tests.faults.commands import words

GOLDEN = Path(__file__).with_name("golden.json")
GRID = (12, 8)  # a map is remembered by its means over so many columns and rows


def generated() -> dict[str, np.ndarray]:
    """Three images made of integers alone, the same on every machine: H x W x 3 uint8."""
    y, x = np.mgrid[:240, :360]
    checks = (((x // 6 + y // 6) % 2) * 160 + 40).astype(np.uint8)
    noise = ((x * 7919 + y * 104729 + x * y * 31) % 251).astype(np.uint8)
    half = np.where(x < 180, checks, cv2.blur(checks, (25, 25)))
    disc = np.where((x - 180) ** 2 + (y - 120) ** 2 < 80**2, noise, cv2.blur(noise, (31, 31)))
    softer = ((checks * (359 - x) + cv2.blur(checks, (9, 9)) * x) // 359).astype(np.uint8)
    ramp = (x * 255 // 359).astype(np.uint8)
    return {"half": np.dstack([half] * 3), "disc": np.dstack([disc, half, ramp]), "soft": np.dstack([softer] * 3)}


def means(focus_map: np.ndarray) -> list[list[float]]:
    return cv2.resize(focus_map, GRID, interpolation=cv2.INTER_AREA).astype(float).tolist()


def test_the_shipped_weights_answer_as_they_did():
    """The tolerance, 1e-4, shows a library that changes answers. Weights and numbers are released together."""
    golden, known = json.loads(GOLDEN.read_text()), SHIPPED.with_name(f"{SHIPPED.name}.sha256").read_text().split()
    assert golden["sha256"] == hash_of(SHIPPED), "new weights: python -m tests.faults.test_same_answer"
    assert known == [golden["sha256"], SHIPPED.name]
    predictor = load_model(device="cpu")
    for name, picture in generated().items():
        assert np.abs(means(predictor(picture)) - np.array(golden["means"][name])).max() < 1e-4, name
    assert np.ptp(golden["means"]["half"]) > 0.5  # the numbers say something


@pytest.fixture(scope="module")
def shuffled(dataset, tmp_path_factory) -> Path:
    """The dataset folder with its files written in the opposite order."""
    folder = tmp_path_factory.mktemp("shuffled")
    for path in sorted((p for p in dataset.rglob("*") if p.is_file()), reverse=True):
        (folder / path.relative_to(dataset)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.relative_to(dataset))
    return folder


def test_scores_depend_on_no_worker_order_or_batch(dataset, shuffled, run_folder, tmp_path):
    def test(name: str, data: Path, batch_size: str, workers: int = 0) -> dict[str, bytes]:
        out = tmp_path / name
        assert main(words("test", data, run_folder, out, "--batch_size", batch_size, workers=workers)) == 0
        return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.suffix in (".png", ".csv")}

    first = test("first", dataset, "1")
    assert len(first) == 5
    assert test("workers", dataset, "1", workers=2) == first
    assert test("order", shuffled, "1") == first
    for name, data in test("batch", dataset, "3").items():
        if name.endswith(".png"):  # 8 bits of what is equal to 1e-5
            maps = [cv2.imdecode(np.frombuffer(x, np.uint8), 0).astype(int) for x in (data, first[name])]
            assert np.abs(maps[0] - maps[1]).max() <= 1


def test_training_depends_on_no_order_of_files(dataset, shuffled, run_folder, tmp_path):
    weights = []
    for name, data in (("a", dataset), ("b", shuffled)):
        assert main(words("train", data, run_folder, tmp_path / name, "--epochs", "1")) == 0
        weights.append(read_state(tmp_path / name / "last.pt")["network"])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


if __name__ == "__main__":
    predictor = load_model(device="cpu")
    maps = {name: means(predictor(picture)) for name, picture in generated().items()}
    rounded = {name: np.round(values, 6).tolist() for name, values in maps.items()}
    write_json(GOLDEN, {"sha256": hash_of(SHIPPED), "means": rounded})
