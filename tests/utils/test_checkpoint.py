from pathlib import Path

import pytest
import torch

from ran.utils.checkpoint import WEIGHTS, named, read_state, read_weights, recipe, save_state, save_weights
from ran.utils.options import TrainConfig


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_weights_and_metadata_come_back(tmp_path):
    metadata = {"model": {"arch": "resnet18"}, "config": {"lr": 1e-3}, "epoch": 3}
    state = {"a": torch.randn(2, 3), "b": torch.arange(3)}
    save_weights(tmp_path / "best_model.safetensors", state, metadata)
    for path in (tmp_path, tmp_path / "best_model.safetensors"):
        again, stored = read_weights(path)
        assert stored == metadata
        assert all(torch.equal(again[name], value) for name, value in state.items())


def test_recipe_keeps_no_folders():
    config = TrainConfig(data_path="/home/me/data", pretrained="/home/me/resnet18.pth", lr=0.1)
    assert recipe(config)["pretrained"] == "resnet18.pth" and recipe(config)["lr"] == 0.1
    assert "home" not in str(recipe(config))
    assert recipe(TrainConfig())["pretrained"] == "imagenet" and recipe(TrainConfig())["weights"] == ""


def test_other_files_are_refused_with_their_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="best_model.safetensors"):
        read_weights(tmp_path)
    (tmp_path / "text.safetensors").write_text("nothing")
    with pytest.raises(ValueError, match="text.safetensors: not a readable"):
        read_weights(tmp_path / "text.safetensors")
    save_weights(tmp_path / "bare.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(ValueError, match="bare.safetensors: not weights that `train` wrote"):
        read_weights(tmp_path / "bare.safetensors")


def test_states_come_back_and_code_in_them_never_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_state(tmp_path / "last.pt", {"epoch": 2, "weights": torch.ones(2)})
    assert read_state(tmp_path / "last.pt")["epoch"] == 2
    torch.save({"epoch": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(ValueError, match="bomb.pt: not a readable training state"):
        read_state(tmp_path / "bomb.pt")
    torch.save(Bomb(), tmp_path / "bomb.safetensors")
    with pytest.raises(ValueError, match="not a readable"):
        read_weights(tmp_path / "bomb.safetensors")
    assert not (tmp_path / "exploded").exists()


def test_a_shipped_model_goes_by_its_name(tmp_path, monkeypatch):
    """Where nothing else has that name."""
    monkeypatch.chdir(tmp_path)
    assert named("ran_resnet18") == WEIGHTS / "ran_resnet18.safetensors"
    assert read_weights("ran_resnet18")[1]["model"]["arch"] == "resnet18"
    for path in ("no_such", "runs/ran_resnet18"):
        with pytest.raises(FileNotFoundError, match="the repository has ran_lite2, .*ran_resnet18"):
            read_weights(path)
    (tmp_path / "ran_resnet18").mkdir()
    assert named("ran_resnet18") == Path("ran_resnet18")
