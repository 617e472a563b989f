"""The command line end to end, as processes: what a user types."""

import ast
import os
import runpy
import signal
import subprocess
import sys
from unittest.mock import Mock

import pytest

import main
from ran.data.masks import read_map
from tests import processes
from tests.faults import commands
from tests.processes import ROOT

SIGPIPE = getattr(signal, "SIGPIPE", 0)
SMALL = "--arch resnet18 --pretrained none --img_size 64 --device cpu --num_workers 1"


@pytest.mark.slow
def test_the_commands_of_the_readme_from_the_sample_to_its_maps(tmp_path):
    """What was just trained is what test scores."""
    for line in (
        "sample --output source --images 6", "prepare --source source --dataset SAMPLE --white blurred",
        f"train --data_pth dataset --bact_size 2 --epochs 1 {SMALL}", "test --save_map True --device cpu",
    ):  # fmt: skip
        command = [sys.executable, ROOT / "main.py", *line.split()]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("weights: runs/ran, trained here") and "SAMPLE, 1 images" in result.stdout
    (saved,) = (tmp_path / "runs/ran/maps/SAMPLE").iterdir()
    assert read_map(saved).shape == (160, 240)


def test_help_is_quick_and_imports_no_torch(capsys):
    code = (
        "import contextlib, sys, main\n"
        "for name in main.COMMANDS:\n"
        "    with contextlib.suppress(SystemExit): main.main([name, '--help'])\n"
        "assert not {'torch', 'cv2', 'numpy', 'gradio', 'av'} & sys.modules.keys()"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0
    for words in ([], ["--help"]):
        assert main.main(words) == 0 and "usage: python main.py" in capsys.readouterr().out


def test_python_that_is_too_old_is_told_so_in_a_sentence(monkeypatch):
    """It has to read main.py, and what is imported before it, as far as the check."""
    for name in ("main.py", "__init__.py"):
        ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    with pytest.raises(SystemExit, match="^error: RAN needs Python 3.10 or newer; this is 3.9$"):
        runpy.run_path(str(ROOT / "main.py"))


@pytest.mark.parametrize("words, package", [(["train"], "torch"), (["train", "--config", "configs/best.yaml"], "yaml")])
def test_packages_that_are_missing_are_named(words, package):
    """-S: a Python without its packages, as outside of the virtual environment."""
    result = subprocess.run([sys.executable, "-S", "main.py", *words], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert result.stderr.startswith(f"error: No module named '{package}' in {sys.executable}: activate the environment")


@pytest.mark.parametrize("error, status, said", [
    (BrokenPipeError(32, "Broken pipe", "a loader process"), 1, "error: [Errno 32] Broken pipe: 'a loader process'\n"),
    (KeyboardInterrupt(), 130, "interrupted\n"), (ValueError("--arch x: wrong"), 2, "error: --arch x: wrong\n"),
    (RuntimeError("a fault of ours"), None, ""),
])  # fmt: skip
def test_errors_become_sentences_but_faults_of_ours_do_not(monkeypatch, capsys, error, status, said):
    monkeypatch.setattr("ran.tools.info.run", Mock(side_effect=error))
    if status is None:
        with pytest.raises(type(error), match=str(error)):
            main.main(["info"])
    else:
        assert main.main(["info"]) == status and capsys.readouterr().err.startswith(said)


@pytest.mark.slow
def test_ctrl_c_ends_a_training_and_its_loader_processes_in_a_word(dataset, tmp_path):
    """The whole process group gets the signal, as from a terminal: loader processes must not spoil the end."""
    run = tmp_path / "run"
    job = processes.Job(tmp_path / "log", *commands.words("train", dataset, run, run, "--epochs", "500", workers=1))
    processes.until(job, (run / "history.csv").exists)
    job.send_signal(signal.SIGINT)
    assert job.wait() == 130 and job.said.endswith("interrupted\n") and "Traceback" not in job.said, job.said
    assert not [p.name for p in run.iterdir() if p.name.startswith(".")]


@pytest.mark.skipif(not SIGPIPE, reason="no such signal here")
@pytest.mark.parametrize("words, messages_too, status", [
    (["help"], False, -SIGPIPE), (["predict", "nowhere"], False, 1), (["predict", "nowhere"], True, -SIGPIPE),
])  # fmt: skip
def test_nobody_reads_on(words, messages_too, status):
    """As `| head -1` does when it has seen enough."""
    reader, writer = os.pipe()
    os.close(reader)
    errors = writer if messages_too else subprocess.PIPE
    result = subprocess.run([sys.executable, ROOT / "main.py", *words], stdout=writer, stderr=errors, timeout=300)
    os.close(writer)
    assert result.returncode == status
    assert messages_too or result.stderr == (b"error: nowhere: no such file or folder\n" if status == 1 else b"")
