"""How this project starts other processes: never by a fork of a process that has threads."""

import multiprocessing
import signal
import threading
from multiprocessing.context import BaseContext

from .interruption import POLITE


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
    if threading.current_thread() is threading.main_thread():
        # Signals to all processes, as Slurm sends them, are the main one's; what is ignored stays so in the server.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in POLITE}
        forkserver.ensure_running()
        for number, handler in before.items():
            signal.signal(number, handler)
    return context
