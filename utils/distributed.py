"""Several processes that train or test together, started by torchrun. Alone, each function does the plain thing."""

import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from .device import choose_device

PATIENCE = timedelta(minutes=30)  # torch's own limit on the CPU; on CUDA it would be 10 minutes


def join(device: str, patience: timedelta = PATIENCE) -> torch.device:
    """This process's device, see choose_device; under torchrun it also joins the job (NCCL on CUDA, Gloo on CPUs).

    Processes wait for each other for as long as `patience`, then the job ends. Raises ValueError: see choose_device.
    """
    chosen = choose_device(device)
    if "LOCAL_RANK" not in os.environ:
        return chosen
    if chosen.type == "cuda":
        chosen = choose_device("cuda")  # its own, whichever was named
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=patience)
    return chosen


def leave() -> None:
    """Ends this process's part in a job that all processes have finished."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0; the first one writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def wrapped(network: nn.Module, device: torch.device) -> nn.Module:
    """The network as training calls it: its gradients become means over all processes.

    On CUDA the decoder's BatchNorms see the whole batch; Gloo has no SyncBatchNorm, there each sees its share.
    """
    if size() == 1:
        return network
    if device.type == "cuda":
        for name, part in network.named_children():
            if name != "encoder":  # its norms are frozen
                setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(part))
    return DistributedDataParallel(network, [device] if device.type == "cuda" else None)


def gather(items: list) -> list:
    """Items of all processes, in their original order where process r holds the items r, r + size, r + 2 size, ..."""
    if size() == 1:
        return items
    shares: list[Any] = [None] * size()
    dist.all_gather_object(shares, items)
    return [share[i] for i in range(max(map(len, shares))) for share in shares if i < len(share)]


def total(*values: float) -> list[float]:
    """Sums over all processes."""
    return [sum(of_all) for of_all in zip(*gather([values]))]


def same_buffers(network: nn.Module) -> None:
    """Gives every process the first one's buffers (BatchNorm statistics)."""
    if size() > 1:
        for buffer in network.buffers():
            dist.broadcast(buffer, 0)


def check_same(what: str, value: Any) -> None:
    """Raises ValueError where processes hold different things, as without a shared disk: some would wait for ever."""
    if any(other != value for other in gather([value])):
        raise ValueError(f"the processes see different {what}: all machines need the same files")
