import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from ran.utils.processes import POLITE, noted_signals


@pytest.mark.parametrize("number", POLITE)
def test_the_first_signal_is_noted_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with noted_signals() as signals:
        assert signals == []
        os.kill(os.getpid(), number)
        assert signals == [number] and signals[0].name in ("SIGTERM", "SIGUSR1")
        assert signal.getsignal(number) is before  # a second one acts as always
    assert signal.getsignal(number) is before


def test_another_thread_leaves_signals_alone():
    before = [signal.getsignal(number) for number in POLITE]

    def work() -> list:
        with noted_signals():
            return [signal.getsignal(number) for number in POLITE]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == before


def test_a_script_without_a_guard_runs_once(tmp_path):
    """Other processes do not run it again."""
    lines = ("from ran.utils.processes import in_processes", "print('once', flush=True)",
             "print(sum(in_processes(abs, [(-n,) for n in range(40)], 40, 2)))")  # fmt: skip
    (tmp_path / "script.py").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("once\n780\n", "")
