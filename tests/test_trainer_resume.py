"""A training is killed, resumed and repeated."""

import dataclasses
import multiprocessing
import os
import signal
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from ran.model import Encoder
from ran.trainer import Trainer
from ran.utils.checkpoint import read_state, read_weights
from ran.utils.processes import POLITE


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def kill() -> None:
    raise SystemExit("killed")


def end_in_epochs(monkeypatch, numbers: list[int], end: Callable = kill) -> None:
    """Ends the training in the last step of these epochs, once in each."""
    step = Trainer.train_step

    def ending_step(self, batch, number):
        result, epoch = step(self, batch, number), len(self.history) + 1
        if number + 1 == len(self.data.batches) and epoch in numbers:
            numbers.remove(epoch)
            end()
        return result

    monkeypatch.setattr(Trainer, "train_step", ending_step)


BEST = {"schedule": "onecycle", "lr": 1e-3, "encoder_lr": 0.2, "decoder": "fine", "augmentation": "strong"}


@pytest.mark.parametrize("recipe, workers, dropout", [({}, 2, False), ({}, 0, True), (BEST, 0, False)])
@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_as_if_unbroken(config, tmp_path, monkeypatch, recipe, workers, dropout):
    """Killed in each epoch, resumed each time: the same weights, history and best model, bit by bit."""
    if dropout:  # as efficientnet_b3, which draws from torch's random state, but is not exact on every processor
        forward = Encoder.forward
        dropped = lambda self, x: [F.dropout(f, 0.1, self.training) for f in forward(self, x)]  # noqa: E731
        monkeypatch.setattr(Encoder, "forward", dropped)
    whole = dataclasses.replace(config, **recipe, model_path=str(tmp_path / "whole"), val_share=0.1, epochs=3)
    Trainer(whole).train()
    broken = dataclasses.replace(whole, model_path=str(tmp_path / "broken"), num_workers=workers, resume=True)
    end_in_epochs(monkeypatch, [1, 2, 3])
    for _ in range(3):
        with pytest.raises(SystemExit):
            Trainer(broken).train()
    assert Trainer(broken).train() == 0
    states = [read_state(tmp_path / name / "last.pt") for name in ("whole", "broken")]
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in state["history"]] for state in states]
    assert rows[0] == rows[1] and len(rows[0]) == 3
    assert same(states[0]["network"], states[1]["network"])
    assert same(read_weights(tmp_path / "whole")[0], read_weights(tmp_path / "broken")[0])
    moments = [{(i, k): v for i, s in state["optimizer"]["state"].items() for k, v in s.items()} for state in states]
    assert same(*moments)


@pytest.mark.parametrize("number, workers", [*zip(POLITE, (0, 1))])
def test_a_signal_ends_a_run_when_its_epoch_is_saved(config, monkeypatch, tmp_path, capsys, number, workers):
    """Slurm sends it to all processes, also to those that load images."""
    config, before = dataclasses.replace(config, num_workers=workers), signal.getsignal(number)

    def to_all() -> None:
        for process in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
            os.kill(process, number)

    end_in_epochs(monkeypatch, [1], to_all)
    assert Trainer(config).train() == 128 + number
    assert f"{number.name}: saved after epoch 1; --resume continues" in capsys.readouterr().out
    assert len(read_state(tmp_path / "run/last.pt")["history"]) == 1 and signal.getsignal(number) is before
    assert Trainer(dataclasses.replace(config, resume=True)).train() == 0


def test_each_epoch_is_augmented_anew_and_has_random_numbers_of_its_own(config, monkeypatch):
    step, seen = Trainer.train_step, []

    def recorded(self, batch, number):
        seen.append((self.data.batches.epoch, torch.initial_seed()))
        return step(self, batch, number)

    monkeypatch.setattr(Trainer, "train_step", recorded)
    Trainer(config).train()
    assert [epoch for epoch, _ in seen] == [0, 0, 1, 1] and len({*seen}) == len({seed for _, seed in seen}) == 2
