import csv
import dataclasses

import pytest
import torch

from ran.evaluation.scores import read_scores
from ran.predictor import load_model
from ran.tools import release
from ran.utils.checkpoint import read_weights, save_weights
from ran.utils.options import ReleaseOptions


@pytest.fixture
def options(run_folder, dataset, tmp_path) -> ReleaseOptions:
    return ReleaseOptions(
        model_path=str(run_folder),
        data_path=str(dataset),
        output=str(tmp_path / "ran.safetensors"),
        scores=str(tmp_path / "results"),
        num_workers=0,
        device="cpu",
    )


def test_released_weights_are_halved_and_hold_their_own_scores(options, run_folder, tmp_path):
    release.run(options)
    path = tmp_path / "ran.safetensors"
    state, metadata = read_weights(path)
    assert {value.dtype for value in state.values() if value.is_floating_point()} == {torch.float16}
    assert path.stat().st_size < 0.52 * (run_folder / "best_model.safetensors").stat().st_size
    whole, trained = read_weights(run_folder)
    assert all(torch.equal(state[name], value.to(state[name].dtype)) for name, value in whole.items())
    assert {key: metadata[key] for key in trained} == trained and trained["hardware"]
    history = csv.DictReader((run_folder / "history.csv").open())
    assert trained["seconds"] == round(sum(float(row["seconds"]) for row in history))
    (scores,) = read_scores(tmp_path / "results")
    assert metadata["scores"] == {"SAMPLE": scores.totals} and scores.method == "ran"
    predictor = load_model(path, "cpu")
    assert predictor.network.mfa.classify.weight.dtype == torch.float32


def test_the_mean_of_several_trainings(options, run_folder, tmp_path):
    state, metadata = read_weights(run_folder)
    other = {name: value + 1 if value.is_floating_point() else value for name, value in state.items()}
    save_weights(tmp_path / "other.safetensors", other, metadata | {"scores": {}, "epoch": 7})
    release.run(dataclasses.replace(options, average=[str(tmp_path / "other.safetensors")]))
    mean, about = read_weights(tmp_path / "ran.safetensors")
    name = "mfa.classify.bias"
    assert torch.allclose(mean[name].float(), state[name] + 0.5, atol=1e-2) and not torch.equal(mean[name], state[name])
    assert [one["epoch"] for one in about["averaged"]] == [7] and "scores" not in about["averaged"][0]
    assert about["epoch"] == metadata["epoch"]
    save_weights(tmp_path / "other.safetensors", other, metadata | {"config": metadata["config"] | {"fold": 2}})
    with pytest.raises(ValueError, match="other.safetensors: another network, or another --fold"):
        release.run(dataclasses.replace(options, average=[str(tmp_path / "other.safetensors")]))


def test_weights_that_half_precision_cannot_hold_are_refused(options, run_folder, tmp_path):
    state, metadata = read_weights(run_folder)
    state["mfa.classify.bias"] += 1e6
    save_weights(tmp_path / "large.safetensors", state, metadata)
    with pytest.raises(ValueError, match="half precision cannot hold mfa.classify.bias"):
        release.run(dataclasses.replace(options, model_path=str(tmp_path / "large.safetensors")))
    assert not (tmp_path / "ran.safetensors").exists()


def test_a_file_without_scores_is_never_left(options, tmp_path):
    (tmp_path / "ran.safetensors").write_bytes(b"earlier")
    with pytest.raises(FileNotFoundError, match="no DUT with test images"):
        release.run(dataclasses.replace(options, datasets=["DUT"]))
    assert (tmp_path / "ran.safetensors").read_bytes() == b"earlier"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ran.safetensors"]
