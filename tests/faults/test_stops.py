"""Kills, full disks, folders that cannot be written to, two runs in one folder."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from main import main
from ran.tools import prepare, sample
from ran.tools.options import PrepareOptions
from ran.utils.checkpoint import read_state
from ran.utils.files import locked
from tests import processes
from tests.faults.commands import contents, words


@pytest.fixture
def data(dataset, saved_maps, evaluated, tmp_path) -> Path:
    for folder, name in ((dataset, ""), (saved_maps["good"], "maps"), (evaluated, "scores")):
        shutil.copytree(folder, tmp_path / "data" / name)
    return tmp_path / "data"


@pytest.fixture
def disk(tmp_path) -> Callable[[str], Path]:
    """Mounts a disk of a size (such as 1m), or remounts it with other options; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        again = ["-o", f"remount,{options}"] if os.path.ismount(folder) else ["-o", options]
        command = ["mount", "-t", "tmpfs", *again, "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            processes.lacks("the right to mount a file system")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], capture_output=True)


@pytest.mark.parametrize("command, size", [("prepare", "16k"), ("test", "12k"), ("predict", "16k"), ("train", "100m")])
@pytest.mark.slow
def test_a_full_disk_is_reported_and_the_same_command_goes_on(command, size, data, run_folder, disk, tmp_path, capsys):
    """For `train` the disk holds the first epoch's files, but not the second state beside the first one."""
    out, whole = disk(f"size={size}") / "out", tmp_path / "whole"
    more = ["--epochs", "2"] * (command == "train")
    assert main(words(command, data, run_folder, out, *more)) == 1
    error = capsys.readouterr().err
    assert "(No space left on device)" in error and str(out) in error and "Traceback" not in error
    assert not list(out.rglob(".part-*"))
    assert command != "train" or len(read_state(out / "last.pt")["history"]) in (1, 2)
    disk("size=300m")
    for folder in (out, whole):
        assert main(words(command, data, run_folder, folder, *more)) == 0
    assert contents(out) == contents(whole)


@pytest.mark.parametrize("command", ["train", "predict"])
def test_a_folder_that_cannot_be_written_to_is_reported(command, data, run_folder, disk, tmp_path, capsys):
    if os.geteuid():
        out, reason = tmp_path / "out", "Permission denied"
        out.mkdir(0o500)
    else:  # root may write whatever a folder's mode says
        out, reason = disk("size=1m"), "Read-only file system"
        disk("ro")
    for folder in (out, out / "new"):
        assert main(words(command, data, run_folder, folder)) == 1
        assert f"error: {folder}: cannot be written to ({reason})" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["prepare", "train", "test", "evaluate", "report", "ablation"])
def test_two_runs_in_one_folder_are_refused_before_any_work(command, data, run_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ran.utils.files.LOCK_SECONDS", 0)
    with locked(out := tmp_path / "out"):
        assert main(words(command, data, run_folder, out)) == 1
    assert f"error: {out}: another run is writing there; wait for its end" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.slow
def test_loader_processes_need_no_shared_memory(dataset):
    """A container has 64 MB of it; here it holds less than one batch."""
    code = f"""if 1:
        from ran.dataloader import Samples, make_loader
        from ran.data.layouts import find_sets
        samples = Samples(find_sets({str(dataset)!r}, "train", [])["SAMPLE"], 512)
        print([len(batch["image"]) for batch in make_loader(samples, 2, batch_size=3)])"""
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=512k tmpfs /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        processes.lacks("the right to mount a file system")
    done = subprocess.run([*mount, sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "[3, 3]\n"), done.stderr


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
