import sys

import numpy as np
import pytest
import torch

from ran.predictor import load_model
from ran.predictor_onnx import OnnxPredictor
from ran.tools import export
from ran.tools.sample import photograph
from ran.utils.tool_options import ExportOptions

pytestmark = pytest.mark.xdist_group("onnx")  # one process makes what its tests share


@pytest.fixture(scope="module")
def exported(run_folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "ran.onnx"
    export.run(ExportOptions(model_path=str(run_folder), output=str(path)))
    return path


def test_the_file_computes_what_pytorch_does_at_any_size(exported, run_folder):
    ours, theirs = load_model(run_folder, "cpu"), load_model(exported)
    assert isinstance(theirs, OnnxPredictor) and theirs.img_size == ours.img_size
    rng = np.random.default_rng(0)
    for batch, height, width in ((1, 64, 64), (3, 97, 130), (1, 200, 33)):
        images = torch.from_numpy(rng.integers(0, 256, (batch, 3, height, width), dtype=np.uint8))
        assert np.allclose(theirs.probabilities(images), ours.probabilities(images), atol=1e-4)
    photograph = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    assert np.allclose(theirs(photograph, tile=70, tta=True), ours(photograph, tile=70, tta=True), atol=1e-4)


def test_batch_norms_are_folded_into_convolutions(exported):
    onnx = pytest.importorskip("onnx")
    assert "BatchNormalization" not in {node.op_type for node in onnx.load(exported).graph.node}


@pytest.mark.slow
def test_the_shipped_network_is_the_same_at_odd_sizes(tmp_path):
    """Its encoder pads by the size of what it sees, which becomes part of the graph."""
    export.run(ExportOptions(output=str(tmp_path / "ran.onnx")))
    ours, theirs = load_model(device="cpu"), load_model(tmp_path / "ran.onnx")
    cat = photograph("chelsea")
    for size in (97, 300):
        expected = ours(cat, size=size)
        assert expected.max() > 0.9 and np.allclose(theirs(cat, size=size), expected, atol=1e-4)


@pytest.mark.slow
def test_parity_is_printed_at_three_sizes_and_a_wrong_graph_is_refused(run_folder, tmp_path, monkeypatch, capsys):
    options = ExportOptions(model_path=str(run_folder), output=str(tmp_path / "ran.onnx"))
    export.run(options)
    assert capsys.readouterr().out.count("largest difference from PyTorch") == 3
    (tmp_path / "ran.onnx").unlink()
    right = OnnxPredictor.probabilities
    monkeypatch.setattr(OnnxPredictor, "probabilities", lambda self, images: right(self, images) + 0.01)
    with pytest.raises(ValueError, match="differs from PyTorch by 1.0e-02"):
        export.run(options)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_loaded_says_why(exported, tmp_path, monkeypatch):
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    for path, message in ((tmp_path / "none.onnx", "main.py export --output"), (tmp_path / "bad.onnx", "not an ONNX")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            load_model(path)
    with pytest.raises(ValueError, match="ends in .onnx"):
        export.run(ExportOptions(output=str(tmp_path / "ran.pt")))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match="pip install onnxruntime"):
        load_model(exported)
    with pytest.raises(ValueError, match="export needs other packages: pip install onnx onnxruntime"):
        export.run(ExportOptions(model_path="no such weights: packages are looked for first"))
