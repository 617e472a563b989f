"""The same answer whatever the libraries' versions.

`python -m tests.faults.test_same_answer` writes the golden numbers anew, after new weights were released.
"""

from pathlib import Path

import cv2
import numpy as np

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.predictor import SHIPPED, load_model
from ran.utils.weight_files import hash_of

GOLDEN = Path(__file__).with_name("golden.txt")
GRID = (12, 4)  # a map is remembered by its means over so many columns and rows


def generated() -> list[np.ndarray]:
    """Three images made of integers alone, the same on every machine: H x W x 3 uint8."""
    y, x = np.mgrid[:240, :360]
    checks = (((x // 6 + y // 6) % 2) * 160 + 40).astype(np.uint8)
    noise = ((x * 7919 + y * 104729 + x * y * 31) % 251).astype(np.uint8)
    half = np.where(x < 180, checks, cv2.blur(checks, (25, 25)))
    disc = np.where((x - 180) ** 2 + (y - 120) ** 2 < 80**2, noise, cv2.blur(noise, (31, 31)))
    softer = ((checks * (359 - x) + cv2.blur(checks, (9, 9)) * x) // 359).astype(np.uint8)
    ramp = (x * 255 // 359).astype(np.uint8)
    return [np.dstack([half] * 3), np.dstack([disc, half, ramp]), np.dstack([softer] * 3)]


def means() -> np.ndarray:
    predictor = load_model(device="cpu")
    maps = [predictor(picture) for picture in generated()]
    return np.concatenate([cv2.resize(one, GRID, interpolation=cv2.INTER_AREA) for one in maps])


def test_the_shipped_weights_answer_as_they_did():
    """The tolerance, 1e-4, shows a library that changes answers. Weights and numbers are released together."""
    golden, (head, *_) = np.loadtxt(GOLDEN), GOLDEN.read_text().splitlines()
    assert head == f"# {hash_of(SHIPPED)}", "new weights: python -m tests.faults.test_same_answer"
    assert np.abs(means() - golden).max() < 1e-4
    assert np.ptp(golden) > 0.5  # the numbers say something


if __name__ == "__main__":
    np.savetxt(GOLDEN, means(), "%.6f", header=hash_of(SHIPPED))
