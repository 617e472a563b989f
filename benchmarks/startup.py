"""Start-up: whole processes by the shipped weights, and where the seconds of one image go."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .common import in_child, made_up_data

TITLE = "Start-up, whole processes"
ROOT = Path(__file__).parent.parent
NEEDED = "main, onnxruntime, ran.tools.predict, ran.predictor_onnx"


def measure(device: str, repeats: int) -> list[dict]:
    """Median wall seconds of each process; the difference to the line before is what was added."""
    with tempfile.TemporaryDirectory() as folder:
        data, onnx = in_child(made_up_data, Path(folder), 4)[0], f"{folder}/ran.onnx"
        seconds(f"main.py export --output {onnx}".split(), 1)
        test = f"main.py test --data_path {data} --model_path ran_photos --output {folder}/scores --device {device}"
        photo = next(Path(data).rglob("Test/images/*"))
        predict = f"main.py predict {photo} --output {folder}/maps --overwrite"
        steps = {
            "main.py --help": ["main.py", "--help"],
            "python with torch": ["-c", "import torch"],
            "python with all that predict imports by PyTorch": [
                "-c",
                "import main, ran.tools.predict, ran.predictor_torch",
            ],
            "predict of one image": f"{predict} --device {device}".split(),
            "python with all that test imports": ["-c", "import main, ran.tester"],
            "test of one image, without a report": f"{test} --report False".split(),
            "test of one image": test.split(),
            "python with onnxruntime, NumPy, Pillow, OpenCV": ["-c", "import onnxruntime, numpy, PIL.Image, cv2"],
            "python with all that predict imports beside them": ["-c", f"import {NEEDED}"],
            "predict of one image by onnxruntime": f"{predict} --model_path {onnx} --device cpu".split(),
        }
        rows = []
        for what, words in steps.items():
            taken, peak = in_child(seconds, words, max(3, repeats // 4))
            rows.append({"what": what, "seconds": taken, "peak MB": peak})
        return rows


def seconds(words: list[str], repeats: int) -> float:
    """Median wall seconds of a Python process."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return sorted(taken)[repeats // 2]
