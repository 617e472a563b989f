"""Work on many files at once, with a bar, and on how many processors."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm


def in_threads(function: Callable, items: list, what: str, unit: str = "pair") -> Iterable:
    """Results of the function in order, with a progress bar; decoders and file access release Python's lock."""
    with ThreadPoolExecutor() as pool:
        yield from tqdm(pool.map(function, items), total=len(items), desc=what, unit=unit, leave=False)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores_of_process() -> int:
    """This process's share of them, where torchrun started several here."""
    return max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
