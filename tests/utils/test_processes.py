import subprocess
import sys

import pytest

AS_ON_WINDOWS = "import multiprocessing; multiprocessing.get_all_start_methods = lambda: ['spawn']"


@pytest.mark.parametrize("first", ["", AS_ON_WINDOWS])
def test_a_script_without_a_guard_runs_once(tmp_path, first):
    """Other processes do not run it again."""
    lines = (first, "from ran.utils.processes import METHOD, in_processes", "print('once', METHOD, flush=True)",
             "print(sum(in_processes(abs, [(-n,) for n in range(40)], 40, 2)))")  # fmt: skip
    (tmp_path / "script.py").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"once {'spawn' if first else 'forkserver'}\n780\n", "")
