"""Deployments without PyTorch: predict, serve and Python by onnxruntime alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ran import predictor
from ran.evaluation.scores import read_scores
from ran.imaging.writing import write_png
from ran.predictor import load_model
from ran.tester import Tester
from ran.tools import export
from ran.tools.sample import photograph
from ran.utils.options import TestConfig
from ran.utils.tool_options import ExportOptions

ROOT = Path(__file__).parents[1]
# What such a deployment does without; None in sys.modules is an ImportError for whoever asks.
WITHOUT = """
import sys
missing = ("torch", "torchvision", "timm", "safetensors", "albumentations", "sklearn", "scipy", "skimage", "matplotlib",
           "py_sod_metrics", "yaml")
sys.modules |= dict.fromkeys(missing)
import main
"""
PYTHON = """
import numpy as np
from ran import load_model
maps = []
for name, engine in (("x.onnx", "auto"), ("x.safetensors", "onnx"), ("x.safetensors", "auto")):
    maps.append(load_model(name, engine=engine)("cat.png", tile=100, tta=True))
np.save("maps.npy", maps)
"""
SERVE = """
from pathlib import Path
from ran import load_model
from ran.tools.serve.session import Session
from ran.utils.photograph_options import ServeOptions
Path("served").mkdir()
session = Session(load_model("x.onnx", "cpu"), Path("served"), ServeOptions(model_path="x.onnx"))
assert not session.samples
grey = session.analyse(Path("cat.png")).files["map"]
Path("served.png").write_bytes(Path(grey).read_bytes())
from starlette.applications import Starlette
from starlette.testclient import TestClient
from ran.tools.serve.api import routes
posted = TestClient(Starlette(routes=routes(session))).post("/api/map", files={"file": open("cat.png", "rb")})
assert posted.content == Path(grey).read_bytes()
"""

pytestmark = pytest.mark.xdist_group("onnx")  # one process makes what its tests share


@pytest.fixture(scope="module")
def folder(run_folder, tmp_path_factory) -> Path:
    """Weights, what export makes of them, and a photograph."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copy(run_folder / "best_model.safetensors", folder / "x.safetensors")
    export.run(ExportOptions(model_path=str(folder / "x.safetensors")))
    write_png(folder / "cat.png", photograph("chelsea")[:150, :200])
    return folder


def alone(folder: Path, code: str) -> None:
    """Runs code in a process without those packages."""
    command = [sys.executable, "-c", f"{WITHOUT}{code}"]
    done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_predict_needs_no_pytorch_and_gives_its_maps(folder):
    asked = "'predict', 'cat.png', '--overlay', '--cutout', '--bokeh', '--table', 'csv', '--model', 'x.safetensors'"
    alone(folder, f"assert main.main([{asked}, '--engine', 'onnx', '--output', 'maps']) == 0")
    ours = cv2.imread(str(folder / "maps/cat.png"), cv2.IMREAD_UNCHANGED)
    theirs = np.rint(255 * load_model(folder / "x.safetensors", "cpu", engine="torch")(folder / "cat.png"))
    assert ours.shape == theirs.shape and np.ptp(ours) > 0 and abs(ours - theirs).max() <= 1
    assert {path.name for path in (folder / "maps").iterdir()} >= {"cat.overlay.jpg", "cat.cutout.png", "focus.csv"}


def test_python_and_the_page_need_none_either(folder):
    alone(folder, PYTHON)
    theirs = load_model(folder / "x.safetensors", "cpu", engine="torch")
    tiled = theirs(folder / "cat.png", tile=100, tta=True)
    assert abs(np.load(folder / "maps.npy") - tiled).max() < 1e-4
    alone(folder, SERVE)
    ours = cv2.imread(str(folder / "served.png"), cv2.IMREAD_UNCHANGED)
    assert abs(ours - np.rint(255 * theirs(folder / "cat.png"))).max() <= 1


def test_a_file_of_other_weights_is_refused(folder, tmp_path, monkeypatch):
    shutil.copy(folder / "x.onnx", tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"others")
    with pytest.raises(ValueError, match="made of other weights than those of x.safetensors"):
        load_model(tmp_path / "x.safetensors", engine="onnx")
    with pytest.raises(ValueError, match="--engine torch does not take .*x.onnx"):
        load_model(tmp_path / "x.onnx", engine="torch")
    # Whether or not it was exported here.
    monkeypatch.setattr(predictor, "exported", lambda weights, suffix: tmp_path / f"{weights.stem}{suffix}")
    with pytest.raises(FileNotFoundError, match=r"ran_photos.onnx: .*main.py export --model ran_photos`"):
        load_model(engine="onnx")


def test_foreign_graphs_and_devices_are_refused_and_metadata_travel(folder, tmp_path):
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "other", ends[:1], ends[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "other.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(ValueError, match="not an ONNX file that export wrote .*metadata lack the network's options"):
        load_model(tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="--device mps: onnxruntime has none here"):
        load_model(folder / "x.onnx", "mps")
    ours, theirs = load_model(folder / "x.onnx"), load_model(folder / "x.safetensors", "cpu", engine="torch")
    known = {key: value for key, value in ours.metadata.items() if key != "weights"}
    assert known == json.loads(json.dumps(theirs.metadata)) and ours.img_size == theirs.img_size == 64


def test_the_tester_scores_both_alike(folder, dataset, tmp_path, capsys):
    for name in ("x.onnx", "x.safetensors"):
        Tester(
            TestConfig(
                data_path=str(dataset),
                model_path=str(folder / name),
                output=str(tmp_path / name),
                device="cpu",
                num_workers=0,
                report=False,
            )
        ).test()
        assert "; peak memory " in capsys.readouterr().out
    ours, theirs = (read_scores(tmp_path / name)[0].totals for name in ("x.onnx", "x.safetensors"))
    assert ours["mae"] == pytest.approx(theirs["mae"], abs=1e-3)
