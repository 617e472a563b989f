"""Which processor to compute on."""

import torch


def choose_device(name: str) -> torch.device:
    """Device of a name: auto (CUDA, then MPS, then the CPU), cpu, cuda or mps.

    Raises:
        ValueError: this machine has no such device, or torch was built without it.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        raise ValueError(f"--device {name}: torch finds none here; --device auto takes what there is")
    return torch.device(name)
