"""SIGKILL at random moments: what is there is whole, and the same command goes on to the same result."""

import csv
import json
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from ran.tools import prepare, sample
from ran.tools.options import PrepareOptions
from ran.utils.checkpoint import read_state, read_weights
from tests import processes
from tests.faults.commands import words

KILLS = 2


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """24 generated pairs."""
    folder = tmp_path_factory.mktemp("images")
    sample.write(folder / "source", 14, 10, 480)
    prepare.run(PrepareOptions(source=str(folder / "source"), dataset="SAMPLE", white="blurred",
                               data_path=str(folder / "data")))  # fmt: skip
    return folder / "data"


def contents(folder: Path) -> dict:
    """What a run has left, in a form that is equal for equal results; a file that is not whole fails."""
    found: dict = {}
    for path in (path for path in folder.rglob("*.*") if path.is_file() and not path.name.startswith(".")):
        if path.suffix in (".png", ".jpg"):
            found[path.name] = Image.open(path).tobytes()
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            rows = list(csv.reader(path.read_text().splitlines()))
            assert {len(row) for row in rows} == {len(rows[0])} and path.read_bytes().endswith(b"\n"), path
            found[path.name] = rows if path.name != "history.csv" else []  # it has seconds
        elif path.suffix in (".safetensors", ".pt"):
            state = read_weights(path)[0] if path.suffix == ".safetensors" else read_state(path)["network"]
            found[path.name] = {name: value.numpy().tobytes() for name, value in state.items()}
    return found


@pytest.mark.parametrize("command", ["prepare", "train", "test", "predict"])
@pytest.mark.slow
def test_a_killed_command_goes_on_to_the_same_result(command, images, run_folder, tmp_path):
    """Killed at its first file, which is hardly whole by then, and at random moments."""
    dice, whole, broken = random.Random(command), tmp_path / "whole", tmp_path / "broken"

    def start(out: Path) -> processes.Job:
        line = words(command, images, run_folder, out, *["--batch_size", "4"] * (command == "train"), workers=1)
        job = processes.Job(tmp_path / "said", *line, start_new_session=True)
        processes.until(job, lambda: job.stdout or job.stderr or out.exists())  # it has begun its work
        return job

    job, began = start(whole), time.monotonic()
    assert job.wait() == 0, job.stderr
    lasts, killed = time.monotonic() - began, 0
    for number in range(2 * KILLS):
        job, moment = start(broken), dice.uniform(0, lasts)
        if number == 0:
            processes.until(job, lambda: list(broken.glob("**/*.*")), pause=0)
        else:
            with suppress(subprocess.TimeoutExpired):
                job.wait(moment)
        job.send_signal(signal.SIGKILL, group=True)
        if job.wait() == -signal.SIGKILL:
            killed += 1
            contents(broken)
        else:  # it ended before the kill
            assert job.returncode == 0 and contents(broken) == contents(whole), job.stderr
            shutil.rmtree(broken)
        if killed > KILLS:
            break
    assert killed > 0
    job = start(broken)
    assert job.wait() == 0, job.stderr
    assert contents(broken) == contents(whole) and not list(broken.rglob(".part-*"))


def members(session: int) -> list[str]:
    """What runs in a session, zombies left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            state, _, _, its = (path / "stat").read_text().rpartition(")")[2].split()[:4]
            found += [path.name] * (int(its) == session and state != "Z")
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux lists processes there")
def test_loader_processes_end_with_a_killed_command(images, run_folder, tmp_path):
    """The server that forks them lives as long as they do: they cannot wait for its end."""
    line = words("train", images, run_folder, tmp_path / "out", "--epochs", "99", workers=1)
    job = processes.Job(tmp_path / "said", *line, start_new_session=True)
    processes.until(job, (tmp_path / "out/last.pt").exists)
    assert len(members(job.pid)) > 2, job.stderr
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while members(job.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not members(job.pid)
