"""The checkout is the package ran, installed or editable."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from main import main
from ran.utils.files import read_lines

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(".*", "dataset", "runs", "demo", "build", "*.egg-info", "__pycache__", "shared",
                                  "tests", "results")  # fmt: skip
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
pytestmark = pytest.mark.slow


def out(*command, status: int = 0, **options) -> str:
    """What a command prints, or its errors; it must end with this status."""
    words = [*map(str, command)]
    result = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, **options)
    assert result.returncode == status, result.stderr
    return result.stderr if status else result.stdout


@pytest.fixture
def checkout(tmp_path) -> Path:
    return shutil.copytree(ROOT, tmp_path / "another name", ignore=LEFT_OUT)


def installed(checkout: Path, *options) -> tuple[Path, Path]:
    """Installs a checkout beside the packages of this environment; gives the new one's python and site-packages."""
    venv.create(checkout.with_name("venv"))
    python = checkout.with_name("venv") / "bin/python"
    out(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", *options, checkout)
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


def test_an_editable_install_is_the_checkout(checkout):
    check_program(installed(checkout, "--editable")[0], checkout)


def packages(name: str) -> set[str]:
    return {Requirement(line).name for line in read_lines(ROOT / name) if line[0] not in "#-"}


def test_the_installed_package_works_beside_onnxruntime_alone(checkout, run_folder, tmp_path):
    python, site = installed(checkout)
    lacking = packages("requirements.txt") - packages("requirements-onnx.txt")
    blocked = [module for module, owners in packages_distributions().items() if lacking & {*owners}]
    assert {"torch", "torchvision", "skimage"} < {*blocked}
    (site / "sitecustomize.py").write_text(f"import sys\nsys.modules |= dict.fromkeys({blocked})\n")
    model, photo = tmp_path / "small.onnx", ROOT / "docs/serve.png"
    lost = out(python.with_name("ran"), "predict", photo, cwd=tmp_path, status=1)
    assert "ran_photos.onnx: no such file; `ran export --model " in lost and "where PyTorch is installed\n" in lost
    assert main(["export", "--model", str(run_folder), "--output", str(model)]) == 0
    out(python.with_name("ran"), "predict", photo, "--model", model, "--output", "maps", cwd=tmp_path)
    assert main(["predict", str(photo), "--model", str(model), "--output", str(tmp_path / "same")]) == 0
    maps = [np.asarray(Image.open(tmp_path / folder / "serve.png")) for folder in ("maps", "same")]
    assert maps[0].dtype == np.uint8 and np.array_equal(*maps)
    (site / "sitecustomize.py").unlink()
    check_program(python, site)
