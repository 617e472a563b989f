"""Other processes, never forked from one that has threads, and signals that ask a training to leave after its epoch."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext

# What Slurm (--signal) and torchrun send. Ctrl-C ends a training at once; --resume repeats the unfinished epoch.
POLITE = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]


def start_method(module: str) -> BaseContext:
    """The context for processes that run functions of a module, which is imported once for all of them.

    A forked copy of this process would keep the locks that its threads hold at that moment, and wait for them for ever.
    So a server without threads is forked instead; Windows has none, and starts each process from the beginning.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver  # Windows cannot import it

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", module])
    # Signals to all processes, as Slurm sends them, are the main one's; what is ignored stays so in the server.
    with handled(signal.SIG_IGN):
        forkserver.ensure_running()
    return context


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
