"""Ctrl-C and SIGTERM as a wish that long work asks for between two steps."""

import signal


class StopSignals:
    """Context in which the first SIGINT or SIGTERM only sets `received`; a second one acts as it always did."""

    def __init__(self):
        self.received: signal.Signals | None = None
        self._previous: dict = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame) -> None:
        self.received = signal.Signals(number)
        self.__exit__()
