"""Numbers that are none, memory that is too short, a loader process that dies."""

import dataclasses
import os
import signal

import pytest
import torch

from ran import trainer as trainer_module
from ran.data.layouts import find_sets
from ran.dataloader import Samples, make_loader
from ran.tester import Tester
from ran.trainer import Trainer
from ran.utils.checkpoint import read_state, read_weights
from ran.utils.options import TestConfig as EvaluationConfig


def broken_loss(monkeypatch, calls: set[int]):
    """Makes the training's loss NaN at these calls, counted from 1."""
    loss, count = trainer_module.ran_loss, 0

    def sometimes(logits, *rest):
        nonlocal count
        count += 1
        return loss(logits, *rest) * (float("nan") if count in calls else 1)

    monkeypatch.setattr(trainer_module, "ran_loss", sometimes)


@pytest.mark.parametrize("schedule, workers", [("plateau", 0), ("onecycle", 1)])
@pytest.mark.slow
def test_a_training_that_diverges_goes_back_once_with_half_the_rate(
    config, tmp_path, monkeypatch, capsys, schedule, workers
):
    config = dataclasses.replace(config, val_share=0, schedule=schedule, epochs=3, num_workers=workers)
    whole = dataclasses.replace(config, model_path=str(tmp_path / "whole"))
    Trainer(whole).train()
    broken_loss(monkeypatch, {5})  # 3 steps an epoch: the second one of the second
    assert Trainer(config).train() == 0
    out = capsys.readouterr().out
    assert "epoch 2, step 2: loss nan" in out and "back to epoch 2, step 0, with half the learning rate" in out
    rates = [[row["lr"] for row in read_state(tmp_path / run / "last.pt")["history"]] for run in ("whole", "run")]
    assert rates[1][0] == rates[0][0] and rates[1][1:] == pytest.approx([rate / 2 for rate in rates[0][1:]])
    state, metadata = read_weights(config.model_path)
    assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())
    assert metadata["diverged"] == {"epoch": 2, "step": 2} and "diverged" not in read_weights(whole.model_path)[1]


def test_the_second_time_it_stops_with_the_names_and_keeps_the_last_state(config, tmp_path, monkeypatch):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    before = read_state(tmp_path / "run/last.pt")["network"]
    broken_loss(monkeypatch, set(range(100)))
    with pytest.raises(ValueError, match=r"epoch 2, step 1: loss nan.*SAMPLE/train_\d+, SAMPLE/train_\d+.*once before"):
        Trainer(dataclasses.replace(config, resume=True)).train()
    kept = read_state(tmp_path / "run/last.pt")
    assert kept["retreat"] and all(torch.equal(before[key], kept["network"][key]) for key in before)
    with pytest.raises(ValueError, match="once before"):  # another start does not make it forget
        Trainer(dataclasses.replace(config, resume=True)).train()


def test_a_gradient_that_is_no_number_changes_no_weight(config, monkeypatch):
    """Its norm is read after the step: so the step itself must have been undone."""
    trainer = Trainer(dataclasses.replace(config, val_share=0))
    forward = trainer.network.forward

    def poisoned(image):
        logits = forward(image)
        logits["mask"].register_hook(lambda gradient: gradient * float("inf"))
        return logits

    monkeypatch.setattr(trainer.network, "forward", poisoned)
    before = {key: value.clone() for key, value in trainer.network.state_dict().items()}
    with pytest.raises(ValueError, match="gradient norm (nan|inf)"):
        trainer.train()
    after = read_state(trainer.folder / "last.pt")["network"]
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("batch, side, advice", [(4, 64, "--batch_size 2"), (1, 128, "--img_size 64")])
def test_too_little_memory_gives_what_to_try(config, monkeypatch, batch, side, advice):
    config = dataclasses.replace(config, batch_size=batch, img_size=side, val_share=0)
    trainer = Trainer(config)

    def forward(image):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(trainer.network, "forward", forward)
    now = f"now --batch_size {batch}, --img_size {side} on cpu"
    with pytest.raises(ValueError, match=f"not enough memory: try {advice} .*{now}"):
        trainer.train()


class Dying(Samples):
    """A training set whose second image kills the process that reads it."""

    def __getitem__(self, key):
        if (key if isinstance(key, int) else key[1]) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(key)


def test_a_loader_process_that_dies_is_named(config, monkeypatch):
    monkeypatch.setattr("ran.training_setup.Samples", Dying)
    trainer = Trainer(dataclasses.replace(config, num_workers=1, val_share=0))
    with pytest.raises(OSError, match=r"worker \(pid.*a loader process died.*--num_workers"):
        trainer.train()


def test_an_image_that_vanishes_is_named_without_a_stack_trace(dataset, tmp_path):
    pairs = find_sets(str(dataset), "train", [])["SAMPLE"]
    gone = dataclasses.replace(pairs[0], image=tmp_path / "gone.jpg")
    data = Samples([gone, *pairs[1:]], 64, train=True)
    for workers in (0, 1):
        with pytest.raises(ValueError) as error:
            list(make_loader(data, workers))
        assert str(error.value).startswith(f"{gone.image}: not a readable image")
        assert "Traceback" not in str(error.value)


def test_a_test_with_too_little_memory_gives_what_to_try(dataset, run_folder, tmp_path, monkeypatch):
    tester = Tester(
        EvaluationConfig(
            data_path=str(dataset),
            model_path=str(run_folder),
            output=str(tmp_path),
            batch_size=4,
            num_workers=0,
            device="cpu",
        )
    )

    def maps(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr(tester.predictor, "maps", maps)
    with pytest.raises(ValueError, match="not enough memory: lower --batch_size .now 4. or --img_size .now 64."):
        tester.test()
    assert not (tmp_path / "scores.json").exists() and not (tmp_path / ".maps").exists()
