"""A training is stopped, killed, resumed and repeated."""

import dataclasses
import os
import shutil
import signal

import pytest
import torch
from torch.nn import functional as F

from ran import trainer as trainer_module
from ran.model import Encoder
from ran.trainer import Trainer
from ran.utils.checkpoint import read_state, read_weights, save_state


def weights_of(folder) -> dict[str, torch.Tensor]:
    return read_state(folder / "last.pt")["network"]


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.slow
def test_same_seed_same_weights_whatever_the_workers(config, tmp_path):
    for name, workers in (("a", 0), ("b", 2)):
        Trainer(dataclasses.replace(config, model_path=str(tmp_path / name), num_workers=workers)).train()
    assert same(weights_of(tmp_path / "a"), weights_of(tmp_path / "b"))


@pytest.mark.parametrize(
    "number, dropout, workers, stops",
    [
        (signal.SIGINT, False, 0, (1, 4)),
        (signal.SIGTERM, False, 2, (3, 6)),  # the last step of each epoch, whose batch is smaller
        (signal.SIGTERM, True, 0, (2, 5)),
    ],
)
@pytest.mark.slow
def test_a_stopped_run_goes_on_as_if_never_stopped(
    config, tmp_path, monkeypatch, number, dropout, workers, stops, capsys
):
    """Stopped once in each epoch, resumed twice: the same weights, history and best model, bit by bit."""
    if dropout:  # as efficientnet_b3, which draws from torch's random state, but is not exact on every processor
        forward = Encoder.forward
        dropped = lambda self, x: [F.dropout(f, 0.1, self.training) for f in forward(self, x)]  # noqa: E731
        monkeypatch.setattr(Encoder, "forward", dropped)
    whole = dataclasses.replace(config, model_path=str(tmp_path / "whole"), val_share=0.1)
    Trainer(whole).train()
    broken = dataclasses.replace(whole, model_path=str(tmp_path / "broken"), num_workers=workers)
    step = Trainer.train_step

    def stopping_step(self, batch):
        result = step(self, batch)
        if self.state.epoch * 3 + self.state.step + 1 in stops:
            os.kill(os.getpid(), number)
        return result

    monkeypatch.setattr(Trainer, "train_step", stopping_step)
    assert Trainer(broken).train() == 128 + number
    assert "--resume goes on" in capsys.readouterr().out
    assert read_state(tmp_path / "broken/last.pt")["step"] == stops[0]
    again = dataclasses.replace(broken, resume=True)
    assert Trainer(again).train() == 128 + number
    assert Trainer(again).train() == 0
    assert same(weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken"))
    states = [read_state(tmp_path / name / "last.pt") for name in ("whole", "broken")]
    rows = [[{k: v for k, v in row.items() if k != "seconds"} for row in state["history"]] for state in states]
    assert rows[0] == rows[1]
    assert same(read_weights(tmp_path / "whole")[0], read_weights(tmp_path / "broken")[0])
    moments = [{(i, k): v for i, s in state["optimizer"]["state"].items() for k, v in s.items()} for state in states]
    assert same(*moments)


def test_a_signal_during_validation_leaves_after_it(config, monkeypatch, tmp_path):
    validate = Trainer.validate

    def signalled(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return validate(self)

    monkeypatch.setattr(Trainer, "validate", signalled)
    assert Trainer(config).train() == 128 + signal.SIGTERM
    state = read_state(tmp_path / "run/last.pt")
    assert (state["epoch"], state["step"]) == (1, 0)


def test_the_state_is_saved_from_time_to_time(config, monkeypatch, tmp_path):
    """A run killed without warning loses no more than the steps since the last save."""
    monkeypatch.setattr(trainer_module, "SAVE_SECONDS", 0)
    step = Trainer.train_step

    def killed_in_second_step(self, batch):
        if self.state.step == 1:
            raise SystemExit("killed")
        return step(self, batch)

    monkeypatch.setattr(Trainer, "train_step", killed_in_second_step)
    with pytest.raises(SystemExit):
        Trainer(config).train()
    assert read_state(tmp_path / "run/last.pt")["step"] == 1


def test_a_run_is_there_from_its_first_moment(config, monkeypatch):
    def killed(*_):
        raise SystemExit

    monkeypatch.setattr(Trainer, "train_step", killed)
    with pytest.raises(SystemExit):
        Trainer(config).train()
    with pytest.raises(ValueError, match="already holds a run"):
        Trainer(config)


@pytest.mark.slow
def test_an_older_state_without_a_newer_option_can_be_resumed(config, tmp_path):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    state = read_state(tmp_path / "run/last.pt")
    del state["config"]["attention"]
    save_state(tmp_path / "run/last.pt", state)
    assert Trainer(dataclasses.replace(config, resume=True)).train() == 0


def test_a_state_of_an_older_version_is_named(config, tmp_path):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    state = read_state(tmp_path / "run/last.pt")
    state["optimizer"]["param_groups"] = state["optimizer"]["param_groups"][:1]
    save_state(tmp_path / "run/last.pt", state)
    with pytest.raises(ValueError, match=r"last.pt: an older version's state"):
        Trainer(dataclasses.replace(config, resume=True))


@pytest.mark.slow
def test_more_epochs_continue_a_finished_run(config, tmp_path):
    Trainer(config).train()
    longer = dataclasses.replace(config, model_path=str(tmp_path / "longer"), epochs=3)
    Trainer(longer).train()
    Trainer(dataclasses.replace(config, epochs=3, resume=True)).train()
    assert same(weights_of(tmp_path / "run"), weights_of(tmp_path / "longer"))


def test_resume_of_nothing_starts_fresh_and_says_so(config, capsys):
    assert Trainer(dataclasses.replace(config, epochs=1, resume=True)).train() == 0
    assert "nothing to resume" in capsys.readouterr().out


def test_a_folder_that_holds_a_run_is_refused(config):
    Trainer(config).train()
    with pytest.raises(ValueError, match="already holds a run.*--resume"):
        Trainer(config)


def test_resume_with_another_recipe_or_other_images_is_refused(config, tmp_path, dataset):
    Trainer(config).train()
    again = dataclasses.replace(config, resume=True)
    with pytest.raises(ValueError, match=r"--lr 0.0001 \(now 0.5\)"):
        Trainer(dataclasses.replace(again, lr=0.5))
    images = tmp_path / "other"
    for split, parts in (("Train/SAMPLE", ("images", "masks", "contour")),):
        for part in parts:
            (images / split / part).mkdir(parents=True)
            for path in sorted((dataset / split / part).iterdir()):
                (images / split / part / f"x{path.name}").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="other images"):
        Trainer(dataclasses.replace(again, data_path=str(images)))


@pytest.mark.parametrize("part", ["images/train_001.jpg", "masks/train_004.png"])
def test_resume_with_a_replaced_image_or_mask_is_refused_with_its_name(config, tmp_path, dataset, part):
    config.data_path = str(shutil.copytree(dataset, tmp_path / "data"))
    Trainer(dataclasses.replace(config, epochs=1)).train()
    path, again = tmp_path / "data/Train/SAMPLE" / part, dataclasses.replace(config, resume=True)
    old = path.read_bytes()
    path.write_bytes(path.with_stem("train_000").read_bytes())
    with pytest.raises(ValueError, match=rf"1 pair\(s\) have changed since then: SAMPLE/{path.stem}; put"):
        Trainer(again)
    path.write_bytes(old)
    assert Trainer(again).train() == 0


@pytest.mark.slow
def test_one_cycle_goes_through_and_its_length_cannot_change(config, tmp_path):
    """The whole of the best recipe at the smallest size; resumed, it comes to the same weights."""
    config = dataclasses.replace(
        config,
        schedule="onecycle",
        lr=1e-3,
        encoder_lr=0.2,
        decoder="fine",
        early_stop=1,
        augmentation="strong",
        loss_weights=[0.5, 1.0, 4.0],
    )
    Trainer(config).train()
    rows = read_state(tmp_path / "run/last.pt")["history"]
    assert len(rows) == 2 and rows[1]["lr"] < 1e-6 < rows[0]["lr"]
    halves = dataclasses.replace(config, model_path=str(tmp_path / "halves"))
    first = Trainer(halves)
    first.state.over = lambda config: "" if first.state.epoch < 1 else "half"
    first.train()
    assert Trainer(dataclasses.replace(halves, resume=True)).train() == 0
    assert same(weights_of(tmp_path / "run"), weights_of(tmp_path / "halves"))
    with pytest.raises(ValueError, match=r"--epochs 2 \(now 3\)"):
        Trainer(dataclasses.replace(config, epochs=3, resume=True))
