"""The server of `serve` as a process."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATIENCE = 120  # for a machine that has other work, seconds


def served(test):
    """Marks a test of the whole: it takes long, and those of a file share one server."""
    return pytest.mark.slow(pytest.mark.xdist_group("serve")(test))


@contextmanager
def serving(folder: Path, *words: str):
    """The server as a process with the weights of the repository; its address and temporary folder are added to it."""
    temporary, log = folder / "tmp", folder / "log"
    temporary.mkdir()
    command = [sys.executable, "main.py", "serve", "--device", "cpu", *words]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with log.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors)
    try:
        assert process.stdout.readline().startswith("weights: ")
        line = process.stdout.readline()
        assert line.startswith("RAN is at http://127.0.0.1:"), log.read_text()
        process.address, process.temporary, process.log = line.split()[3], temporary, log
        yield process
    finally:
        process.kill()
        process.wait()
