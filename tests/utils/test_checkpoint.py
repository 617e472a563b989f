import dataclasses
from pathlib import Path

import pytest
import torch

from ran.utils.checkpoint import STATE, network_to_tune, read_weights, recipe, save_state, save_weights
from ran.utils.checkpoint import state_to_resume as resumed
from ran.utils.options import TrainConfig
from ran.utils.weight_files import WEIGHTS, image_size, named


def test_recipe_keeps_no_folders():
    config = TrainConfig(data_path="/home/me/data", pretrained="/home/me/resnet18.pth", lr=0.1)
    assert recipe(config)["pretrained"] == "resnet18.pth" and recipe(config)["lr"] == 0.1
    assert "home" not in str(recipe(config))


@pytest.mark.parametrize("name, message", [
    ("", "best_model.safetensors: no such weights file.*the repository has ran_lite2, .*ran_resnet18"),
    ("runs/ran_resnet18", "ran_resnet18: no such weights file"), ("last.pt", "last.pt: not a readable .safetensors"),
    ("bare.safetensors", "bare.safetensors: not weights that `train` wrote"),
])  # fmt: skip
def test_other_files_are_refused_with_their_name(tmp_path, name, message):
    """tests/faults/test_untrusted.py has damaged and hostile ones."""
    save_weights(tmp_path / "bare.safetensors", {"a": torch.zeros(1)}, {})
    (tmp_path / "last.pt").touch()
    with pytest.raises((OSError, ValueError), match=message):
        read_weights(tmp_path / name)


def test_a_shipped_model_goes_by_its_name(tmp_path, monkeypatch):
    """Where nothing else has that name."""
    monkeypatch.chdir(tmp_path)
    assert named("ran_resnet18") == WEIGHTS / "ran_resnet18.safetensors"
    assert read_weights("ran_resnet18")[1]["model"]["arch"] == "resnet18"
    (tmp_path / "ran_resnet18").mkdir()
    assert [named(name) for name in ("ran_resnet18", "no_such")] == [Path("ran_resnet18"), Path("no_such")]


def test_weights_say_the_side_of_their_images():
    assert image_size({"config": {"img_size": 64, "test_size": 32}}) == 32
    for side in (31, "64", None):
        with pytest.raises(ValueError, match=f"its metadata lack the side of its images: {side}"):
            image_size({"config": {"img_size": side}})


def test_weights_bring_their_own_network_and_options_of_another_one_are_refused():
    config = TrainConfig(weights="ran_resnet18", arch="resnet18", decoder="fine")
    assert network_to_tune(config)[0].options["arch"] == "resnet18"
    for key, value in (("arch", "resnet34"), ("attention", "none"), ("connectivity", False)):
        with pytest.raises(ValueError, match=f"--weights ran_resnet18: its network has {key} .*, so remove {key}"):
            network_to_tune(dataclasses.replace(config, **{key: value}))


@pytest.mark.parametrize("stored, now, message", [
    ({}, {"epochs": 9, "num_workers": 0, "data_path": "elsewhere", "early_stop": 3}, ""),
    ({}, {"lr": 0.5}, r"with lr 5e-05 \(now 0.5\)"), ({}, {"clip": 1.0}, r"with clip 2.0 \(now 1.0\)"),
    ({"schedule": "onecycle"}, {"schedule": "onecycle", "epochs": 9}, r"epochs 100 \(now 9\)"),
    ({"img_size": 320}, {}, ""), ({}, {"resume": False}, "already holds a run .last.pt.: --resume continues it"),
])  # fmt: skip
def test_a_run_goes_on_with_the_options_that_it_began_with(tmp_path, stored, now, message):
    config = TrainConfig(**{"resume": True} | now)
    assert resumed(tmp_path, config) is None
    begun = {"config": dataclasses.asdict(TrainConfig(**{"img_size": 384} | stored))}
    del begun["config"]["attention"]  # an option that is newer than the run
    save_state(tmp_path / "last.pt", dict.fromkeys(STATE, {}) | begun)
    if message:
        with pytest.raises(ValueError, match=message):
            resumed(tmp_path, config)
    else:
        assert resumed(tmp_path, config)["config"] == begun["config"]
