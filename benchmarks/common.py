"""What all measurements share: processes of their own, medians, made-up data, the machine's name."""

import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from utils.scoring import cores

SIZE = 384  # side of the network's input, as the paper has it


def in_child(function: Callable, *args) -> tuple[Any, float]:
    """A function's result and the peak memory, MB, of the fresh process that it ran in."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(sender, function, args))
    process.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__}{args}: its process ended early (out of memory?)") from None
    finally:
        process.join()
    return result


def _call(sender, function: Callable, args: tuple) -> None:
    result = function(*args)
    torch = sys.modules.get("torch")  # not every measurement needs it
    if torch and torch.cuda.is_initialized():
        peak = torch.cuda.max_memory_allocated() / 2**20
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    sender.send((result, peak))


def median_seconds(function: Callable, repeats: int, warm_up: int = 2) -> float:
    """Median seconds of a call, after some that do not count; on CUDA each waits for the device."""
    import torch

    seconds = []
    for _ in range(warm_up + repeats):
        start = time.perf_counter()
        function()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[warm_up:])[repeats // 2]


def made_up_data(folder: Path, count: int, width: int = 640) -> Path:
    """A dataset folder with this many generated training pictures and one for testing."""
    from tools import prepare, sample

    sample.run(sample.Options(output=str(folder / "source"), training=count, test=1, width=width))
    prepare.run(prepare.Options(source=str(folder / "source"), dataset="SAMPLE", white="blurred",
                                data_path=str(folder / "dataset")))  # fmt: skip
    return folder / "dataset"


def machine(device: str) -> dict[str, str]:
    """Hardware and versions that a table has to name."""
    import torch

    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    packages = ("torch", "torchvision", "numpy", "opencv-python-headless", "albumentations", "pysodmetrics")
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"{cores()} cores of {name}",
        "python": platform.python_version(),
    } | {package: version(package) for package in packages}
