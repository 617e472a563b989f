"""The predictor whose network PyTorch computes."""

import numpy as np
import torch

from .model import RAN
from .predictor import Predictor
from .utils.checkpoint import load_network
from .utils.device import choose_device, compiled, mixed_precision
from .utils.forks import work_in_forks

__all__ = ["TorchPredictor", "load_network"]


class TorchPredictor(Predictor):
    """A Predictor with a network of PyTorch.

    Args:
        network, metadata: what load_network gives.
        device, amp, compile: see load_model.

    Attributes:
        network: the RAN, in eval mode on `device`.
    """

    device: torch.device

    def __init__(
        self, network: RAN, metadata: dict, device: str | torch.device, amp: str = "off", compile: bool = False
    ):
        super().__init__(metadata, choose_device(device) if isinstance(device, str) else device)
        work_in_forks()
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()
        self._model = compiled(self.network, compile, self.device)
        self._precision = mixed_precision(amp, self.device)

    @torch.inference_mode()
    def _run(self, images: np.ndarray) -> np.ndarray:
        with torch.autocast(self.device.type, self._precision, enabled=self._precision is not None):
            logits = self._model(torch.from_numpy(images).to(self.device).float() / 255, mask_only=True)
        return logits["mask"].sigmoid()[:, 0].float().cpu().numpy()
