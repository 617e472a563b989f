"""The command line end to end, as processes: what a user types.

The README's commands and Ctrl-C start `python main.py` itself; the others are processes forked from one that has
imported torch.
"""

import ast
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import cv2
import pytest

import main
from tests import processes
from tests.small import TINY

ROOT = Path(__file__).parent.parent
COMMANDS_WITH_DATA = ("train", "test", "prepare", "evaluate", "ablation")
FRESH = ["--pretrained", "none", "--img_size", "64", "--device", "cpu", "--num_workers", "1"]
SMALL, QUICK = (["--arch", arch, *FRESH] for arch in ("resnet18", TINY))


def ran(*words, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "main.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.mark.slow
def test_the_commands_of_the_readme_from_the_sample_to_its_maps(tmp_path):
    """What was just trained is what test scores."""
    here = ["--device", "cpu", "--num_workers", 0]
    for words in (
        ["sample", "--output", "source", "--images", 6],
        ["prepare", "--source", "source", "--dataset", "SAMPLE", "--white", "blurred"],
        ["train", "--data_pth", "dataset", "--bact_size", 2, "--epochs", 1, *SMALL],
        ["test", "--save_map", "True", *here],
    ):
        result = ran(*words, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("weights: runs/ran, trained here") and "SAMPLE, 1 images" in result.stdout
    (saved,) = (tmp_path / "runs/ran/maps/SAMPLE").iterdir()
    assert cv2.imread(str(saved), cv2.IMREAD_UNCHANGED).shape == (160, 240)


@pytest.mark.parametrize("command", COMMANDS_WITH_DATA)
def test_every_command_that_takes_a_dataset_takes_the_papers_spelling(command, capsys):
    with pytest.raises(SystemExit):
        main.main([command, "--help"])
    assert "--data_path DATA_PATH, --data_pth DATA_PATH" in " ".join(capsys.readouterr().out.split())


def test_help_is_quick_and_imports_no_torch():
    # What it imports decides its time; a limit in seconds would prove nothing on a shared machine.
    code = (
        "import contextlib, sys, main\n"
        "for name in ('train', 'test', 'predict', 'video', 'serve', 'export', 'evaluate', 'report', 'ablation',\n"
        "             'info'):\n"
        "    with contextlib.suppress(SystemExit): main.main([name, '--help'])\n"
        "assert not {'torch', 'cv2', 'numpy', 'gradio', 'av'} & sys.modules.keys()"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0
    for words in ([], ["--help"], ["train", "--help"], ["test", "--help"]):
        result = ran(*words)
        assert result.returncode == 0 and "usage: python main.py" in result.stdout


def test_mistakes_end_in_a_sentence(tmp_path):
    for words, status, message in (
        (["trian"], 2, "unknown command 'trian'"),
        (["train", "--bach_size", "2"], 2, "unknown option --bach_size; did you mean --batch_size?"),
        (["train", "--data_path", tmp_path, *QUICK], 1, "no data set with train images here"),
        (["test", "--data_path", tmp_path], 1, "no data set with test images here"),
        (["prepare", "--source", tmp_path / "none"], 1, "no such folder"),
    ):
        result = processes.run(tmp_path / "said", *words, cwd=tmp_path)
        assert result.returncode == status
        assert message in result.stderr and "Traceback" not in result.stderr


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
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {package} is not installed: pip install -r requirements.txt\n")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("error, status, said", [
    (KeyboardInterrupt(), 130, "interrupted\n"),
    (BrokenPipeError(32, "Broken pipe", "a loader process"), 1, "error: [Errno 32] Broken pipe: 'a loader process'\n"),
    (ValueError("--arch x: wrong"), 2, "error: --arch x: wrong\n"),
    (RuntimeError("CUDA out of memory"), 1, "error: CUDA out of memory\nTry a smaller --batch_size, "),
    (RuntimeError("a fault of ours"), None, ""),
    (ModuleNotFoundError("No module named 'ran.nowhere'", name="ran.nowhere"), None, ""),  # no missing package
])  # fmt: skip
def test_errors_become_sentences_but_faults_of_ours_do_not(monkeypatch, capsys, error, status, said):
    monkeypatch.setattr("ran.tools.info.run", Mock(side_effect=error))
    if status is None:
        with pytest.raises(type(error), match=str(error)):
            main.main(["info"])
    else:
        assert main.main(["info"]) == status and capsys.readouterr().err.startswith(said)


@pytest.mark.slow
@pytest.mark.parametrize("number, forked, status, said", [
    (signal.SIGINT, False, 130, "interrupted\n"), (signal.SIGTERM, True, 128 + signal.SIGTERM, ""),
])  # fmt: skip
def test_ctrl_c_leaves_at_once_and_sigterm_after_the_epoch(dataset, tmp_path, number, forked, status, said):
    """A whole process group gets the signal, as from a terminal: the loader processes must not spoil the end."""
    words = ["train", "--data_path", dataset, "--model_path", tmp_path / "run", "--epochs", "500"]
    if forked:
        process = processes.Job(tmp_path / "said", *words, *QUICK, start_new_session=True)
    else:
        command = [sys.executable, str(ROOT / "main.py"), *map(str, words), *SMALL]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, **streams, text=True, start_new_session=True)
    processes.until(process, (tmp_path / "run/history.csv").exists)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert err.endswith(said) and "Traceback" not in err and ("--resume continues" in out) == (not said)
    assert not [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words, messages_too, status", [
    (["help"], False, -signal.SIGPIPE), (["help"], True, -signal.SIGPIPE), (["predict", "nowhere"], False, 1),
    (["predict", "nowhere"], True, -signal.SIGPIPE), (["help", "predict"], True, None),
])  # fmt: skip
def test_nobody_reads_on(words, messages_too, status, unbuffered):
    """As `| head -1` does when it has seen enough."""
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, ROOT / "main.py", *words], env=os.environ | {"PYTHONUNBUFFERED": unbuffered}, timeout=300,
        stdout=writer, stderr=writer if messages_too else subprocess.PIPE,
    )  # fmt: skip
    os.close(writer)
    assert result.returncode in ((0, -signal.SIGPIPE) if status is None else (status,))  # None: as argparse has it
    assert messages_too or result.stderr == (b"error: nowhere: no such file or folder\n" if status == 1 else b"")
