"""Other processes: started from the beginning, and ended with the one that started them.

A forked copy of this process would keep the locks that its threads hold at that moment, and wait for them for ever.
"""

import copy
import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from .progress import in_order

FEW = 32  # calls that this process makes sooner than others would have started
POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]  # Slurm announces an end
CONTEXT: Any = copy.copy(multiprocessing.get_context("spawn"))


class Process(CONTEXT.Process):  # type: ignore[name-defined]
    """A process that leaves signals to its parent, from its first moment on."""

    def start(self) -> None:
        with handled(signal.SIG_IGN, (signal.SIGINT, *POLITE)):  # what is ignored stays so in the new process
            super().start()


CONTEXT.Process = Process


def in_processes(function: Callable[..., Any], calls: Iterable[tuple], count: int, processes: int) -> Iterator[Any]:
    """Results of a module's function in order; calls are made on the way, so at most two a process wait in memory.

    Args:
        calls: arguments of each call.
        count: number of calls; below FEW this process does them alone.
        processes: how many to start.
    """
    if processes == 1 or count < FEW:
        yield from (function(*call) for call in calls)
        return
    with ProcessPoolExecutor(processes, CONTEXT, set_up) as pool:
        yield from in_order(pool, function, calls, 2 * processes)


def set_up(*_) -> None:
    """Sets a process up: one thread computes, and the process ends with its parent."""
    import cv2  # --help need not wait for it

    cv2.setNumThreads(0)
    warnings.filterwarnings("ignore", module="PIL")  # as main does
    threading.Thread(target=_end_with_parent, daemon=True).start()


@contextmanager
def handled(handler: Any, numbers: Iterable[int] = POLITE) -> Iterator[None]:
    """Handles signals so for a while, if this is the main thread: Python allows it there alone."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in numbers} if is_main else {}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
