"""Loader processes: never forked from one that has threads, and ended with the one that started them."""

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import Any

METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
SLOW = ("ran.dataloader", "ran.data.augmentation")  # they take seconds to import
POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]  # Slurm announces an end


def start_method() -> BaseContext:
    """The context for other processes.

    A forked copy of this process would keep the locks that its threads hold at that moment, and wait for them for ever.
    So a server without threads is forked instead; Windows has none, and starts each process from the beginning.
    """
    if METHOD == "forkserver":
        from multiprocessing import forkserver  # Windows cannot import it

        forkserver.set_forkserver_preload([name for name in SLOW if name in sys.modules])  # once for all processes
        path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
        with handled(signal.SIG_IGN):  # signals to all processes are the main one's; what is ignored stays so there
            forkserver.ensure_running()
        os.environ.pop("PYTHONPATH") if path is None else os.environ.update(PYTHONPATH=path)
    return multiprocessing.get_context(METHOD)


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


@contextmanager
def handled(handler: Any) -> Iterator[None]:
    """Handles POLITE signals so for a while, if this is the main thread: Python allows it there alone."""
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in POLITE} if is_main else {}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
