"""The checkout is the package ran, installed, editable or by torch.hub; the Dockerfile copies that package."""

import os
import re
import shutil
import subprocess
import sys
import venv
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from main import main
from ran.data.masks import read_map
from ran.predictor import load_model
from ran.utils.files import read_lines
from tests.processes import ROOT, checkout

ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
# Somebody's program, which has packages of its own called utils and model, and a signal handler of its own.
PROGRAM = """
import model, signal, utils
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
import ran, ran.main
from ran.predictor import SHIPPED

assert (utils.OWN, model.OWN) == ("utils", "model") and callable(ran.load_model) and SHIPPED.is_file()
assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
print(ran.__file__)
"""


def out(*command, status: int = 0, **options) -> str:
    """What a command prints, or its errors; it must end with this status."""
    words = [*map(str, command)]
    result = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, **options)
    assert result.returncode == status, result.stderr
    return result.stderr if status else result.stdout


def installed(folder: Path, *options) -> tuple[Path, Path]:
    """Installs a copy of the checkout beside the packages of this environment; gives its python and site-packages."""
    code, python = checkout(folder / "another name"), folder / "venv/bin/python"
    venv.create(folder / "venv")
    out(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", *options, code)
    site = Path(out(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (others,) = (path for path in sys.path if Path(path).name == "site-packages")
    (site / "others.pth").write_text(f"{others}\n")
    return python, site


def check_program(python: Path, place: Path) -> None:
    folder = python.parents[2] / "program"
    for name in ("utils", "model"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"OWN = {name!r}\n")
    (folder / "program.py").write_text(PROGRAM)
    assert Path(out(python, "program.py", cwd=folder).strip()).is_relative_to(place)
    assert out(python.with_name("ran"), "--version").startswith("ran ")


@pytest.mark.slow
def test_an_editable_install_is_the_checkout(tmp_path):
    python, _ = installed(tmp_path, "--editable")
    check_program(python, tmp_path / "another name")


@pytest.mark.slow
def test_the_installed_package_works_beside_onnxruntime_alone(run_folder, tmp_path):
    python, site = installed(tmp_path)
    all_packages, few = ({Requirement(line).name for line in read_lines(ROOT / name) if line[0] not in "#-"}
                         for name in ("requirements.txt", "requirements-onnx.txt"))  # fmt: skip
    lacking = all_packages - few | {"scipy"}
    blocked = [module for module, owners in packages_distributions().items() if lacking & {*owners}]
    assert {"torch", "torchvision", "skimage"} < {*blocked}
    (site / "sitecustomize.py").write_text(f"import sys\nsys.modules |= dict.fromkeys({blocked})\n")
    model, photo = tmp_path / "small.safetensors", ROOT / "docs/serve.png"
    lost = out(python.with_name("ran"), "predict", photo, cwd=tmp_path, status=1)
    assert "error: ran_photos.onnx: no such file; `export` writes one where PyTorch is installed\n" in lost
    shutil.copy(run_folder / "best_model.safetensors", model)
    assert main(["export", "--model", str(model)]) == 0
    words = [photo, "--model", model, "--overlay", "--cutout", "--bokeh", "--table", "csv"]
    out(python.with_name("ran"), "predict", *words, "--output", "maps", cwd=tmp_path)
    assert len(list((tmp_path / "maps").glob("[a-z]*"))) == 5
    code = f"import ran, numpy; numpy.save('tiled', ran.load_model('small.onnx')({str(photo)!r}, tile=400))"
    out(python, "-c", code, cwd=tmp_path)
    predictor, ours = load_model(model, "cpu"), read_map(tmp_path / "maps/serve.png")
    assert np.ptp(ours) > 0 and abs(ours - np.rint(255 * predictor(photo))).max() <= 1
    assert abs(np.load(tmp_path / "tiled.npy") - predictor(photo, tile=400)).max() < 1e-4
    (site / "sitecustomize.py").unlink()
    check_program(python, site)


@pytest.mark.slow
def test_torch_hub_loads_it_from_a_folder(tmp_path):
    """In a process that knows no `ran`, from another folder."""
    code = (
        "import sys, numpy, torch; sys.path = [p for p in sys.path if p != sys.argv[1]]\n"
        "predictor = torch.hub.load(sys.argv[1], 'ran', source='local', weights='ran_resnet18', device='cpu')\n"
        "image = numpy.zeros((40, 60, 3), 'uint8')\n"
        "print(predictor.img_size, predictor(image, size=64).shape, sys.modules['ran'].__file__)"
    )
    assert f"448 (40, 60) {ROOT / '__init__.py'}" in out(sys.executable, "-c", code, ROOT, cwd=tmp_path)


def test_the_image_gets_the_package_without_data_sets_and_pip_the_two_lines_of_torch_as_words():
    ignored, project = ((ROOT / name).read_text(encoding="utf-8") for name in (".dockerignore", "pyproject.toml"))
    patterns = [line.removeprefix("**/") for line in ignored.splitlines() if line and not line.startswith("#")]
    folders = set(re.findall(r'^    "ran\.(\w+)', project, re.MULTILINE))  # Python 3.10 has no reader of it
    needed = folders | {path.name for path in ROOT.glob("*.py")} | {"pyproject.toml", "requirements.txt", "README.md"}
    data = {".git", ".venv", ".make", "dataset", "runs", "demo", "maps", "downloads", "__pycache__"}
    assert {name for name in needed | data if any(fnmatch(name, pattern) for pattern in patterns)} == data
    torch = [line for line in read_lines(ROOT / "requirements.txt") if line.startswith("torch")]
    assert len(torch) == 2 and not any(" " in line for line in torch)
