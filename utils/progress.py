"""Work on many files at once, progress of long work, and on how many processors."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


def bar(items: Iterable, what: str, total: int | None = None, unit: str = "image", disable=False, **more) -> Any:
    """A tqdm progress bar on a terminal; nothing elsewhere, or if disabled. `more` is as tqdm takes it."""
    from tqdm import tqdm

    return tqdm(items, what, total, unit=unit, leave=False, disable=disable or None, **more)


def say(lines: Iterable[str]) -> None:
    """Prints lines at once, so that a log has them before long work."""
    for line in lines:
        print(line, flush=True)


def in_threads(function: Callable, items: list, what: str, unit: str = "pair") -> Iterable:
    """Results of the function in order, with a progress bar; decoders and file access release Python's lock.

    After an error no call goes on, so that none writes behind the caller's back.
    """
    with ThreadPoolExecutor(cores()) as pool:  # map cancels the calls that wait
        yield from bar(pool.map(function, items), what, len(items), unit)


def in_order(pool: Executor, function: Callable, calls: Iterable[tuple], ahead: int) -> Iterator:
    """Results of the function's calls in order, while the next calls are made: at most so many more wait in memory."""
    waiting: deque[Future] = deque()
    for call in calls:
        waiting.append(pool.submit(function, *call))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores_of_process() -> int:
    """This process's share of them, where torchrun started several here."""
    return max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
