"""How much memory was used, and what to say when it was too short, or a process was killed for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NO_THREAD = "can't start new thread"  # Python's message where there is no room for another one
LOADER = "DataLoader worker"  # torch's messages on a loader process that died, perhaps "out of shared memory"


@contextmanager
def explain_out_of_memory(advice: str) -> Iterator[None]:
    """Turns the failures of NumPy, OpenCV, torch and threads for lack of memory into a ValueError with advice."""
    import cv2

    try:
        yield
    except (MemoryError, RuntimeError, cv2.error) as error:
        short = isinstance(error, MemoryError) or any(word in str(error).lower() for word in ("memory", NO_THREAD))
        if LOADER in str(error) or not short:
            raise
        raise ValueError(f"not enough memory: {advice}") from None


@contextmanager
def explain_dead_workers() -> Iterator[None]:
    """Turns torch's RuntimeError for a loader process that died into a ChildProcessError with advice.

    A signal handler raises it in whatever the main process is doing just then.
    """
    try:
        yield
    except RuntimeError as error:
        if LOADER not in str(error):
            raise
        raise ChildProcessError(
            f"{str(error).splitlines()[0].rstrip('. ')}: a loader process died, perhaps for lack of memory; "
            "try fewer --num_workers (0: none)"
        ) from None


def peak_memory(device: "torch.device | str") -> str:
    """The most memory that this process has held so far, as a phrase: on CUDA its tensors', elsewhere all of it.

    Empty where Python cannot say it: on Windows without CUDA.

    Args:
        device: of torch; or the name of onnxruntime's, of whose memory on a GPU torch knows nothing.
    """
    if not isinstance(device, str) and device.type == "cuda":
        import torch

        return f"; peak memory {torch.cuda.max_memory_allocated(device) / 1e9:.1f} GB on the GPU"
    try:
        import resource
    except ImportError:  # Windows
        return ""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 2**10)
    return f"; peak memory {peak / 1e9:.1f} GB"
