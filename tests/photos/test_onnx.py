"""Predictors by onnxruntime: the same maps without PyTorch, in every process, and by the processors allowed."""

import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from ran.data.images import write_image
from ran.photos.onnx import load_model
from ran.tools import export
from ran.tools.sample import photograph
from ran.utils.tool_options import ExportOptions

ROOT = Path(__file__).parents[2]
# What a deployment without PyTorch lacks; None in sys.modules is an ImportError for whoever asks.
WITHOUT = """
import importlib.util, sys
missing = ("torch", "torchvision", "timm", "safetensors", "albumentations", "sklearn", "scipy", "skimage", "matplotlib",
           "py_sod_metrics", "yaml")
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in missing else find(name, *more)
sys.modules |= dict.fromkeys(missing)
import main
"""
pytestmark = pytest.mark.xdist_group("onnx")  # one process makes what its tests share


@pytest.fixture(scope="module")
def folder(run_folder, tmp_path_factory) -> Path:
    """Weights, what export makes of them, and an image."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copy(run_folder / "best_model.safetensors", folder / "x.safetensors")
    export.run(ExportOptions(model_path=str(folder / "x.safetensors")))
    write_image(folder / "cat.png", photograph("chelsea")[:150, :200])
    return folder


def alone(folder: Path, code: str) -> None:
    """Runs code in a process without those packages."""
    command = [sys.executable, "-c", f"{WITHOUT}{code}"]
    done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_predict_and_python_need_no_pytorch_and_give_its_maps(folder):
    asked = "'predict', 'cat.png', '--overlay', '--cutout', '--bokeh', '--table', 'csv', '--model', 'x.safetensors'"
    alone(folder, f"assert main.main([{asked}, '--output', 'maps']) == 0")
    theirs = load_model(folder / "x.safetensors", "cpu")(folder / "cat.png")
    ours = cv2.imread(str(folder / "maps/cat.png"), cv2.IMREAD_UNCHANGED)
    assert ours.shape == theirs.shape and np.ptp(ours) > 0 and abs(ours - np.rint(255 * theirs)).max() <= 1
    assert {path.name for path in (folder / "maps").iterdir()} >= {"cat.overlay.jpg", "cat.cutout.png", "focus.csv"}
    code = "import ran, numpy; numpy.save('map.npy', ran.load_model('x.onnx')('cat.png', tile=100))"
    alone(folder, code)
    tiled = load_model(folder / "x.safetensors", "cpu")(folder / "cat.png", tile=100)
    assert abs(np.load(folder / "map.npy") - tiled).max() < 1e-4


def _map(work):
    predictor, image = work
    return predictor(image)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.onnx", "x.safetensors"])
def test_predictors_survive_pickle_deepcopy_and_spawn(folder, name, monkeypatch):
    monkeypatch.chdir(folder)
    predictor, image = load_model(name, "cpu"), photograph("chelsea")[:150, :200]
    expected = predictor(image)
    monkeypatch.chdir("/")
    for other in (pickle.loads(pickle.dumps(predictor)), copy.deepcopy(predictor)):
        assert np.array_equal(other(image), expected)
        assert np.array_equal(other(folder / "cat.png"), predictor(folder / "cat.png"))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        (result,) = pool.map(_map, [(load_model(folder / "x.onnx", "cpu"), image)])
        assert abs(result - expected).max() < 1e-4


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
@pytest.mark.parametrize("threads, expected", [("1", 1), ("3", 3), ("", len(os.sched_getaffinity(0)))])
def test_the_number_of_threads_is_the_one_allowed(folder, monkeypatch, threads, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert load_model(folder / "x.onnx")._session.get_session_options().intra_op_num_threads == expected


def test_devices(folder, monkeypatch):
    for device in ("cpu", "cpu:0", "auto", None):
        assert load_model(folder / "x.onnx", device).device == "cpu"
    for device, message in (
        ("cuda", "onnxruntime has no CUDA here; install onnxruntime-gpu"),
        ("mps", "onnxruntime works on cpu and cuda"),
    ):
        with pytest.raises(ValueError, match=f"--device {device}: {message}"):
            load_model(folder / "x.onnx", device)
    # A build with CUDA whose libraries cannot be loaded falls back to the CPU by itself.
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(ValueError, match="--device cuda:1: onnxruntime has no CUDA here"):
        load_model(folder / "x.onnx", "cuda:1")


def test_a_file_of_other_weights_is_refused(folder, tmp_path):
    shutil.copy(folder / "x.onnx", tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"others")
    with pytest.raises(ValueError, match="made of other weights than those of x.safetensors"):
        load_model(tmp_path / "x.onnx")
    with pytest.raises(ValueError, match="--amp and --compile have no effect on ONNX models"):
        load_model(folder / "x.onnx", amp="bf16")
    (tmp_path / "x.onnx").unlink()
    for name, advice in (("x", "; `python main.py export --model .*x.safetensors` writes it"), ("no", "$")):
        with pytest.raises(FileNotFoundError, match=f"{name}.onnx: no such file{advice}"):
            load_model(tmp_path / f"{name}.onnx")


def test_files_that_other_tools_changed_are_taken_and_foreign_ones_refused(folder, tmp_path):
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(folder / "x.onnx")
    model.metadata_props.add(key="onnx.infer", value="onnxruntime.quant")  # as quantize_dynamic adds it
    onnx.save(model, tmp_path / "x8.onnx")
    image = photograph("chelsea")[:150, :200]
    assert np.array_equal(load_model(tmp_path / "x8.onnx")(image), load_model(folder / "x.onnx")(image))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "other", ends[:1], ends[1:])
    foreign = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "other.onnx").write_bytes(foreign.SerializeToString())
    (tmp_path / "text.onnx").write_text("no graph")
    for name in ("other.onnx", "text.onnx"):
        with pytest.raises(ValueError, match=f"{name}: not an ONNX file that export wrote"):
            load_model(tmp_path / name)


def test_metadata_are_those_of_the_weights(folder):
    ours, theirs = load_model(folder / "x.onnx"), load_model(folder / "x.safetensors", "cpu")
    known = {key: value for key, value in ours.metadata.items() if key != "weights"}
    assert known == json.loads(json.dumps(theirs.metadata)) and ours.img_size == theirs.img_size == 64
