"""Loader processes: started from the beginning, and deaf to the signals that their parent handles.

A forked copy of this process would keep the locks that its threads hold at that moment, and wait for them for ever.
"""

import copy
import multiprocessing
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]  # Slurm announces an end
ALL = (signal.SIGINT, *POLITE)
CONTEXT: Any = copy.copy(multiprocessing.get_context("spawn"))


class Process(CONTEXT.Process):
    """A process that ignores these signals while it imports what it needs."""

    def start(self) -> None:
        with handled(signal.SIG_IGN, ALL):  # what is ignored stays so in the new process
            super().start()


CONTEXT.Process = Process


def ignore_signals(*_) -> None:
    """Ignores them from now on: torch has set handlers of its own in a loader process."""
    for number in ALL:
        signal.signal(number, signal.SIG_IGN)


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
