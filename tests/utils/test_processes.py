import subprocess
import sys


def test_a_script_without_a_guard_runs_once(tmp_path):
    """Other processes do not run it again."""
    lines = ("from ran.utils.processes import in_processes", "print('once', flush=True)",
             "print(sum(in_processes(abs, [(-n,) for n in range(40)], 40, 2)))")  # fmt: skip
    (tmp_path / "script.py").write_text("\n".join(lines))
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("once\n780\n", "")
