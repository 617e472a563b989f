import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from ran.utils.interruption import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_a_wish_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with StopSignals() as stop:
        assert stop.received is None
        os.kill(os.getpid(), number)
        assert stop.received == number
        assert signal.getsignal(number) is before  # a second one acts as always
    assert signal.getsignal(number) is before


def test_another_thread_leaves_signals_alone():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def work() -> tuple[float, list]:
        with StopSignals() as stop:
            return stop.count, [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == (0, before)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_handler_that_is_not_of_python_stays(monkeypatch):
    """signal.signal would take it away and could not give it back."""
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    monkeypatch.setattr(signal, "signal", lambda *_: pytest.fail("set"))
    with StopSignals() as stop:
        assert stop.received is None
