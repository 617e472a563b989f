"""Work on many files at once, progress of long work, and on how many processors."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


def bar(
    items: Iterable | None, what: str, total: int | None = None, unit: str = "image", disable: bool = False, **more: Any
) -> "tqdm":
    """A progress bar on a terminal; nothing elsewhere, or if disabled.

    Args:
        items: to go through, or None where the bar is moved by hand.
        total: how many there are, if they cannot say it themselves.
        more: as tqdm takes them.
    """
    from tqdm import tqdm

    return tqdm(items, what, total, unit=unit, leave=False, disable=disable or None, **more)


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
    """Results of the function in order, with a progress bar; decoders and file access release Python's lock.

    After an error no call goes on, so that none writes behind the caller's back.
    """
    futures = [_pool().submit(function, item) for item in items]
    try:
        yield from bar((future.result() for future in futures), what, len(items), unit)
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


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
