"""Measures speed and memory on the CPU: python bench.py [--beside FOLDER], in the repository's folder.

Each measurement is a process of its own, which runs in the checkout under test. With --beside, another checkout of this
project is measured in the same run, in turns with this one. Linux and macOS only.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PACKAGES = ("torch", "torchvision", "onnxruntime", "numpy", "opencv-python-headless", "pysodmetrics")
MACHINE = "import main, torch; from ran.utils.device import hardware; print(hardware(torch.device('cpu')))"
TIMED = """
import main, ran, statistics, timeit, torch
from ran.model import RAN
from ran.model.losses import ran_loss
from torchvision.models import segmentation
STEP
print(statistics.median(timeit.repeat(step, number=1, repeat=9)[2:]))
"""
TRAINING = """
network = RAN("resnet18").to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(network.parameters(), 5e-5)
image, mask = torch.rand(2, 3, 384, 384), (torch.rand(2, 1, 384, 384) < 0.5).float()
def step():
    optimizer.zero_grad()
    ran_loss(network(image), mask, mask).backward()
    optimizer.step()
"""
FORWARD = """
network = (NETWORK).to(memory_format=torch.channels_last).eval()
image, options = torch.rand(1, 3, 384, 384), {"mask_only": True} if isinstance(network, RAN) else {}
@torch.inference_mode()
def step():
    network(image, **options)
"""
PEER_SCORES = """
import cv2, pathlib, py_sod_metrics as peer
handler = peer.FmeasureHandler(with_dynamic=True, with_adaptive=True, beta=0.3)
metrics = peer.MAE(), peer.FmeasureV2({"f": handler}), peer.Smeasure(), peer.Emeasure(), peer.WeightedFmeasure()
for path in pathlib.Path("DATA/maps").iterdir():
    pair = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in (path, pathlib.Path("DATA/masks", path.name))]
    for metric in metrics:
        metric.step(*pair)
"""
# Three JPEG files of a photograph, enlarged and with noise, and masks with soft maps of them.
WRITE_DATA = """
import cv2, numpy as np, pathlib, skimage.data
for folder in ("DATA/maps", "DATA/masks"):
    pathlib.Path(folder).mkdir()
rng, photograph = np.random.default_rng(0), skimage.data.coffee()[..., ::-1]
for name, size in dict(small=(600, 400), large=(6000, 4000), panorama=(12000, 8400)).items():
    image = cv2.resize(photograph, size, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(f"DATA/{name}.jpg", cv2.add(image, rng.integers(0, 8, image.shape, np.uint8)))
for number in range(100):
    mask = (cv2.GaussianBlur(rng.normal(size=(300, 400)), (0, 0), 30) > 0).astype(np.uint8) * 255
    soft = cv2.GaussianBlur(mask, (0, 0), 6) * 0.8 + rng.normal(25, 10, mask.shape)
    cv2.imwrite(f"DATA/masks/{number:03d}.png", mask)
    cv2.imwrite(f"DATA/maps/{number:03d}.png", soft.clip(0, 255).astype(np.uint8))
"""
PREDICT = "main.py predict DATA/%s.jpg --output ROOM/maps --overwrite --device cpu"
RENDERINGS = " --overlay --cutout --bokeh"
NETWORKS = {"RAN resnet18": "RAN('resnet18')", "RAN ran_photos": "ran.load_model('ran_photos', 'cpu').network"} | {
    f"torchvision {name}": f"segmentation.{name}(weights=None, weights_backbone=None)"
    for name in ("fcn_resnet50", "deeplabv3_resnet50", "lraspp_mobilenet_v3_large")
}
CASES = [  # (group, what is measured, a command or a program)
    ("training", "training step, RAN resnet18, 384 x 384, batch 2", TIMED.replace("STEP", TRAINING)),
    *(
        ("images", f"one image, 384 x 384: {name}", TIMED.replace("STEP", FORWARD.replace("NETWORK", network)))
        for name, network in NETWORKS.items()
    ),
    ("startup", "predict, 600 x 400: PyTorch", PREDICT % "small"),
    ("startup", "predict, 600 x 400: onnxruntime", PREDICT % "small" + " --model ROOM/ran.onnx"),
    ("large", "predict, 24 megapixels: map", PREDICT % "large"),
    ("large", "predict, 24 megapixels: map, overlay, cutout, bokeh", PREDICT % "large" + RENDERINGS),
    ("panorama", "predict, 100 megapixels: map, overlay, cutout, bokeh", PREDICT % "panorama" + RENDERINGS),
    ("scoring", "100 maps of 400 x 300: evaluate", "main.py evaluate --maps A=DATA/maps --gt DATA/masks -o ROOM"),
    ("scoring", "100 maps of 400 x 300: PySODMetrics", PEER_SCORES),
]
GROUPS = tuple(dict.fromkeys(group for group, *_ in CASES))


def run(words: str, checkout: Path) -> tuple[float, float]:
    """Returns the seconds that a command takes or a program prints, and the peak of its memory in GB."""
    command = words.split() if words.startswith("main.py") else ["-c", words]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], cwd=checkout, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    output, (_, status, usage) = process.stdout.read(), os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"error: this failed in {checkout}: {words}")
    seconds = float(output.split()[-1]) if "timeit" in words else seconds
    return seconds, usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


def measure(checkouts: list[Path], groups: list[str], runs: int, data: str) -> list[dict]:
    """Returns the medians of each case. The checkouts take turns; the code of others is measured once a turn."""
    run(WRITE_DATA.replace("DATA", data), ROOT)
    rooms = {f"{data}/{place}": checkout for place, checkout in enumerate(checkouts)}
    for room, checkout in rooms.items() if "startup" in groups else ():
        run(f"main.py export --output {room}/ran.onnx", checkout)
    rows = []
    for _, what, words in [case for case in CASES if case[0] in groups]:
        places = list(rooms.items())[: 1 if "torchvision" in what or "PySODMetrics" in what else None]
        calls = [(words.replace("DATA", data).replace("ROOM", room), checkout) for room, checkout in places]
        turns = [[run(*call) for call in calls] for _ in range(runs)]
        medians = [[statistics.median(values) for values in zip(*found)] for found in zip(*turns)]
        row = {"what": what, "seconds": medians[0][0], "GB": medians[0][1]}
        for seconds, memory in medians[1:]:
            row |= {"seconds beside": seconds, "GB beside": memory, "ratio": medians[0][0] / seconds}
        print(f"{what}: {row['seconds']:.3g} s", flush=True)
        rows.append(row)
    return rows


def markdown(rows: list[dict]) -> str:
    """Returns a Markdown table; numbers have three digits."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[f"{value:.3g}" if key != "what" else value for key, value in row.items()] for row in rows]
    lines = [columns, ["---", *["---:"] * len(columns[1:])], *lines]
    return "\n".join(f"| {' | '.join(line + [''] * (len(columns) - len(line)))} |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beside", type=Path, help="folder of another checkout, measured in the same run")
    parser.add_argument("--runs", type=int, default=3, help="processes behind each median")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, help="what to measure")
    parser.add_argument("--output", type=Path, default=ROOT / "results/bench.json", help="JSON file to write")
    options = parser.parse_args()
    machine = subprocess.check_output([sys.executable, "-c", MACHINE], cwd=ROOT, text=True).strip()
    with tempfile.TemporaryDirectory() as data:
        rows = measure([ROOT, *filter(None, [options.beside])], options.only, options.runs, data)
    report = {"machine": machine, "versions": {name: version(name) for name in PACKAGES}, "rows": rows}
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"{machine}\n{markdown(rows)}")


if __name__ == "__main__":
    main()
