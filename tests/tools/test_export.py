import json
from pathlib import Path

import numpy as np
import pytest
import torch

import ran
from ran.predictor import SHIPPED, load_model
from ran.tools import export
from ran.tools.options import ExportOptions
from ran.utils.checkpoint import read_weights, save_weights
from ran.utils.weight_files import exported, hash_of

pytestmark = pytest.mark.xdist_group("onnx")  # one process makes what its tests share


@pytest.fixture
def options(run_folder, tmp_path) -> ExportOptions:
    return ExportOptions(model_path=str(run_folder), output=str(tmp_path / "ran.safetensors"))


@pytest.mark.parametrize("shipped", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_graph_computes_what_pytorch_does_at_any_size(shipped, run_folder, options, tmp_path):
    """The shipped network's encoder pads by the size of its input, which becomes part of the graph."""
    folder, weights = (SHIPPED, SHIPPED) if shipped else (run_folder, run_folder / "best_model.safetensors")
    assert exported(folder) == (Path("ran_photos.onnx") if shipped else weights.with_suffix(".onnx"))
    options.model_path, options.output = str(folder), str(tmp_path / "ran.onnx")
    export.run(options)
    ours, theirs = load_model(folder, "cpu"), ran.load_model(options.output)
    rng = np.random.default_rng(0)
    for shape in ((1, 3, 64, 64), (3, 3, 97, 130), (1, 3, 200, 33)):
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        assert np.allclose(theirs.probabilities(images), ours.probabilities(images), atol=1e-4)
    assert theirs.metadata == json.loads(json.dumps(ours.metadata)) | {"weights": hash_of(weights)}


def test_a_wrong_graph_and_missing_packages_are_refused(options, tmp_path, monkeypatch):
    right, options.output = export.Probability.forward, str(tmp_path / "ran.onnx")
    monkeypatch.setattr(export.Probability, "forward", lambda self, image: right(self, image) + 0.01)
    with pytest.raises(ValueError, match="differs from PyTorch by 1.0e-02"):
        export.run(options)
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install onnx onnxruntime"):
        export.run(options)
    assert not list(tmp_path.iterdir())


def test_weights_of_one_or_the_mean_of_several_trainings_are_halved(options, run_folder, tmp_path):
    (state, metadata), name, other = read_weights(run_folder), "mfa.classify.bias", tmp_path / "other.safetensors"
    more = {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}
    options.model_path = str(tmp_path / "first.safetensors")
    save_weights(tmp_path / "first.safetensors", state, metadata | {"scores": {"SAMPLE": {}}})
    save_weights(other, more, metadata | {"scores": {}, "epoch": 7})
    for options.average, added, others in (([], 0, []), ([str(other)], 0.5, [metadata | {"epoch": 7}])):
        export.run(options)
        halved, about = read_weights(options.output)
        for key, value in state.items():
            expected = (value + added).half() if value.is_floating_point() else value
            assert halved[key].dtype == expected.dtype and torch.allclose(
                halved[key], expected, atol=1e-3 * bool(added), rtol=0
            )
        assert about == metadata | {"averaged": others}  # scores are those of other weights
    assert load_model(options.output, "cpu").network.mfa.classify.weight.dtype == torch.float32
    before, differs = (tmp_path / "ran.safetensors").read_bytes(), "other.safetensors: its network or --fold"
    for change, new, said in (({"left_out": ["SAMPLE/train_000"]}, more, differs),
                              ({"model": metadata["model"] | {"decoder": "fine"}}, more, differs),
                              ({}, more | {name: more[name] + 1e6}, f"half precision cannot hold {name}")):  # fmt: skip
        save_weights(other, new, metadata | change)
        with pytest.raises(ValueError, match=said):
            export.run(options)
    assert (tmp_path / "ran.safetensors").read_bytes() == before  # the earlier file stays
