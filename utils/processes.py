"""Other processes, never forked from one that has threads, and signals that ask a training to leave after its epoch."""

import copy
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import Any

from .progress import in_order

# What Slurm (--signal) and torchrun send. Ctrl-C ends a training at once; --resume repeats the unfinished epoch.
POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
SCORING = ["ran.evaluation.metrics"]
LOADING = [*SCORING, "ran.dataloader", "ran.data.augmentation"]
_CONTEXT = multiprocessing.get_context(METHOD)
FEW = 32  # calls that this process makes sooner than others would have started


class Process(_CONTEXT.Process):  # type: ignore[name-defined]
    """A process that does not run the main script again: a script of few lines has no guard against that."""

    def start(self) -> None:
        main: dict = vars(sys.modules["__main__"])
        hidden = {name: main.pop(name) for name in ("__file__", "__spec__") if name in main}
        main["__spec__"] = None
        try:
            super().start()
        finally:
            main.update(hidden)


def start_method() -> BaseContext:
    """The context for other processes.

    A forked copy of this process would keep the locks that its threads hold at that moment, and wait for them for ever.
    So a server without threads is forked instead; Windows has none, and starts each process from the beginning.
    """
    if METHOD == "forkserver":
        from multiprocessing import forkserver  # Windows cannot import it

        loaders = "torch" in sys.modules  # what takes seconds is imported once for all processes
        forkserver.set_forkserver_preload(LOADING if loaders else SCORING)
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        # Signals to all processes, as Slurm sends them, are the main one's; what is ignored stays so in the server.
        with handled(signal.SIG_IGN):
            forkserver.ensure_running()
        os.environ.pop("PYTHONPATH") if path is None else os.environ.update(PYTHONPATH=path)
    context: Any = copy.copy(_CONTEXT)
    context.Process = Process
    return context


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
    with ProcessPoolExecutor(processes, start_method(), set_up) as pool:
        yield from in_order(pool, function, calls, 2 * processes)


def set_up(*_) -> None:
    """Sets a process up: one thread computes, signals are left to the parent, and the process ends with its parent.

    The server that it was forked from lives as long as its processes do: they cannot rely on its end.
    """
    import cv2  # --help need not wait for it

    cv2.setNumThreads(0)
    warnings.filterwarnings("ignore", module="PIL")  # as main does
    for number in (signal.SIGINT, *POLITE):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@contextmanager
def handled(handler) -> Iterator[dict]:
    """Handles POLITE signals so for a while; yields their handlers of before. Other threads leave signals alone."""
    before: dict = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, handler) for number in POLITE}
    try:
        yield before
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def noted_signals() -> Iterator[list[signal.Signals]]:
    """Collects SIGTERM and SIGUSR1 in a list instead of ending the program; a second one acts as it did before."""
    received: list[signal.Signals] = []

    def note(number: int, _frame) -> None:
        received.append(signal.Signals(number))
        signal.signal(number, before[number])

    with handled(note) as before:
        yield received
