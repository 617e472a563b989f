"""Which device to compute on, and how precisely."""

import os
import platform
from pathlib import Path

import torch

from .progress import cores


def choose_device(name: str | torch.device | None) -> torch.device:
    """Device of a name: auto or None (CUDA, then MPS, then the CPU), cpu, cuda, cuda:1, mps, or a torch.device.

    Under torchrun, "cuda" is this process's own GPU. Raises ValueError: no such name, or no such device here.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    available = {"cuda": gpus, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if name in (None, "auto"):
        name = next(kind for kind, count in available.items() if count)
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = torch.device("meta")
    if device.type not in available:
        raise ValueError(f"--device {name}: expected auto, cpu, cuda, cuda:1 or mps")
    if str(device) == "cuda" and "LOCAL_RANK" in os.environ:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    if (device.index or 0) >= available[device.type]:
        advice = "--device auto selects one; torchrun needs a GPU for each process, or --device cpu"
        raise ValueError(f"--device {device}: torch finds no such device here; {advice}")
    return device


def is_mixed(amp: str, device: torch.device) -> bool:
    """Whether training uses bfloat16 where that is safe: by --amp bf16, and by auto on a CUDA device that has it."""
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return amp == "bf16" or (amp == "auto" and has_bf16)


def hardware(device: torch.device) -> str:
    """What a device computes with, as a table names it: the GPU, or how many cores of which processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return f"{cores()} cores of {models[0] if models else platform.processor() or platform.machine()}"
