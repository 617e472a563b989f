import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ran.utils.progress import bar, in_order, in_threads


def test_a_log_gets_no_bar(capsys):
    assert list(in_threads(abs, [-1, 2], "working")) == [1, 2]
    assert list(bar(iter("abc"), "working", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_after_an_error_no_call_goes_on():
    started, ended = [], []

    def work(number):
        started.append(number)
        if number == 0:
            raise ValueError
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(ValueError):
        list(in_threads(work, list(range(1000)), "working"))
    assert len(ended) == len(started) - 1 < 999


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    list(bar(range(3), "working"))
    assert "\r" in capsys.readouterr().err


def test_results_come_in_order_and_calls_are_made_when_there_is_room():
    made = []

    def calls():
        for number in range(9):
            made.append(number)
            yield (number,)

    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, lambda number: -number, calls(), ahead=3)
        assert next(results) == 0 and made == [0, 1, 2, 3]
        assert list(results) == [-number for number in range(1, 9)]
        assert list(in_order(pool, abs, [], 3)) == []
