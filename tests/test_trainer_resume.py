"""A training is stopped, killed, resumed and repeated."""

import dataclasses
import shutil

import pytest
import torch
from torch.nn import functional as F

from ran.model import Encoder
from ran.trainer import Trainer, run
from ran.utils import files
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


def end_in_epoch(monkeypatch, numbers: list[int], end) -> None:
    """Calls `end` in the last step of these epochs, each once."""
    step = Trainer.train_step

    def ending_step(self, batch, number):
        result, epoch = step(self, batch, number), len(self.history) + 1
        if number + 1 == len(self.data.batches) and epoch in numbers:
            numbers.remove(epoch)
            end()
        return result

    monkeypatch.setattr(Trainer, "train_step", ending_step)


def killed():
    raise SystemExit("killed")


@pytest.mark.parametrize("dropout, workers", [(False, 0), (False, 2), (True, 0)])
@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_as_if_unbroken(config, tmp_path, monkeypatch, dropout, workers):
    """Killed in each epoch, resumed each time: the same weights, history and best model, bit by bit."""
    if dropout:  # as efficientnet_b3, which draws from torch's random state, but is not exact on every processor
        forward = Encoder.forward
        dropped = lambda self, x: [F.dropout(f, 0.1, self.training) for f in forward(self, x)]  # noqa: E731
        monkeypatch.setattr(Encoder, "forward", dropped)
    whole = dataclasses.replace(config, model_path=str(tmp_path / "whole"), val_share=0.1, epochs=3)
    Trainer(whole).train()
    broken = dataclasses.replace(whole, model_path=str(tmp_path / "broken"), num_workers=workers, resume=True)
    end_in_epoch(monkeypatch, [1, 2, 3], killed)
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


def test_each_epoch_is_augmented_anew_and_has_random_numbers_of_its_own(config, monkeypatch):
    step, seeds, images = Trainer.train_step, [], []

    def recorded(self, batch, number):
        seeds.append(torch.initial_seed())
        images.extend(zip(batch["index"].tolist(), batch["image"]))
        return step(self, batch, number)

    monkeypatch.setattr(Trainer, "train_step", recorded)
    Trainer(config).train()
    assert len(seeds) == 4 and seeds[0] == seeds[1] != seeds[2] == seeds[3]
    first, second = dict(images[:4]), dict(images[4:])
    assert first.keys() == second.keys() == {0, 1, 2, 3}
    assert any(not torch.equal(image, second[index]) for index, image in first.items())


def test_two_runs_do_not_write_into_one_folder(config, monkeypatch, tmp_path):
    monkeypatch.setattr(files, "LOCK_SECONDS", 0)
    with files.locked(tmp_path / "run"), pytest.raises(OSError, match="run: another run is writing there"):
        run(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_state_without_a_newer_option_can_be_resumed_and_one_of_an_older_version_is_named(config, tmp_path):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    state = read_state(tmp_path / "run/last.pt")
    del state["config"]["attention"]
    save_state(tmp_path / "run/last.pt", state)
    assert Trainer(dataclasses.replace(config, resume=True)).train() == 0
    del state["validation"]
    save_state(tmp_path / "run/last.pt", state)
    with pytest.raises(ValueError, match=r"last.pt: not a training state of this version; an older one .*--weights"):
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


@pytest.mark.parametrize("part", ["images/train_001.jpg", "masks/train_004.png", "contour/train_002.png"])
def test_resume_with_a_replaced_image_or_mask_is_refused_with_its_name(config, tmp_path, dataset, part):
    config.data_path = str(shutil.copytree(dataset, tmp_path / "data"))
    Trainer(dataclasses.replace(config, epochs=1)).train()
    path, again = tmp_path / "data/Train/SAMPLE" / part, dataclasses.replace(config, resume=True)
    old = path.read_bytes()
    path.write_bytes(path.with_stem("train_000").read_bytes())
    with pytest.raises(ValueError, match=rf"1 pair\(s\) have changed since then: SAMPLE/{path.stem}; restore"):
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
    first._over = lambda: "half" * len(first.history)
    first.train()
    assert Trainer(dataclasses.replace(halves, resume=True)).train() == 0
    assert same(weights_of(tmp_path / "run"), weights_of(tmp_path / "halves"))
    with pytest.raises(ValueError, match=r"--epochs 2 \(now 3\)"):
        Trainer(dataclasses.replace(config, epochs=3, resume=True))
