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

SIZE = 384  # side of the network's input, as the paper has it


def in_child(function: Callable, *args) -> tuple[Any, float]:
    """A function's result, and the peak memory, MB, of its fresh process or of the largest one that this started.

    On CUDA the memory is the device's. A new process starts with the peak of the one that starts it: so nothing heavy
    is imported here.
    """
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
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        peak /= 2**20 if sys.platform == "darwin" else 2**10
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
    from ran.tools import prepare, sample
    from ran.utils.tool_options import PrepareOptions, SampleOptions

    sample.run(SampleOptions(output=str(folder / "source"), training=count, test=1, width=width))
    prepare.run(
        PrepareOptions(
            source=str(folder / "source"), dataset="SAMPLE", white="blurred", data_path=str(folder / "dataset")
        )
    )
    return folder / "dataset"


def gpu() -> str:
    """Name of the CUDA device, or an empty string."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def machine(gpu_name: str) -> dict[str, str]:
    """Hardware and versions that a table has to name; an empty GPU's name stands for the CPU."""
    import torch

    from ran.utils.device import hardware

    packages = ("torch", "torchvision", "numpy", "opencv-python-headless", "albumentations", "pysodmetrics")
    return {
        "device": gpu_name or hardware(torch.device("cpu")),
        "python": platform.python_version(),
    } | {package: version(package) for package in packages}
