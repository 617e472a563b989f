import csv
import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf, nan
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional as F

from ran.evaluation.metrics import columns_of
from ran.evaluation.scores import read_scores
from ran.model import Encoder
from ran.model.losses import ran_loss
from ran.predictor import load_model
from ran.tester import Tester
from ran.trainer import VALIDATED, Trainer
from ran.utils.checkpoint import load_network, read_state, read_weights, recipe
from ran.utils.options import TestConfig as EvaluationConfig
from ran.utils.options import TrainConfig
from tests.faults.commands import contents
from tests.small import TINY


def test_a_run_leaves_what_its_folder_promises_and_test_scores_it_alike(config, tmp_path, capsys, monkeypatch):
    """Also in a thread, as in a notebook; signals are the main thread's. Here the test images validate, too."""
    data = shutil.copytree(config.data_path, tmp_path / "data")
    shutil.copytree(data / "SAMPLE/Test", data / "Train/HELD")
    config = dataclasses.replace(config, data_path=str(data), val="HELD", resume=True, num_workers=1)
    trainer, folder, step, seen = Trainer(config), tmp_path / "run", Trainer.train_step, []
    record = lambda of: seen.append((of.data.batches.epoch, torch.initial_seed()))  # noqa: E731
    monkeypatch.setattr(Trainer, "train_step", lambda self, *batch: record(self) or step(self, *batch))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(trainer.train).result() == 0
    assert [epoch for epoch, _ in seen] == [0, 0, 0, 1, 1, 1]  # each is augmented anew
    assert len({*seen}) == len({seed for _, seed in seen}) == 2  # and has random numbers of its own
    promised = {"best_model.safetensors", "curves.png", "history.csv", "last.pt", "tensorboard"}
    assert {p.name for p in folder.iterdir()} == promised and cv2.imread(str(folder / "curves.png")).std() > 5
    with (folder / "history.csv").open() as file:
        assert [*csv.DictReader(file)] == [{key: str(value) for key, value in row.items()} for row in trainer.history]
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    for key in ("train_loss", "val_mae"):
        values = [(event.step, event.value) for event in events.Scalars(key.replace("_", "/"))]
        assert values == [(row["epoch"], pytest.approx(row[key])) for row in trainer.history]
    assert [event.step for event in events.Images("validation: image, mask, map")] == [1, 2]
    metadata, best = read_weights(folder)[1], min(trainer.history, key=lambda row: row["val_mae"])
    assert metadata["config"] == recipe(dataclasses.replace(config, amp="off")) and metadata["config"]["lr"] == 1e-4
    assert str(tmp_path) not in json.dumps(metadata)  # weights tell nothing of the machine they were trained on
    assert metadata["datasets"] == ["SAMPLE"] and metadata["val_mae"] == best["val_mae"]
    assert metadata["validation"] == [pair.name for pair in trainer.data.validation]
    out = capsys.readouterr().out
    assert "RAN tiny" in out and "SAMPLE, 6 training and 3 validation images" in out and "epoch   2" in out
    assert "nothing to resume there" in out
    Tester(EvaluationConfig(data_path=str(data), model_path=str(folder), num_workers=0, device="cpu")).test()
    (held,), columns = read_scores(folder), columns_of(VALIDATED)
    assert {key for key in best if key.startswith("val_")} == {"val_loss", *(f"val_{key}" for key in columns)}
    assert all(best[f"val_{key}"] == pytest.approx(held.totals[key], abs=1e-4) for key in columns)


@pytest.mark.slow
def test_it_overfits_six_images(config, monkeypatch):
    """The whole way from files to steps can learn: the loss falls below half, and the map becomes the mask."""
    monkeypatch.setattr("ran.training_data.paper_augmentation", lambda: None)
    trainer = Trainer(dataclasses.replace(config, val_share=0, epochs=32, lr=2e-3))
    assert trainer.train() == 0
    first, last = trainer.history[0], trainer.history[-1]
    assert last["train_loss"] < 0.5 * first["train_loss"] and last["train_mae"] < 0.1 < first["train_mae"]


@pytest.mark.parametrize("batch_size, accumulate", [(2, 2), (1, 4), (3, 2)])
def test_accumulated_batches_give_the_gradient_of_a_large_one(config, tmp_path, batch_size, accumulate, monkeypatch):
    """Where the last group has fewer batches, each weighs more."""
    monkeypatch.setattr("ran.training_data.paper_augmentation", lambda: None)
    share = 0.34 if batch_size < 3 else 0.5  # of six images, for validation: 4 or 3 train
    config = dataclasses.replace(config, val_share=share, epochs=1, attention="normal")  # no BatchNorm
    small = {"batch_size": batch_size, "accumulate": accumulate, "model_path": str(tmp_path / "parts")}
    trainers = [Trainer(dataclasses.replace(config, **options)) for options in ({"batch_size": 4}, small)]
    optimizers = [trainer.train() or trainer.optimization.optimizer for trainer in trainers]
    assert [next(iter(optimizer.state.values()))["step"] for optimizer in optimizers] == [1, 1]
    whole, parts = ([moments["exp_avg"] for moments in optimizer.state.values()] for optimizer in optimizers)
    scale = max(gradient.abs().max() for gradient in whole)
    assert len(whole) == len(parts) > 100
    assert all(torch.allclose(a, b, rtol=1e-3, atol=1e-5 * float(scale)) for a, b in zip(whole, parts))


def scores_of_epochs(monkeypatch, rows: list[tuple[float, float, float]]):
    """Lets validation find these losses, MAEs and F, an epoch each; the last one goes on."""
    validate = lambda self: dict(zip(("loss", "mae", "p0_f"), rows[min(len(self.history), len(rows) - 1)]))  # noqa: E731
    monkeypatch.setattr(Trainer, "validate", validate)


@pytest.mark.parametrize("keep, epoch", [("mae", 1), ("loss", 2), ("f", 3)])
def test_the_epoch_that_is_kept_is_chosen_by_the_score_that_is_named(config, monkeypatch, keep, epoch, capsys):
    """The first one of equal ones. TensorBoard is optional."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    scores_of_epochs(monkeypatch, [(3, 0.1, 0.5), (1, 0.2, 0.6), (1, 0.1, 0.7), (2, 0.3, 0.7)])
    assert Trainer(dataclasses.replace(config, epochs=4, keep=keep)).train() == 0
    assert read_weights(config.model_path)[1]["epoch"] == epoch
    *epochs, last = capsys.readouterr().out.splitlines()[1:]
    assert f"best {keep} in epoch {epoch}: " in last and epochs[epoch - 1].endswith("  best")


@pytest.mark.slow
def test_training_stops_early_and_lowers_the_learning_rate(config, monkeypatch, capsys):
    scores_of_epochs(monkeypatch, [(1, 0.5, 0.5), (2, 0.6, 0.5)])
    trainer = Trainer(dataclasses.replace(config, epochs=50, patience=1, early_stop=4))
    trainer.train()
    assert len(trainer.history) == 5  # the first is the best, four without a better one
    assert trainer.history[-1]["lr"] == pytest.approx(1e-5)
    assert "no better validation for 4 epochs" in capsys.readouterr().out
    cycle = {"schedule": "onecycle", "epochs": 3, "early_stop": 1, "model_path": config.model_path + "1"}
    trainer = Trainer(dataclasses.replace(config, **cycle))
    assert trainer.train() == 0 and len(trainer.history) == 3  # one cycle goes to its end


@pytest.mark.slow
def test_fine_tuning_brings_the_network_and_its_sizes(config, tmp_path):
    first = dataclasses.replace(config, test_size=96, epochs=1, model_path=str(tmp_path / "first"))
    Trainer(first).train()
    state, metadata = read_weights(tmp_path / "first")
    tuning = dataclasses.replace(config, weights=str(tmp_path / "first"), img_size=0, arch=TrainConfig().arch, epochs=1)
    tuned = Trainer(tuning)
    torch.testing.assert_close(dict(tuned.network.state_dict()), state, rtol=0, atol=0)
    tuned.train()
    stored = read_weights(config.model_path)[1]
    assert [stored["config"][key] for key in ("arch", "img_size", "test_size")] == [TINY, 64, 96]
    assert stored["before"] == [{key: value for key, value in metadata.items() if key != "before"}]
    shutil.rmtree(tmp_path / "first")
    again = Trainer(dataclasses.replace(tuning, epochs=2, resume=True))
    assert (again.config.img_size, again.config.test_size, again.before) == (64, 96, stored["before"])


@pytest.mark.slow
def test_ablation_switches_come_back_and_without_validation_the_last_epoch_is_kept(config, capsys):
    row = dataclasses.replace(config, epochs=2, attention="reverse", connectivity=False, val_share=0.0, early_stop=1)
    assert Trainer(row).train() == 0 and "kept epoch 2" in capsys.readouterr().out
    assert Trainer(dataclasses.replace(row, epochs=3, resume=True)).train() == 0
    metadata, history = read_weights(config.model_path)[1], read_state(Path(config.model_path) / "last.pt")["history"]
    assert metadata["model"]["attention"] == "reverse" and metadata["model"]["connectivity"] is False
    assert metadata["epoch"] == 3 and metadata["val_mae"] is None
    assert not [key for key in history[0] if key.startswith("val")]
    assert load_network(config.model_path)[0].options == metadata["model"]


@pytest.mark.slow
def test_bf16_trains_close_to_full_precision_which_auto_is_on_a_cpu(config, tmp_path):
    for amp in ("auto", "bf16"):
        Trainer(dataclasses.replace(config, amp=amp, model_path=str(tmp_path / amp))).train()
    full, bf16 = (read_state(tmp_path / name / "last.pt") for name in ("auto", "bf16"))
    assert (full["config"]["amp"], bf16["config"]["amp"]) == ("off", "bf16")
    assert all(value.dtype == torch.float32 for value in bf16["network"].values() if value.is_floating_point())
    losses = [state["history"][0]["train_loss"] for state in (full, bf16)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02) and losses[0] != losses[1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_trains_and_maps_are_those_of_the_cpu(config):
    assert Trainer(dataclasses.replace(config, device="cuda")).train() == 0
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    on_cpu, on_cuda = (load_model(config.model_path, device)(image) for device in ("cpu", "cuda"))
    assert np.ptp(on_cpu) > 0.01 and abs(on_cpu - on_cuda).max() < 1e-3


@pytest.mark.parametrize("where, said", [
    ("validation", "validation: loss nan; "),
    ("training", r"step 1: loss nan, .*, images (SAMPLE/train_\d+(, )?){2}\. .*"),
    ("gradient", r"step 2: loss \d.*, gradient norm (nan|inf), images (SAMPLE/train_\d+(, )?){4}\. .*"),
])  # fmt: skip
def test_what_is_no_number_stops_the_training_and_is_never_kept(config, tmp_path, monkeypatch, where, said):
    """An all-dark map may score well by chance: the best and the last epoch stay those before."""
    config = dataclasses.replace(config, epochs=1, accumulate=2)  # all images of a step are named
    Trainer(config).train()
    files = [tmp_path / "run" / name for name in ("best_model.safetensors", "history.csv", "last.pt")]
    kept = [path.read_bytes() for path in files]

    def broken(logits, *rest):
        validates = torch.is_inference_mode_enabled()
        if where == "gradient" and not validates:
            logits["mask"].register_hook(lambda gradient: gradient * inf)
        return ran_loss(logits, *rest) * (nan if where == ("validation" if validates else "training") else 1)

    monkeypatch.setattr("ran.trainer.ran_loss", broken)
    with pytest.raises(ValueError, match=f"epoch 2, {said}start again with a lower --lr; .* of the epochs before"):
        Trainer(dataclasses.replace(config, epochs=2, resume=True)).train()
    assert kept == [path.read_bytes() for path in files]


def test_the_loss_is_weighted_as_the_recipe_says(config):
    losses = []
    for weight in (1.0, 2.0, 4.0):
        trainer = Trainer(dataclasses.replace(config, loss_weights=[weight, 0.0, 0.5]))
        trainer.network.eval()
        losses.append(trainer.train_step(next(iter(trainer.data.train_loader)))[0])
    assert 0.1 < losses[1] - losses[0] == pytest.approx((losses[2] - losses[1]) / 2, rel=1e-4)


def end_in_epochs(monkeypatch, numbers: list[int], end: Callable) -> None:
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
    end_in_epochs(monkeypatch, [1, 2, 3], sys.exit)
    for _ in range(3):
        with pytest.raises(SystemExit):
            Trainer(broken).train()
    assert Trainer(broken).train() == 0
    states = [read_state(tmp_path / name / "last.pt") for name in ("whole", "broken")]
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in state["history"]] for state in states]
    assert rows[0] == rows[1] and len(rows[0]) == 3
    torch.testing.assert_close(*(state["optimizer"]["state"] for state in states), rtol=0, atol=0)
    assert contents(tmp_path / "whole") == contents(tmp_path / "broken")


@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGUSR1", signal.SIGTERM)])
def test_a_signal_ends_a_run_when_its_epoch_is_saved(config, monkeypatch, tmp_path, capsys, number):
    """Slurm sends it to all processes, also to those that load images."""
    config, before = dataclasses.replace(config, num_workers=1), signal.getsignal(number)

    def to_all() -> None:
        for process in (os.getpid(), *(child.pid for child in multiprocessing.active_children())):
            os.kill(process, number)

    end_in_epochs(monkeypatch, [1], to_all)
    assert Trainer(config).train() == 128 + number
    assert f"{number.name}: saved after epoch 1; --resume continues" in capsys.readouterr().out
    assert len(read_state(tmp_path / "run/last.pt")["history"]) == 1 and signal.getsignal(number) is before
    assert Trainer(dataclasses.replace(config, resume=True)).train() == 0
