"""SIGKILL at random moments: what is there is whole, and the same command goes on to the same result.

One kill in a write and three (RAN_KILLS) at random of each command; RAN_SEED chooses the moments. The processes are
forked from one that has imported torch: a kill costs the work alone.
"""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from ran.tools import prepare, sample
from ran.utils.checkpoint import read_state, read_weights
from ran.utils.tool_options import PrepareOptions, SampleOptions
from tests import processes
from tests.small import TINY

KILLS = int(os.environ.get("RAN_KILLS", 3))
SEED = int(os.environ.get("RAN_SEED", 0))
CPU = ["--device", "cpu"]
SMALL = ["--arch", TINY, "--pretrained", "none", "--img_size", "64", "--epochs", "4", "--lr", "1e-4", "--limit",
         "10", "--val_share", "0.2", "--num_workers", "1", "--resume", *CPU]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """24 generated pairs as published, and prepared."""
    folder = tmp_path_factory.mktemp("pictures")
    sample.run(SampleOptions(output=str(folder / "source"), training=14, test=10, width=480))
    prepare.run(PrepareOptions(source=str(folder / "source"), data_path=str(folder / "dataset"), **named("sample")))
    return folder


def named(name: str) -> dict:
    return {"dataset": name.upper(), "white": "blurred"}


def commands(pictures: Path, weights: Path, out: Path) -> dict[str, list[str]]:
    dataset = str(pictures / "dataset")
    trained = ["--model_path", str(weights), *CPU]
    return {
        "prepare": ["--source", str(pictures / "source"), "--dataset", "SAMPLE", "--white", "blurred",
                    "--data_path", str(out)],
        "train": ["--data_path", dataset, "--model_path", str(out), *SMALL],
        "test": ["--data_path", dataset, "--output", str(out), "--save_map", "True", "--num_workers", "1", *trained],
        "predict": [str(pictures / "source/image"), "--output", str(out), "--overlay", "--table", "csv", *trained],
    }  # fmt: skip


def start(command: str, words: list[str], folder: Path) -> processes.Job:
    """A process of its own, when it has begun its work: said its first word."""
    job = processes.Job(folder / "said", command, *words, start_new_session=True)
    processes.until(job, lambda: job.stdout or job.stderr)
    return job


def end(job: processes.Job) -> None:
    said = job.communicate()
    assert job.returncode == 0, said


def check_whole(folder: Path) -> None:
    """Every file that has its name is whole (TensorBoard's log grows by records, and may end in a part of one)."""
    for path in (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".part-")):
        if path.suffix in (".png", ".jpg"):
            Image.open(path).load()
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            with path.open(newline="") as file:
                rows = list(csv.reader(file))
            assert {len(row) for row in rows} == {len(rows[0])} and path.read_bytes().endswith(b"\n"), path
        elif path.suffix == ".safetensors":
            read_weights(path)
        elif path.suffix == ".pt":
            read_state(path)
        elif path.suffix in (".pdf", ".html"):
            assert path.read_bytes().rstrip().endswith((b"%%EOF", b"</html>")), path
        else:
            assert "tfevents" in path.name or path.suffix in (".md", ".tex", ".lock"), path


def contents(folder: Path) -> dict:
    """All that a run leaves, in a form that is equal for equal results."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if path.name == "last.pt":
            state = read_state(path)
            found[name] = tensors(state["network"]), [without(row, "seconds") for row in state["history"]]
        elif path.suffix == ".safetensors":
            weights, metadata = read_weights(path)
            found[name] = tensors(weights), without(metadata, "seconds")
        elif path.name not in ("history.csv", "curves.png", "scores.json", "index.html") and "tfevents" not in name:
            found[name] = path.read_bytes().replace(str(folder).encode(), b"OUT")
    return found


def tensors(state: dict[str, torch.Tensor]) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in state.items()}


def without(row: dict, key: str) -> dict:
    return {name: value for name, value in row.items() if name != key}


def kill_in_a_write(job: processes.Job, folder: Path) -> None:
    """Kills it when the first of its files, whatever its name, appears: it is hardly whole by then."""

    def files() -> list[Path]:
        try:
            return [path for path in folder.rglob("*.*") if "tfevents" not in path.name]
        except FileNotFoundError:  # a lock's folder goes again while it is empty
            return []

    processes.until(job, files, pause=0)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert job.returncode == -signal.SIGKILL
    check_whole(folder)


def survive(command: str, words: Callable[[Path], list[str]], folder: Path) -> int:
    """Kills a command in a write, then again and again at random; a run that ends is compared with an unbroken one.

    Returns how many of those ended.
    """
    whole, broken = folder / "whole", folder / "broken"
    job, began = start(command, words(whole), folder), time.monotonic()
    end(job)
    lasts, wanted = time.monotonic() - began, contents(whole)
    kill_in_a_write(start(command, words(broken), folder), broken)
    dice, endings = random.Random(f"{SEED} {command}"), 0
    killed: list[int] = []
    while len(killed) < KILLS or broken.exists():
        job = start(command, words(broken), folder)
        if len(killed) < KILLS:
            moment = dice.uniform(0, lasts)
            print(f"{command}, seed {SEED}: kill after {moment:.3f} s of {lasts:.3f} s")
            try:
                job.wait(moment)
            except subprocess.TimeoutExpired:
                job.send_signal(signal.SIGKILL, group=dice.random() < 0.5)
                job.wait()
            if job.returncode == -signal.SIGKILL:  # else it ended before the kill
                killed.append(job.pid)
                check_whole(broken)
                continue
        end(job)
        assert contents(broken) == wanted
        endings += 1
        shutil.rmtree(broken)
    for group in killed:
        wait_for_the_end(group)
    return endings


def wait_for_the_end(group: int) -> None:
    """The processes of a killed one end by themselves: loader processes look for their parent every five seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"processes of the group {group} live on")


@pytest.mark.parametrize("command", ["prepare", "train", "test", "predict"])
@pytest.mark.slow
def test_a_killed_command_goes_on_to_the_same_result(command, pictures, run_folder, tmp_path):
    assert survive(command, lambda out: commands(pictures, run_folder, out)[command], tmp_path) > 0
