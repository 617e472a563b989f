"""Trained weights -> probability maps of pictures."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from model import RAN
from utils.checkpoint import read_weights
from utils.device import choose_device, mixed_precision


class Predictor:
    """A trained network with what it needs to be used.

    Attributes:
        network: the RAN, in eval mode on `device`.
        img_size: side of the square that it was trained on, pixels.
        metadata: what `train` stored beside the weights.
    """

    def __init__(self, network: RAN, metadata: dict, device: torch.device, amp: str = "off", compile: bool = False):
        self.network = network.to(device, memory_format=torch.channels_last).eval()
        self._model = compiled(self.network, compile, device)
        self._precision = mixed_precision(amp, device)
        self.metadata = metadata
        self.device = device
        self.img_size = metadata["config"]["img_size"]

    @torch.inference_mode()
    def maps(self, images: torch.Tensor, sizes: list[tuple[int, int]]) -> list[np.ndarray]:
        """Focus maps of a batch, each resized bilinearly to its photograph.

        Args:
            images: N x 3 x H x W uint8, RGB, already at the network's size.
            sizes: N pairs (height, width) of the photographs.

        Returns:
            N arrays, height x width uint8, 255 = in focus.
        """
        with torch.autocast(self.device.type, self._precision, enabled=self._precision is not None):
            return to_maps(self._model(images.to(self.device).float() / 255, mask_only=True), sizes)


def compiled(network: nn.Module, wanted: bool, device: torch.device) -> nn.Module:
    """The network as it is called: compiled if wanted, with CUDA graphs on a GPU; each input size compiles anew."""
    mode = "reduce-overhead" if device.type == "cuda" else "default"
    return torch.compile(network, mode=mode, dynamic=False) if wanted else network


def to_maps(logits: dict[str, torch.Tensor], sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Mask logits of a batch as 8-bit focus maps, resized bilinearly to (height, width) each."""
    probabilities = logits["mask"].sigmoid()[:, 0].float().cpu().numpy()
    resized = [cv2.resize(p, size[::-1], interpolation=cv2.INTER_LINEAR) for p, size in zip(probabilities, sizes)]
    return [np.round(255 * p).astype(np.uint8) for p in resized]


def load_network(path: str | Path) -> tuple[RAN, dict]:
    """Network and metadata from a .safetensors file or a run folder, on the CPU.

    Raises:
        FileNotFoundError, ValueError: see read_weights; also weights that do not fit the network they name.
    """
    state, metadata = read_weights(path)
    network = RAN(**metadata["model"])
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"{path}: its weights do not fit the network it names ({error})") from None
    return network, metadata


def load_model(
    path: str | Path, device: str | torch.device = "auto", amp: str = "off", compile: bool = False
) -> Predictor:
    """Predictor from a .safetensors file or a run folder.

    Args:
        path: a weights file that `train` wrote, or its run folder (the best model).
        device: auto, cpu, cuda or mps, or a torch.device.
        amp: mixed precision: auto, off, bf16 or fp16.
        compile: whether to torch.compile the network; pays for many pictures of one size.
    """
    chosen = choose_device(device) if isinstance(device, str) else device
    return Predictor(*load_network(path), chosen, amp, compile)
