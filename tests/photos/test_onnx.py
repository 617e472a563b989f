"""Predictors by onnxruntime: the same maps without PyTorch, in every process, and by the processors allowed."""

import shutil
from pathlib import Path
from unittest import mock

import onnx
import onnxruntime
import pytest

from ran.data.images import write_image
from ran.photos.onnx import load_model
from ran.tools import export
from ran.tools.options import ExportOptions
from ran.tools.sample import photograph
from ran.utils.progress import cores

pytestmark = pytest.mark.xdist_group("onnx")  # one process makes what its tests share


@pytest.fixture(scope="module")
def folder(run_folder, tmp_path_factory) -> Path:
    """Weights, what export makes of them, what another tool makes of that (y.onnx), and an image."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copy(run_folder / "best_model.safetensors", folder / "x.safetensors")
    export.run(ExportOptions(model_path=str(folder / "x.safetensors")))
    model = onnx.load(folder / "x.onnx")
    model.metadata_props.add(key="onnx.infer", value="onnxruntime.quant")  # as quantize_dynamic adds it
    onnx.save(model, folder / "y.onnx")
    write_image(folder / "cat.png", photograph("chelsea")[:150, :200])
    return folder


@pytest.mark.parametrize("name, device", [("x.safetensors", "cpu"), ("y.onnx", "cpu:0"), ("y.onnx", None)])
def test_files_that_others_changed_are_taken(folder, monkeypatch, name, device):
    monkeypatch.chdir(folder)
    predictor, torch = load_model(name, device), load_model("x.safetensors", "cpu")
    assert abs(predictor("cat.png") - torch("cat.png")).max() < 1e-4 and str(predictor.device) == "cpu"
    assert predictor.metadata.keys() - {"weights"} == torch.metadata.keys() and predictor.img_size == 64


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_it_asks_for_the_threads_and_the_gpu_allowed(folder, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    session = mock.Mock(wraps=onnxruntime.InferenceSession)
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    for threads in ("3", ""):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        # A build with CUDA whose libraries cannot be loaded falls back to the CPU by itself.
        with pytest.raises(ValueError, match="--device cuda:1: onnxruntime has no CUDA here; install"):
            load_model(folder / "x.onnx", "cuda:1")
        _, options, providers = session.call_args.args
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
        assert options.intra_op_num_threads == int(threads or cores())
        assert providers == [("CUDAExecutionProvider", {"device_id": "1"}), "CPUExecutionProvider"]


@pytest.mark.parametrize("name, device, message", [
    ("x", "cpu", "made from other weights than .*x.saf"), ("text", None, "not an ONNX file that export wrote"),
    ("y", "mps", "--device mps: onnxruntime works on cpu and"), ("no", None, "no.onnx: no such file; `export` writes"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(folder, tmp_path, name, device, message):
    here = shutil.copytree(folder, tmp_path / "here")
    for file in ("x.safetensors", "new.safetensors", "text.onnx"):
        (here / file).write_text("others")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load_model(here / f"{name}.onnx", device)
