"""SIGKILL at three moments: what is there is whole, and the same command goes on to the same result."""

import signal
import time
from pathlib import Path

import pytest

from ran.tools import prepare, sample
from ran.tools.options import PrepareOptions
from tests import processes
from tests.faults.commands import contents, words


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """24 generated pairs."""
    folder = tmp_path_factory.mktemp("images")
    sample.write(folder / "source", 14, 10, 480)
    prepare.run(PrepareOptions(source=str(folder / "source"), dataset="SAMPLE", white="blurred",
                               data_path=str(folder / "data")))  # fmt: skip
    return folder / "data"


@pytest.mark.parametrize("command", ["prepare", "train", "test", "predict"])
@pytest.mark.slow
def test_a_killed_command_goes_on_to_the_same_result(command, images, run_folder, tmp_path):
    """Killed at its first file, which is hardly whole by then, and after shares of the time that it takes."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"

    def start(out: Path) -> processes.Job:
        line = words(command, images, run_folder, out, *["--batch_size", "4"] * (command == "train"), workers=1)
        job = processes.Job(tmp_path / "log", *line)
        processes.until(job, lambda: job.said or out.exists())  # it has begun its work
        return job

    job, began = start(whole), time.monotonic()
    assert job.wait() == 0, job.said
    lasts, statuses = time.monotonic() - began, []
    for share in (0, 0.3, 0.7):
        job = start(broken)
        if share:
            job.join(share * lasts)
        else:
            processes.until(job, lambda: list(broken.glob("**/*.*")), pause=0)
        job.send_signal(signal.SIGKILL)
        statuses.append(job.wait())
        contents(broken)
    assert -signal.SIGKILL in statuses and {*statuses} <= {-signal.SIGKILL, 0}, job.said
    job = start(broken)
    assert job.wait() == 0, job.said
    assert contents(broken) == contents(whole) and not list(broken.rglob(".part-*"))
