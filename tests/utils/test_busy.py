import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ran.utils import busy

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "others, processors, chosen", [(0.0, 2, False), (0.1, 2, False), (0.9, 2, True), (0.9, 4, False), (2.9, 4, True)]
)
def test_threads_sleep_where_others_want_their_processors(tmp_path, monkeypatch, others, processors, chosen):
    """Of two processors that this process may use, beside others in the seconds of an import."""
    stat = tmp_path / "stat"
    clock = iter((0.0, 10.0))

    def write(busy_seconds: float) -> None:
        ticks = round(busy_seconds * os.sysconf("SC_CLK_TCK"))
        stat.write_text(f"cpu  {50 + ticks} 20 30 9999 77 1 2 3 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n")

    write(0)
    monkeypatch.setattr(busy, "STAT", stat)
    monkeypatch.setattr(busy, "sys", SimpleNamespace(modules={}))
    monkeypatch.setattr(busy, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(busy, "cores_of_process", lambda: 2)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    monkeypatch.setattr(os, "times", lambda: SimpleNamespace(user=1.0, system=1.0))
    monkeypatch.setattr(os, "environ", {})
    busy.share_processors(lambda: write(10 * others))
    assert os.environ.get("GOMP_SPINCOUNT") == (busy.SPINS if chosen else None)


@pytest.mark.slow
@pytest.mark.skipif(not busy.STAT.is_file(), reason="no Linux")
@pytest.mark.parametrize("decided", ["", "7"])
def test_beside_busy_processes_a_command_shares_unless_the_user_has_decided(decided):
    code = "import os, main; assert main.main(['info', '--arch', 'resnet18']) == 0; print(os.environ['GOMP_SPINCOUNT'])"
    environment = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    environment |= {"GOMP_SPINCOUNT": decided} if decided else {}
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == (decided or busy.SPINS)
