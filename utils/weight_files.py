"""Where files of weights lie, and what can be said of them without PyTorch."""

import hashlib
from pathlib import Path

from .options import MIN_SIZE, ROOT

BEST, LAST = "best_model.safetensors", "last.pt"
WEIGHTS = ROOT / "weights"  # the models that are shipped


def named(path: str | Path) -> Path:
    """The path, or where there is none, the shipped model of that name."""
    shipped = WEIGHTS / f"{path}.safetensors"
    return shipped if shipped.is_file() and not Path(path).exists() else Path(path)


def weights_in(path: Path) -> Path:
    """The weights file of a run folder; a file is what it is."""
    return path / BEST if path.is_dir() else path


def exported(weights: Path) -> Path:
    """Where `export` writes a network unless told otherwise: beside its weights, or in the current folder."""
    path = weights_in(weights).with_suffix(".onnx")
    return path if is_own(path) else Path(path.name)


def is_own(path: Path) -> bool:
    """Whether weights are the user's, and not shipped."""
    return WEIGHTS.resolve() not in path.resolve().parents


def image_size(metadata: dict) -> int:
    """Side of the square that a trained network expects images at, pixels. Raises ValueError: they do not say it."""
    side = metadata["config"].get("test_size") or metadata["config"].get("img_size")
    if not isinstance(side, int) or side < MIN_SIZE:
        raise ValueError(f"its metadata lack the side of its images: {side}")
    return side


def hash_of(path: Path) -> str:
    """SHA-256 of a file: an .onnx file names the weights that it was made from."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
