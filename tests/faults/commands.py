"""The command line of each command on a dataset folder, and what it has written."""

import csv
import json
from pathlib import Path

from PIL import Image

from ran.utils.checkpoint import read_state, read_weights
from tests.small import TINY


def words(command: str, data: Path, weights: Path, out: Path, *more: str, workers: int = 0) -> list[str]:
    """A command that reads `data` (of test, evaluate, prepare and predict the set SAMPLE) and writes into `out`."""
    test, loading = data / "SAMPLE/Test", ["--data_path", data, "--device", "cpu", "--num_workers", workers]
    options = {
        "prepare": ["--images", test / "images", "--masks", test / "masks", "--dataset", "NEW", "--white", "in_focus",
                    "--split", "train", "--data_path", out],
        "train": [*loading, "--model_path", out, "--arch", TINY, "--pretrained", "none", "--img_size", 64,
                  "--val_share", 0.34, "--epochs", 3, "--lr", "1e-4", "--resume"],
        "test": [*loading, "--model_path", weights, "--output", out, "--save_map", "True", "--report", "False"],
        "predict": [test / "images", "--model_path", weights, "--output", out, "--overlay", "--table", "csv",
                    "--device", "cpu"],
        "evaluate": ["--maps", f"m={data / 'maps'}", "--data_path", data, "--output", out],
        "report": ["--scores", data / "scores", "--examples", "none", "--output", out],
        "ablation": ["--data_path", data, "--device", "cpu", "--model_path", out, "--folds", 1],
    }[command]  # fmt: skip
    return [command, *map(str, options), *more]


def contents(folder: Path) -> dict:
    """What a command has left, in a form that is equal for equal results; a file that is not whole fails."""
    found: dict = {}
    for path in (path for path in folder.rglob("*.*") if path.is_file() and not path.name.startswith(".")):
        name = path.relative_to(folder)
        if path.suffix in (".png", ".jpg"):
            found[name] = Image.open(path).tobytes()
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            rows = list(csv.reader(path.read_text().splitlines()))
            assert {len(row) for row in rows} == {len(rows[0])} and path.read_bytes().endswith(b"\n"), path
            found[name] = rows if path.name != "history.csv" else []  # it has seconds
        elif path.suffix in (".safetensors", ".pt"):
            state = read_weights(path)[0] if path.suffix == ".safetensors" else read_state(path)["network"]
            found[name] = {key: value.numpy().tobytes() for key, value in state.items()}
    return found
