"""Ctrl-C and SIGTERM as a request that long work looks at between two steps."""

import signal
import threading


class StopSignals:
    """Context in which the first SIGINT or SIGTERM only sets `received`; a second one acts as it always did.

    Signals are the main thread's: elsewhere (in a notebook, behind a web page) it leaves them alone. So it does with a
    handler that a program set which Python is a part of, as it could not be set again.

    Attributes:
        received: the signal that this process got.
        agreed: the signal by which all processes of the job leave, at the same step.
    """

    def __init__(self):
        self.received: signal.Signals | None = None
        self.agreed: signal.Signals | None = None
        self._previous: dict = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is not None:
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @property
    def count(self) -> float:
        """1 where this process got a signal, else 0: to be summed over all processes."""
        return float(self.received is not None)

    def agree(self, signals: float) -> None:
        """Leaves when any process got a signal."""
        if signals:
            self.agreed = self.received or signal.SIGTERM

    def _note(self, number: int, _frame) -> None:
        self.received = signal.Signals(number)
        self.__exit__()
