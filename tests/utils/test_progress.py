import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ran.utils import progress
from ran.utils.progress import bar, in_order, in_threads

LOOP = "import main, time; from ran.utils import progress; progress.PAUSE = 0.01\nfor _ in progress.bar(range(200), 'working'): time.sleep(0.005)"  # noqa: E501


def test_a_log_gets_a_line_a_tenth_and_no_control_characters():
    lines = subprocess.run([sys.executable, "-c", LOOP], capture_output=True, text=True, check=True).stderr.splitlines()
    assert 8 <= len(lines) <= 11 and all(line.startswith("working: ") for line in lines)
    assert "\r" not in "".join(lines) and " 50%" in "".join(lines)


def test_short_work_says_nothing_in_a_log(capsys):
    assert list(in_threads(abs, [-1, 2], "working")) == [1, 2]
    assert list(bar(iter("abc"), "working", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    list(bar(range(3), "working"))
    assert "\r" in capsys.readouterr().err


@pytest.mark.parametrize("items, total", [(None, 5), ([1, 2], None)])
def test_the_total_is_known(items, total):
    with bar(items, "working", total) as shown:
        assert shown.total == (total or len(items))


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
