import json
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import ran
from ran.predictor import load_model
from ran.tools import export
from ran.tools.options import ExportOptions
from ran.tools.sample import photograph
from ran.utils.checkpoint import read_weights, save_weights
from ran.utils.weight_files import check_hash, hash_of

pytestmark = pytest.mark.xdist_group("onnx")  # one process makes what its tests share


@pytest.fixture
def options(run_folder, tmp_path) -> ExportOptions:
    """Options that write half-precision weights without scores."""
    return ExportOptions(model_path=str(run_folder), output=str(tmp_path / "ran.safetensors"))


def test_the_graph_computes_what_pytorch_does_at_any_size(run_folder, options, tmp_path):
    options.output = str(tmp_path / "ran.onnx")
    export.run(options)
    session, ours = onnxruntime.InferenceSession(options.output), load_model(run_folder, "cpu")
    rng = np.random.default_rng(0)
    for batch, height, width in ((1, 64, 64), (3, 97, 130), (1, 200, 33)):
        images = rng.integers(0, 256, (batch, 3, height, width), dtype=np.uint8)
        (probability,) = session.run(None, {"image": images})
        assert np.allclose(probability[:, 0], ours.probabilities(images), atol=1e-4)
    stored, weights = session.get_modelmeta().custom_metadata_map, run_folder / "best_model.safetensors"
    expected = read_weights(weights)[1] | {"weights": hash_of(weights)}
    assert {key: json.loads(value) for key, value in stored.items()} == expected


@pytest.mark.slow
def test_the_shipped_network_is_the_same_at_odd_sizes(tmp_path):
    """Its encoder pads by the size of its input, which becomes part of the graph."""
    export.run(ExportOptions(output=str(tmp_path / "ran.onnx")))
    ours, theirs = load_model(device="cpu"), ran.load_model(tmp_path / "ran.onnx")
    for size in (97, 300):
        expected = ours(photograph("chelsea"), size=size)
        assert expected.max() > 0.9 and np.allclose(theirs(photograph("chelsea"), size=size), expected, atol=1e-4)


def test_a_wrong_graph_is_refused(options, tmp_path, monkeypatch):
    right, options.output = export.Probability.forward, str(tmp_path / "ran.onnx")
    monkeypatch.setattr(export.Probability, "forward", lambda self, image: right(self, image) + 0.01)
    with pytest.raises(ValueError, match="differs from PyTorch by 1.0e-02"):
        export.run(options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change, message", [
    ({"average": ["runs/other"]}, "--average and --data_path need --output NAME.safetensors"),
    ({"output": "ran.pt"}, "must end in .onnx or .safetensors"), ({"output": "ran.onnx"}, "pip install onnx onnxrunt"),
])  # fmt: skip
def test_missing_packages_and_wrong_options_are_said(tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=message):
        export.run(ExportOptions(**change))


def test_weights_are_halved_and_hold_the_scores_of_their_own_file(options, run_folder, dataset, tmp_path, capsys):
    options.data_path, path = str(dataset), Path(options.output)
    export.run(options)
    said = capsys.readouterr().out.replace(options.output, "").replace(str(run_folder), "").replace(str(dataset), "")
    assert "SAMPLE" in said and "MAE" in said and tempfile.gettempdir() not in said  # no path that is gone by now
    (state, metadata), (whole, trained) = read_weights(path), read_weights(run_folder)
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}
    assert all(torch.equal(state[name], value.to(state[name].dtype)) for name, value in whole.items())
    assert {key: metadata[key] for key in trained} == trained
    assert metadata["scores"]["SAMPLE"]["images"] == 3 and 0 < metadata["scores"]["SAMPLE"]["mae"] < 1
    check_hash(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ran.safetensors", "ran.safetensors.sha256"]
    assert load_model(path, "cpu").network.mfa.classify.weight.dtype == torch.float32


def test_the_mean_of_several_trainings(options, run_folder, tmp_path):
    (state, metadata), name, other = read_weights(run_folder), "mfa.classify.bias", tmp_path / "other.safetensors"
    more = {key: value + 1 if value.is_floating_point() else value for key, value in state.items()}
    options.average, options.model_path = [str(other)], str(tmp_path / "first.safetensors")
    save_weights(tmp_path / "first.safetensors", state, metadata | {"scores": {"SAMPLE": {}}})
    save_weights(other, more, metadata | {"scores": {}, "epoch": 7})
    export.run(options)
    mean, about = read_weights(options.output)
    assert torch.allclose(mean[name].float(), state[name] + 0.5, atol=1e-2) and not torch.equal(mean[name], state[name])
    assert [one["epoch"] for one in about["averaged"]] == [7] and "scores" not in about["averaged"][0]
    assert about["epoch"] == metadata["epoch"] and "scores" not in about
    save_weights(other, more, metadata | {"config": metadata["config"] | {"fold": 2}})
    with pytest.raises(ValueError, match="other.safetensors: its network or --fold"):
        export.run(options)


@pytest.mark.parametrize("change, message", [(1e6, "cannot hold mfa.classify.bias"), (0, "nowhere")])
def test_where_a_file_cannot_be_written_the_earlier_one_stays(options, run_folder, tmp_path, change, message):
    state, metadata = read_weights(run_folder)
    state["mfa.classify.bias"] += change
    save_weights(tmp_path / "large.safetensors", state, metadata)
    (tmp_path / "ran.safetensors").write_bytes(b"earlier")
    options.model_path, options.data_path = str(tmp_path / "large.safetensors"), str(tmp_path / "nowhere")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        export.run(options)
    assert (tmp_path / "ran.safetensors").read_bytes() == b"earlier"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.safetensors", "ran.safetensors"]
