"""Work on many files at once, progress of long work, and on how many processors."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

PAUSE = 10  # seconds at least between two lines of progress outside of a terminal


class _Lines:
    """Standard error for a bar outside of a terminal: a line for each state, without control characters."""

    def write(self, text: str) -> None:
        if line := text.strip("\r\n "):
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def bar(items: Iterable | None, what: str, total: int | None = None, unit: str = "picture", **more: Any) -> "tqdm":
    """A progress bar on a terminal; elsewhere a line a tenth of the work, for what takes more than some seconds.

    Args:
        items: to go through, or None where the bar is moved by hand.
        total: how many there are, if they cannot say it themselves.
        more: as tqdm takes them.
    """
    from tqdm import tqdm

    total = total if total is not None or items is None else len(items)  # type: ignore[arg-type]
    if not sys.stderr.isatty():
        more |= {"file": _Lines(), "mininterval": PAUSE, "maxinterval": 1e9, "delay": PAUSE}
        more |= {"miniters": max(1, (total or 0) // 10), "ascii": True, "ncols": 100}
    return tqdm(items, what, total, unit=unit, leave=False, **more)


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that stay until the process ends.

    A thread that ends runs OpenCV's clean-up after Python has joined it. A process forked at that moment would wait
    for OpenCV's mutex for ever.
    """
    return ThreadPoolExecutor(cores())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # the threads do not come along


def in_threads(function: Callable, items: list, what: str, unit: str = "pair") -> Iterable:
    """Results of the function in order, with a progress bar; decoders and file access release Python's lock."""
    yield from bar(_pool().map(function, items), what, len(items), unit)


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
