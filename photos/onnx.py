"""Predictors by onnxruntime, without PyTorch, and the choice between both engines."""

import json
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..predictor import SHIPPED, Predictor
from ..predictor import load_model as load_torch
from ..utils.progress import cores
from ..utils.weight_files import WEIGHTS, exported, hash_of, named
from .formats import optional, read_pixels


class OnnxPredictor(Predictor):
    """A Predictor by onnxruntime, on a file that `export` wrote.

    Args:
        device: auto or None (CUDA where onnxruntime has it), cpu, cuda, cuda:1, or a torch.device.

    Raises:
        FileNotFoundError, ValueError: no such file or device, a file that `export` did not write or that is of other
            weights than those beside it or shipped, or onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, device: Any = "auto"):
        onnxruntime = optional("onnxruntime", str(path), "onnxruntime")
        path = Path(path)
        weights = path.with_suffix(".safetensors")
        weights = weights if weights.is_file() else WEIGHTS / weights.name
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; `export` writes one where PyTorch is installed")
        kind, _, index = str(device or "auto").partition(":")
        if kind not in ("auto", "cpu", "cuda"):
            raise ValueError(f"--device {device}: onnxruntime works on cpu and cuda; --device auto selects one")
        has_cuda = kind != "cpu" and "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        providers: list[Any] = [("CUDAExecutionProvider", {"device_id": index or "0"})] * has_cuda
        options = onnxruntime.SessionOptions()
        # Set here, onnxruntime obeys OMP_NUM_THREADS and the processors this process may use; and no thread spins.
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or cores())
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        metadata = {}
        try:
            self._session = onnxruntime.InferenceSession(path, options, [*providers, "CPUExecutionProvider"])
            for key, value in self._session.get_modelmeta().custom_metadata_map.items():
                with suppress(json.JSONDecodeError):  # an entry of another tool
                    metadata[key] = json.loads(value)
            super().__init__(metadata, self._session.get_providers()[0].partition("Exec")[0].lower())
        except Exception as error:  # onnxruntime raises many kinds for a damaged or foreign file
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"{path}: not an ONNX file that export wrote ({reason})") from None
        if kind == "cuda" and self.device != "cuda":
            raise ValueError(f"--device {device}: onnxruntime has no CUDA here; install onnxruntime-gpu, or use cpu")
        if "weights" in metadata and weights.is_file() and metadata["weights"] != hash_of(weights):
            raise ValueError(f"{path}: made from other weights than {weights}: export it again")

    def _run(self, images: np.ndarray) -> np.ndarray:
        return self._session.run(None, {"image": np.ascontiguousarray(images)})[0][:, 0]


def load_model(path: str | Path = SHIPPED, device: Any = "auto") -> Predictor:
    """Predictor from trained weights; without a path, from those of this repository. It reads every kind of image.

    See ran.predictor.load_model. The path may also be that of an .onnx file. Without PyTorch it is the one that
    `export` writes of these weights by default. The device auto or None is CUDA, else MPS, else the CPU.
    """
    weights = named(path)
    if weights.suffix != ".onnx" and not find_spec("torch"):
        weights = exported(weights)
    if weights.suffix == ".onnx":
        predictor: Predictor = OnnxPredictor(weights, device)
    else:
        predictor = load_torch(weights, device)
    predictor.read = read_pixels
    return predictor
