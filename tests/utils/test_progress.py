import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ran.utils.progress import bar, cores, cores_of_process, in_order, in_threads


@pytest.mark.parametrize("terminal, disable, shown", [(True, False, True), (True, True, False), (False, False, False)])
def test_a_terminal_gets_a_bar_and_a_log_does_not(monkeypatch, capsys, terminal, disable, shown):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert list(bar(iter("abc"), "working", 3, disable=disable)) == ["a", "b", "c"]
    assert ("\r" in capsys.readouterr().err) == shown


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


def test_processors_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 4}, raising=False)
    assert cores() == cores_of_process() == 3
    for processes, share in (("2", 1), ("3", 1), ("8", 1), ("1", 3)):
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        assert cores_of_process() == share
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    for count, processors in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert cores() == processors
