"""The predictor whose network onnxruntime computes; nothing here needs PyTorch."""

import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np

from .predictor import Predictor
from .utils.command_line import as_typed
from .utils.forks import work_in_forks
from .utils.weight_files import recorded_hash


class OnnxPredictor(Predictor):
    """A Predictor by onnxruntime, on a file that `export` wrote.

    Args:
        path: the file.
        device: auto, cpu or cuda, or a torch.device; auto takes CUDA where onnxruntime has it.

    Raises:
        FileNotFoundError, ValueError: no such file, not one that `export` wrote, no such device, or onnxruntime is not
            installed.
    """

    def __init__(self, path: str | Path, device: Any = "auto"):
        try:
            import onnxruntime
        except ImportError:
            raise ValueError("--engine onnx needs another package: pip install onnxruntime") from None
        if not Path(path).is_file():
            raise FileNotFoundError(f"{path}: no such file; `{as_typed(f'export --output {path}')}` writes it")
        provider = _provider(str(device), onnxruntime.get_available_providers())
        try:
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                # What marks a tensor in another file, which the runtime before 1.24 reads wherever it is.
                if data.find(b"location") >= 0:
                    raise ValueError("parts of it lie in other files")
            options = onnxruntime.SessionOptions()
            # Threads that wait asleep leave processors to others, see utils.busy; here it costs little.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            providers = [*provider, "CPUExecutionProvider"]
            self._session = onnxruntime.InferenceSession(path, options, providers=providers)
            about = self._session.get_modelmeta().custom_metadata_map
            if not {"model", "config"} <= about.keys():
                raise ValueError("its metadata lack the network's options")
            device = "cuda" if self._session.get_providers()[0].startswith("CUDA") else "cpu"
            super().__init__({key: json.loads(value) for key, value in about.items()}, device)
        except Exception as error:  # the runtime raises many kinds for a damaged or foreign file
            raise ValueError(f"{path}: not an ONNX file that export wrote ({str(error).splitlines()[0]})") from None
        weights = Path(path).with_suffix(".safetensors")
        if "weights" in self.metadata and weights.is_file() and self.metadata["weights"] != recorded_hash(weights):
            raise ValueError(f"{path}: made of other weights than those of {weights.name} beside it: export it anew")
        work_in_forks(self._session)

    def _run(self, images: np.ndarray) -> np.ndarray:
        return self._session.run(None, {"image": np.ascontiguousarray(images)})[0][:, 0]


def _provider(device: str, available: list[str]) -> list[tuple[str, dict[str, str]]]:
    """What onnxruntime computes with, if not the processor.

    Raises:
        ValueError: it has no such device.
    """
    kind, _, index = device.partition(":")
    if "CUDAExecutionProvider" in available and kind in ("auto", "cuda"):
        return [("CUDAExecutionProvider", {"device_id": index or "0"})]
    if kind not in ("auto", "cpu"):
        raise ValueError(f"--device {device}: onnxruntime has none here; --device auto takes what there is")
    return []
