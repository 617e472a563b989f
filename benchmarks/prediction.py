"""Photographs through `predict`: PyTorch beside onnxruntime, and large files from disk to disk."""

import tempfile
from pathlib import Path

from ran.utils.photograph_options import RENDERINGS, PredictOptions
from ran.utils.tool_options import ExportOptions

from .common import in_child, median_seconds

TITLE = "Photographs, by the weights of this repository, imports apart"
SIDES = (384, 768)
# How many, megapixels, width, height, format: of cameras, and of a stitched panorama.
FILES = (
    (1, 24, 6000, 4000, "jpg"),
    (8, 24, 6000, 4000, "jpg"),
    (1, 100, 12000, 8400, "jpg"),
    (1, 100, 12000, 8400, "png"),
)


def measure(device: str, repeats: int) -> list[dict]:
    """Median seconds of one image through the network, and of one file through the whole of predict."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        onnx = str(Path(folder) / "ran.onnx")
        engines = [("PyTorch", "")] + ([("onnxruntime", onnx)] if in_child(exported, onnx)[0] else [])
        for side in SIDES:
            for name, path in engines:
                seconds, peak = in_child(image_seconds, path, device, side, repeats)
                rows.append(row(f"network, {side} x {side}, {name}", seconds, peak))
        for count, megapixels, width, height, kind in FILES:
            pictures = Path(folder) / f"{count}_{megapixels}_{kind}"
            in_child(write_pictures, pictures, count, width, height, kind)
            for what, options in (("map", {}), ("map, overlay, cut-out, bokeh", dict.fromkeys(RENDERINGS, True))):
                seconds, peak = in_child(predict_seconds, pictures, folder, device, options)
                files = f"{megapixels} megapixels {kind.upper()}" + (f", each of {count}" if count > 1 else "")
                rows.append(row(f"predict, {files}: {what}", seconds / count, peak))
    return rows


def row(what: str, seconds: float, peak: float) -> dict:
    return {"what": what, "seconds": seconds, "a second": 1 / seconds, "peak MB": peak}


def exported(path: str) -> bool:
    """Writes the ONNX file; False where its packages are missing."""
    from ran.tools import export

    try:
        export.run(ExportOptions(output=path))
    except ValueError as error:
        print(error)
        return False
    return True


def image_seconds(onnx: str, device: str, side: int, repeats: int) -> float:
    """Median seconds from an 8-bit picture at the network's size to probabilities."""
    import torch

    from ran.predictor import SHIPPED, load_model

    predictor = load_model(onnx or SHIPPED, device)
    image = torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8)
    return median_seconds(lambda: predictor.probabilities(image), repeats, warm_up=3)


def write_pictures(folder: Path, count: int, width: int, height: int, kind: str) -> None:
    """A photograph enlarged to this size, with noise, so that it packs like a real one, several times."""
    import cv2
    import numpy as np

    from ran.tools.sample import photograph

    picture = cv2.resize(photograph("coffee"), (width, height), interpolation=cv2.INTER_CUBIC)
    for strip in np.array_split(picture, height // 100):
        cv2.add(strip, np.random.default_rng(0).integers(0, 8, strip.shape, np.uint8), dst=strip)
    content = cv2.imencode(f".{kind}", picture[..., ::-1])[1].tobytes()
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.{kind}").write_bytes(content)


def predict_seconds(pictures: Path, folder: str, device: str, options: dict) -> float:
    """Seconds of a whole predict of a folder: weights count, imports do not; the memory is that of all."""
    import time

    import ran.predictor_torch  # noqa: F401 (imports are not to be timed: predict imports PyTorch where it needs it)
    from ran.tools.predict import command as predict

    start = time.perf_counter()
    predict.run(PredictOptions([str(pictures)], output=f"{folder}/maps", device=device, overwrite=True, **options))
    return time.perf_counter() - start
