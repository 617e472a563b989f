"""Signals that ask a training to leave after its epoch."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# What Slurm (--signal) and torchrun send. Ctrl-C ends a training at once; --resume repeats the unfinished epoch.
POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]


@contextmanager
def noted_signals() -> Iterator[list[signal.Signals]]:
    """Collects SIGTERM and SIGUSR1 in a list instead of ending the program; a second one acts as it did before.

    Outside of the main thread, as in a web application, it leaves signals alone.
    """
    received: list[signal.Signals] = []
    before: dict = {}

    def note(number: int, _frame) -> None:
        received.append(signal.Signals(number))
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, note) for number in POLITE}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
