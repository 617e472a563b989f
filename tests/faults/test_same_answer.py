"""The same answer whatever the libraries' versions.

`python -m tests.faults.test_same_answer` writes the golden numbers anew, after new weights were released.
"""

import json
from pathlib import Path

import cv2
import numpy as np

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.predictor import SHIPPED, load_model
from ran.utils.files import write_json
from ran.utils.weight_files import hash_of

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
    golden = json.loads(GOLDEN.read_text())
    assert golden["sha256"] == hash_of(SHIPPED), "new weights: python -m tests.faults.test_same_answer"
    predictor = load_model(device="cpu")
    for name, picture in generated().items():
        assert np.abs(means(predictor(picture)) - np.array(golden["means"][name])).max() < 1e-4, name
    assert np.ptp(golden["means"]["half"]) > 0.5  # the numbers say something


if __name__ == "__main__":
    predictor = load_model(device="cpu")
    maps = {name: means(predictor(picture)) for name, picture in generated().items()}
    rounded = {name: np.round(values, 6).tolist() for name, values in maps.items()}
    write_json(GOLDEN, {"sha256": hash_of(SHIPPED), "means": rounded})
