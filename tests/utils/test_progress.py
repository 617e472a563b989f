import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ran.utils.progress import bar, in_order, in_threads


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_gets_a_bar_and_a_log_does_not(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert list(bar(iter("abc"), "working", 3)) == ["a", "b", "c"]
    assert ("\r" in capsys.readouterr().err) == terminal


def test_threads_give_results_in_order_and_after_an_error_no_call_goes_on():
    started, ended = [], []

    def work(number):
        started.append(number)
        if number == 5:
            raise ValueError
        time.sleep(0.05)
        ended.append(number)
        return -number

    results = in_threads(work, list(range(1000)), "working")
    assert [next(iter(results)) for _ in range(5)] == [0, -1, -2, -3, -4]
    with pytest.raises(ValueError):
        next(iter(results))
    assert len(ended) == len(started) - 1 < 999


def test_calls_are_made_when_there_is_room():
    calls = ((number,) for number in range(9))
    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, lambda number: -number, calls, ahead=3)
        assert next(results) == 0 and next(calls) == (4,)
        assert list(results) == [-1, -2, -3, -5, -6, -7, -8]
        assert list(in_order(pool, abs, [], 3)) == []
