"""Two processes on the CPU (Gloo) under torchrun; one test starts it as a user does, the others fork its processes."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from main import main
from ran.evaluation.scores import read_scores
from ran.model import RAN
from ran.predictor import SHIPPED
from ran.trainer import Trainer
from ran.utils import distributed
from ran.utils.checkpoint import read_state
from tests import processes
from tests.faults import commands

MAIN = processes.ROOT / "main.py"
pytestmark = pytest.mark.slow


def torchrun(folder: Path, *words, fails: bool = False) -> str:
    """Runs a script and its words in two processes of torchrun; what they print, and their errors."""
    job = processes.Job(folder / "log", *words, torchrun=True)
    assert bool(job.wait()) == fails, job.said
    return job.said


def options(config) -> list[str]:
    """A config as a command line: a recipe file beside the run folder."""
    values = {name: value for name, value in dataclasses.asdict(config).items() if value not in ([], "")}
    (path := Path(f"{config.model_path}.yaml")).write_text(json.dumps(values))  # JSON is YAML
    return ["--config", str(path)]


def history(folder: Path) -> list[dict]:
    return read_state(folder / "last.pt")["history"]


def test_training_scores_alike_and_resumes_with_another_number_of_processes(config, tmp_path):
    """After the only step of an epoch the moments are the gradients."""
    once = {"batch_size": 4, "epochs": 1, "lr": 1e-5, "clip": 0, "weight_decay": 0}
    config = dataclasses.replace(config, attention="normal", **once)  # without BatchNorm in the decoder
    two = dataclasses.replace(config, model_path=str(tmp_path / "two"))
    assert Trainer(config).train() == 0
    out = torchrun(tmp_path, MAIN, "train", *options(two))
    assert "on cpu x 2 processes" in out and out.count("epoch   1") == 1  # one speaks for all
    alone, shared = (read_state(tmp_path / name / "last.pt")["optimizer"]["state"] for name in ("run", "two"))
    scale = max(moments["exp_avg"].abs().max() for moments in alone.values())
    assert alone.keys() == shared.keys() and len(alone) > 100
    for number, moments in alone.items():
        assert torch.allclose(moments["exp_avg"], shared[number]["exp_avg"], rtol=1e-3, atol=1e-6 * float(scale))
    for begun in (config, two):
        assert Trainer(dataclasses.replace(begun, epochs=2, resume=True)).train() == 0
    for ours, theirs in zip(history(tmp_path / "two"), history(tmp_path / "run"), strict=True):
        for key in ("train_loss", "train_mae", "val_loss", "val_mae"):
            assert ours[key] == pytest.approx(theirs[key], rel=1e-3), key
    torchrun(tmp_path, MAIN, "train", *options(dataclasses.replace(two, epochs=3, resume=True)))
    assert [row["epoch"] for row in history(tmp_path / "two")] == [1, 2, 3]


def test_testing_shares_the_images_and_scores_the_same(dataset, tmp_path):
    """As the README says it: torchrun itself, and the shipped weights."""
    words = [*map(str, ("test", "--data_path", dataset, "--model_path", SHIPPED, "--device", "cpu", "--output"))]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", MAIN]
    result = subprocess.run([*command, *words, tmp_path / "two"], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert main([*words, str(tmp_path / "one"), "--save_map", "True"]) == 0
    (one,), (two,) = (read_scores(tmp_path / name) for name in ("one", "two"))
    assert one.rows == two.rows and one.totals == two.totals
    assert {path.name for path in (tmp_path / "two").iterdir()} == {"scores.json", "scores.csv", "report"}
    page = (tmp_path / "two/report/index.html").read_text()
    assert page.count("data:image/webp") == 3 * 4  # image, truth, map and its error


def test_a_process_without_an_image_waits_for_the_others(run_folder, dataset, tmp_path):
    data = shutil.copytree(dataset, tmp_path / "data")
    for path in (path for part in ("images", "masks") for path in sorted((data / "SAMPLE/Test" / part).iterdir())[1:]):
        path.unlink()
    torchrun(tmp_path, MAIN, *commands.words("test", data, run_folder, tmp_path))
    assert read_scores(tmp_path)[0].totals["images"] == 1


def test_on_cuda_the_decoders_norms_are_synchronised_and_the_encoders_stay_frozen(monkeypatch):
    monkeypatch.setattr(distributed, "size", lambda: 2)
    monkeypatch.setattr(distributed, "DistributedDataParallel", lambda network, devices: network)
    network = RAN("resnet18", "frozen")
    names = network.state_dict().keys()
    network = distributed.wrapped(network, torch.device("cuda", 0))
    synchronised = [name for name, part in network.named_modules() if isinstance(part, torch.nn.SyncBatchNorm)]
    assert len(synchronised) == 4 and all(name.startswith("rsa") for name in synchronised)
    frozen = [part for part in network.encoder.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert len(frozen) == 20 and not any(part.training or part.weight.requires_grad for part in frozen)
    assert network.state_dict().keys() == names


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the processes by /proc")
def test_sigterm_ends_the_job_after_an_epoch_and_a_killed_process_leaves_a_good_state(config, tmp_path):
    """The second one has no share of the only validation image, and waits for the other one's scores."""
    config, run = dataclasses.replace(config, val_share=0.17, epochs=500, early_stop=500, resume=True), tmp_path / "run"

    def job_after(epochs: int) -> processes.Job:
        job = processes.Job(tmp_path / "log", MAIN, "train", *options(config), torchrun=True)
        processes.until(job, lambda: (run / "last.pt").exists() and len(history(run)) > epochs)
        return job

    (job := job_after(0)).send_signal(signal.SIGTERM)
    assert job.wait(120) != 0 and "SIGTERM: saved after epoch" in job.said, job.said
    job = job_after(len(history(run)))
    first, second = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()  # as they were forked
    os.kill(int(second), signal.SIGKILL)
    assert job.wait(120) != 0  # torchrun names the killed process, or the other one that misses it
    assert "5 training and 1 validation images" in job.said
    assert Trainer(dataclasses.replace(config, epochs=len(history(run)) + 1)).train() == 0


@pytest.mark.parametrize("command, change, messages", [
    ("train", {"lr": 1e30}, ["a lower --lr", "images SAMPLE/"]),
    ("train", {"batch_size": 3}, ["--batch_size 3: must be a multiple of the 2 processes"]),
    ("train", {"seed": 2}, ["the processes see different training and validation images"]),
    ("info", {}, ["torchrun is for train, test, predict; start info without it"]),
])  # fmt: skip
def test_mistakes_end_the_job_with_a_sentence(config, tmp_path, command, change, messages):
    words, script = options(dataclasses.replace(config, **change)) if command == "train" else [], MAIN
    if "seed" in change:  # here each process has another one
        (script := tmp_path / "seeds.py").write_text(
            "import os, sys, main\nsys.exit(main.main([*sys.argv[1:], '--seed', os.environ['RANK']]))\n"
        )
    err = torchrun(tmp_path, script, command, *words, fails=True)
    assert all(message in err for message in messages)
    assert not (tmp_path / "run/best_model.safetensors").exists()
