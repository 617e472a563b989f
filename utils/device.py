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
    has_mps = torch.backends.mps.is_available() and "LOCAL_RANK" not in os.environ  # one process alone can use it
    available = {"cuda": gpus, "mps": int(has_mps), "cpu": 1}
    if name in (None, "auto"):
        name = next(kind for kind, count in available.items() if count)
    kind, _, number = str(name).partition(":")
    if kind not in available or not (number or "0").isdecimal():
        raise ValueError(f"--device {name}: expected auto, cpu, cuda, cuda:1 or mps")
    if kind == "cuda":
        number = number or os.environ.get("LOCAL_RANK", "")
    if int(number or 0) >= available[kind]:
        advice = "--device auto selects one; torchrun needs a GPU for each process, or --device cpu"
        raise ValueError(f"--device {name}: torch finds no such device here; {advice}")
    return torch.device(f"{kind}:{int(number)}" if number else kind)


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
