"""The checkout is the package ran: installed, editable, or run in place, from any folder."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from ran.utils.files import read_lines

ROOT = Path(__file__).parent.parent
# In .mypy_cache is a link to the whole checkout.
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "dataset", "runs", "demo", "build",
                                  "*.egg-info", "__pycache__")  # fmt: skip
PROGRAM = """
import model
import utils
import ran
from ran.predictor import SHIPPED
from ran.utils.files import check_name

assert (utils.OWN, model.OWN) == ("utils", "model")
assert check_name("CUHK") == "CUHK" and callable(ran.load_model) and SHIPPED.is_file()
print(ran.__file__)
"""


HANDLERS = """
import signal

own = {number: lambda *_: None for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}}
for number, handler in own.items():
    signal.signal(number, handler)

import numpy as np
import ran
import ran.main, ran.tester, ran.trainer, ran.tools.evaluate, ran.tools.prepare, ran.photos.predict, ran.photos.serve

ran.load_model()(np.zeros((40, 40, 3), np.uint8), size=64)
assert all(signal.getsignal(number) is handler for number, handler in own.items())
"""


def out(*command, **options) -> str:
    """What a command prints; it must succeed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    words = [*map(str, command)]
    result = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def program(tmp_path) -> Path:
    """A folder with somebody's program, which has packages of its own called utils and model."""
    folder = tmp_path / "program"
    for name in ("utils", "model"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"OWN = {name!r}\n")
    (folder / "program.py").write_text(PROGRAM)
    return folder


@pytest.mark.slow
def test_main_runs_from_any_folder_and_under_any_name(tmp_path):
    assert out(sys.executable, ROOT / "main.py", "--version", cwd=tmp_path).startswith("ran ")
    shutil.copytree(ROOT, tmp_path / "another name", ignore=LEFT_OUT)
    assert "| resnet18 |" in out(sys.executable, tmp_path / "another name/main.py", "info", cwd=tmp_path)


@pytest.mark.slow
def test_a_program_keeps_its_signal_handlers():
    out(sys.executable, "-c", f"import main\n{HANDLERS}", cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--editable",)])
def test_installed_it_gives_the_package_and_the_command(program, tmp_path, options):
    """Beside the packages of this environment, which a bare one would take minutes to install."""
    shutil.copytree(ROOT, tmp_path / "checkout", ignore=LEFT_OUT)
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    out(*pip, "install", "--quiet", "--no-deps", *options, tmp_path / "checkout")
    (others,) = (path for path in sys.path if Path(path).name == "site-packages")
    own = out(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(own) / "others.pth").write_text(f"{others}\n")
    place = Path(out(python, "program.py", cwd=program).strip())
    assert place.is_relative_to(tmp_path / ("checkout" if options else "venv"))
    assert out(tmp_path / "venv/bin/ran", "--version").startswith("ran ")


def link_packages(names: set[str], site: Path) -> None:
    """Links these packages, and those that they require, from this environment into another one."""
    waiting, seen = set(names), set()
    while waiting:
        seen.add(name := waiting.pop())
        for top in {file.parts[0] for file in distribution(name).files or () if file.parts[0] not in ("..", "bin")}:
            if not (site / top).exists():
                (site / top).symlink_to(distribution(name).locate_file(top))
        needed = map(Requirement, distribution(name).requires or ())
        waiting |= {more.name for more in needed if not more.marker or more.marker.evaluate({"extra": ""})} - seen


@pytest.mark.slow
def test_the_wheel_works_beside_onnxruntime_alone(tmp_path):
    shutil.copytree(ROOT, tmp_path / "checkout", ignore=LEFT_OUT)
    out(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, tmp_path / "checkout")
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    out(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", *tmp_path.glob("*.whl"))
    site = Path(out(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    lines = (line for line in read_lines(ROOT / "requirements-onnx.txt") if line[0] not in "#-")
    link_packages({Requirement(line).name for line in lines}, site)
    bare = "import importlib.util, sys; sys.exit(any(map(importlib.util.find_spec, ('torch', 'torchvision', 'scipy'))))"
    out(python, "-c", bare)

    lost = subprocess.run(
        [tmp_path / "venv/bin/ran", "predict", ROOT / "docs/serve.png"], cwd=tmp_path, capture_output=True
    )
    sentence = b"ran_photos.onnx: no such file; `ran export --model "
    assert lost.returncode == 1 and sentence in lost.stderr
    assert b"ran_photos.safetensors` writes it, where PyTorch is installed\n" in lost.stderr

    model, photo = tmp_path / "small.onnx", tmp_path / "photo.png"
    out(sys.executable, ROOT / "main.py", "export", "--model", "ran_resnet18", "--output", model)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)).save(photo)
    out(tmp_path / "venv/bin/ran", "predict", photo, "--model", model, "--output", "maps", "--overlay", cwd=tmp_path)
    out(sys.executable, ROOT / "main.py", "predict", photo, "--model", model, "--output", tmp_path / "same")
    maps = [np.asarray(Image.open(tmp_path / folder / "photo.png")) for folder in ("maps", "same")]
    assert maps[0].dtype == np.uint8 and np.array_equal(*maps)
    assert (tmp_path / "maps/photo.overlay.jpg").is_file()
