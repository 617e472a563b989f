"""Processes of the command line that need not import torch for seconds: forked from one that has.

Real signals end them. Tests of an interpreter's start start `python main.py` itself.
"""

import contextlib
import gc
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import TimeoutExpired
from unittest import mock

import pytest

import main

ROOT = Path(__file__).parent.parent
# What train, test, predict and torchrun import.
PRELOADED = ("tests.small", "ran.trainer", "ran.tester", "ran.photos.predict", "ran.tools.prepare",
             "torch.distributed.run", "torch._dynamo", "torch.utils.tensorboard", "matplotlib.backends.backend_agg",
             "matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg")  # fmt: skip
FORKS = "forkserver" in multiprocessing.get_all_start_methods()  # not on Windows
context = multiprocessing.get_context("forkserver" if FORKS else "spawn")
started: list["Job"] = []


def lacks(what: str) -> None:
    """Skips a test for which this machine lacks something, but fails it where RAN_COMPLETE is set, as in CI."""
    (pytest.fail if os.environ.get("RAN_COMPLETE") else pytest.skip)(f"this machine lacks {what}")


def checkout(folder: Path) -> Path:
    """A copy of the code, without what is built or downloaded."""
    left_out = (".*", "dataset", "runs", "demo", "build", "*.egg-info", "__pycache__", "shared", "tests", "results")
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*left_out, "*.onnx"))


def preload() -> None:
    """Starts the process that all others are forked from; it ends with this one."""
    if not FORKS:
        return
    from multiprocessing import forkserver

    context.set_forkserver_preload([*PRELOADED])
    with mock.patch.dict(os.environ, PYTHONPATH=str(ROOT)):
        forkserver.ensure_running()


class Job(context.Process):
    """`python main.py WORDS`, or with `torchrun` two processes of a script and its words; in a session of its own.
    What it prints and its errors go into a file.
    """

    def __init__(self, log: Path, *words, torchrun: bool = False):
        if not FORKS:
            lacks("a forkserver")
        super().__init__()
        log.write_text("")
        self.log, self.words, self.torchrun = log, [*map(str, words)], torchrun
        preload()
        self.start()
        started.append(self)

    said = property(lambda self: self.log.read_text(encoding="utf-8", errors="replace"))

    def wait(self, timeout: float = 300) -> int:
        self.join(timeout)
        if self.exitcode is None:
            raise TimeoutExpired(self.words, timeout)
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Sends a signal to all processes of the session's group; does nothing if they have just ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def run(self) -> None:
        gc.freeze()  # what was imported stays: a training collects garbage, and would copy all of it to look at it
        os.setsid()
        for stream in (1, 2):
            os.dup2(os.open(self.log, os.O_RDWR | os.O_APPEND), stream)
        os.chdir(ROOT)
        # Its own processes start as those of a user's command do; from a server of its own they would outlive a kill.
        multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
        if self.torchrun:
            from torch.distributed.run import main as elastic

            elastic(["--standalone", "--nproc_per_node=2", "--run_path", "--start_method=fork", *self.words])
        else:
            sys.exit(main.main(self.words))


def until(process: Job, happened: Callable[[], object], pause: float = 0.02, patience: float = 120) -> None:
    """Waits for something that a process does, or for its end."""
    deadline = time.monotonic() + patience
    while not happened() and process.exitcode is None and time.monotonic() < deadline:
        time.sleep(pause)


def end_all() -> None:
    """Kills what a failed test has left."""
    while started:
        job = started.pop()
        if job.exitcode is None:
            job.send_signal(signal.SIGKILL)
        job.wait()
