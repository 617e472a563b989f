"""Which device to compute on, and how precisely."""

import os
import platform
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from .progress import cores

DTYPES = {"off": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str | torch.device | None) -> torch.device:
    """Device of a name: auto or None (CUDA, then MPS, then the CPU), cpu, cuda, cuda:1, mps, or a torch.device.

    Under torchrun, "cuda" is this process's own GPU. Raises ValueError: no such name, or this machine has no such
    device, or fewer GPUs than processes.
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
    if (device.index or 0) >= available[device.type]:
        raise ValueError(f"--device {name}: torch finds no such device here; --device auto selects one")
    if str(name) != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    if (local := int(os.environ["LOCAL_RANK"])) >= gpus:
        raise ValueError(f"--device cuda: {gpus} GPU(s) here, but torchrun started more processes; one process a GPU")
    return torch.device("cuda", local)


def mixed_precision(name: str, device: torch.device) -> torch.dtype | None:
    """Type of a mixed precision: auto (bfloat16 on a CUDA device that has it), bf16, fp16; None for full precision."""
    if name == "auto":
        name = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "off"
    if name == "fp16" and device.type != "cuda":
        raise ValueError(f"--amp fp16 needs CUDA, this is {device.type}; --amp bf16 or off runs anywhere")
    return DTYPES[name]


def name_of(precision: torch.dtype | None) -> str:
    """The name of what mixed_precision gave: off, bf16 or fp16."""
    return next(name for name, known in DTYPES.items() if known is precision)


def compiled(network: nn.Module, wanted: bool, device: torch.device) -> Callable[..., dict[str, torch.Tensor]]:
    """The network as it is called: compiled if wanted, with CUDA graphs on a GPU; each input size compiles anew."""
    mode = "reduce-overhead" if device.type == "cuda" else "default"
    return torch.compile(network, mode=mode, dynamic=False) if wanted else network


def hardware(device: torch.device) -> str:
    """What a device computes with, as a table names it: the GPU, or how many cores of which processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return f"{cores()} cores of {models[0] if models else platform.processor() or platform.machine()}"
