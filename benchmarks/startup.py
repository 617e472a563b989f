"""Start-up: whole processes, and where the seconds of a test of one image go."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .common import in_child, made_up_data

TITLE = "Start-up, whole processes"
ROOT = Path(__file__).parent.parent


def measure(device: str, repeats: int) -> list[dict]:
    """Median wall seconds of each process; the difference to the line before is what was added."""
    with tempfile.TemporaryDirectory() as folder:
        data, run = in_child(made_up_data, Path(folder), 4)[0], Path(folder) / "run"
        train = [
            "main.py",
            "train",
            "--data_path",
            data,
            "--model_path",
            run,
            "--arch",
            "resnet18",
            "--pretrained",
            "none",
            "--img_size",
            "384",
            "--epochs",
            "1",
            "--val_share",
            "0",
            "--device",
            device,
        ]
        seconds(train, 1)
        test = ["main.py", "test", "--data_path", data, "--model_path", run, "--device", device]
        steps = {
            "main.py --help": ["main.py", "--help"],
            "python with torch": ["-c", "import torch"],
            "python with all that test imports": ["-c", "import main, ran.tester"],
            "test of one image, without a report": [*test, "--report", "False"],
            "test of one image": test,
        }
        rows = []
        for what, words in steps.items():
            taken, peak = in_child(seconds, words, max(3, repeats // 4))
            rows.append({"what": what, "seconds": taken, "peak MB": peak})
        return rows


def seconds(words: list, repeats: int) -> float:
    """Median wall seconds of a Python process."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[repeats // 2]
