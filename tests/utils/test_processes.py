import subprocess
import sys

import pytest

AS_ON_WINDOWS = "import multiprocessing; multiprocessing.get_all_start_methods = lambda: ['spawn']"


@pytest.mark.parametrize("first", ["", AS_ON_WINDOWS])
def test_a_script_without_a_guard_runs_once(tmp_path, first):
    """Its loader processes do not run it again."""
    lines = (first, "from ran.utils.processes import METHOD, start_method", "print('once', METHOD, flush=True)",
             "process = start_method().Process(target=abs, args=(1,))", "process.start()", "process.join()",
             "print(process.exitcode)")  # fmt: skip
    (tmp_path / "script.py").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"once {'spawn' if first else 'forkserver'}\n0\n", "")
