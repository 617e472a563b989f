import csv
import dataclasses
import json
import os
import shutil
import signal

import pytest
import torch

import trainer as trainer_module
from dataloader import load_sample
from model import RAN
from tester import Tester
from trainer import Trainer
from utils.checkpoint import read_state, read_weights, recipe, save_state
from utils.config import TestConfig as EvaluationConfig
from utils.losses import ran_loss
from utils.metrics import COLUMNS
from utils.scores import read_scores


def weights_of(folder) -> dict[str, torch.Tensor]:
    return read_state(folder / "last.pt")["network"]


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_a_run_leaves_what_its_folder_promises(config, tmp_path, capsys):
    assert Trainer(config).train() == 0
    folder = tmp_path / "run"
    promised = {"best_model.safetensors", "curves.png", "history.csv", "last.pt", "tensorboard"}
    assert {p.name for p in folder.iterdir()} == promised
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    _, metadata = read_weights(folder)
    assert metadata["config"] == recipe(dataclasses.replace(config, amp="off")) and metadata["config"]["lr"] == 1e-4
    assert str(tmp_path) not in json.dumps(metadata)  # weights tell nothing of the machine they were trained on
    assert metadata["val_mae"] == min(float(row["val_mae"]) for row in rows)
    assert metadata["datasets"] == ["SAMPLE"]
    out = capsys.readouterr().out
    assert "RAN resnet18" in out and "SAMPLE, 4 training and 2 validation images" in out and "epoch   2" in out


def test_overfits_two_images(config):
    """The network can learn: on two pictures the loss falls below half and the map becomes the mask."""
    torch.manual_seed(0)
    pairs = trainer_module.find_sets(config.data_path, "train", [])["SAMPLE"][:2]
    samples = [load_sample(pair, 64) for pair in pairs]
    image = torch.stack([torch.from_numpy(i).permute(2, 0, 1) for i, _ in samples]).float() / 255
    targets = torch.stack([torch.from_numpy(t).permute(2, 0, 1) for _, t in samples]).float() / 255
    mask, contour = targets[:, :1], targets[:, 1:]
    network = RAN("resnet18", encoder_norm="group").train()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)
    losses = []
    for _ in range(60):
        logits = network(image)
        loss = ran_loss(logits, mask, contour)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2)
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-10:]) < 0.5 * losses[0]
    assert (logits["mask"].sigmoid() - mask).abs().mean() < 0.1


def test_same_seed_same_weights_whatever_the_workers(config, tmp_path):
    for name, workers in (("a", 0), ("b", 2)):
        Trainer(dataclasses.replace(config, model_path=str(tmp_path / name), num_workers=workers)).train()
    assert same(weights_of(tmp_path / "a"), weights_of(tmp_path / "b"))


@pytest.mark.parametrize(
    "number, arch, workers, stops",
    [
        (signal.SIGINT, "resnet18", 0, (1, 4)),
        (signal.SIGTERM, "resnet18", 2, (3, 6)),  # the last step of each epoch, whose batch is smaller
        (signal.SIGTERM, "efficientnet_b3", 0, (2, 5)),  # its stochastic depth draws from torch's random state
    ],
)
def test_a_stopped_run_goes_on_as_if_never_stopped(config, tmp_path, monkeypatch, number, arch, workers, stops, capsys):
    """Stopped once in each epoch, resumed twice: the same weights, history and best model, bit by bit."""
    whole = dataclasses.replace(config, model_path=str(tmp_path / "whole"), arch=arch, val_share=0.1)
    Trainer(whole).train()
    broken = dataclasses.replace(whole, model_path=str(tmp_path / "broken"), num_workers=workers)
    step = Trainer._train_step

    def stopping_step(self, batch):
        result = step(self, batch)
        if self.epoch * 3 + self.step + 1 in stops:
            os.kill(os.getpid(), number)
        return result

    monkeypatch.setattr(Trainer, "_train_step", stopping_step)
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
    step = Trainer._train_step

    def killed_in_second_step(self, batch):
        if self.step == 1:
            raise SystemExit("killed")
        return step(self, batch)

    monkeypatch.setattr(Trainer, "_train_step", killed_in_second_step)
    with pytest.raises(SystemExit):
        Trainer(config).train()
    assert read_state(tmp_path / "run/last.pt")["step"] == 1


def test_a_run_is_there_from_its_first_moment(config, monkeypatch):
    def killed(*_):
        raise SystemExit

    monkeypatch.setattr(Trainer, "_train_step", killed)
    with pytest.raises(SystemExit):
        Trainer(config).train()
    with pytest.raises(ValueError, match="already holds a run"):
        Trainer(config)


def test_an_older_state_without_a_newer_option_can_be_resumed(config, tmp_path):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    state = read_state(tmp_path / "run/last.pt")
    del state["config"]["attention"]
    save_state(tmp_path / "run/last.pt", state)
    assert Trainer(dataclasses.replace(config, resume=True)).train() == 0


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


def test_non_finite_loss_stops_with_the_names_and_keeps_the_last_state(config, tmp_path, monkeypatch):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    before = (tmp_path / "run/last.pt").read_bytes()
    monkeypatch.setattr(trainer_module, "ran_loss", lambda logits, *_: logits["mask"].mean() * float("nan"))
    with pytest.raises(ValueError, match=r"epoch 2, step 1: loss nan.*SAMPLE/train_\d+, SAMPLE/train_\d+"):
        Trainer(dataclasses.replace(config, resume=True)).train()
    assert (tmp_path / "run/last.pt").read_bytes() == before


def test_training_stops_early_and_lowers_the_learning_rate(config, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Trainer, "validate", lambda self: {"loss": 1.0 + self.epoch, "mae": 0.5 + self.epoch})
    Trainer(dataclasses.replace(config, epochs=50, patience=1, early_stop=4)).train()
    history = read_state(tmp_path / "run/last.pt")["history"]
    assert len(history) == 5  # the first is the best, four without a better one
    assert history[-1]["lr"] == pytest.approx(1e-5)
    assert "no better validation MAE for 4 epochs" in capsys.readouterr().out


def test_fine_tuning_starts_from_the_given_weights(config, run_folder):
    tuned = Trainer(dataclasses.replace(config, weights=str(run_folder), arch="resnet50"))
    assert tuned.network.options["arch"] == "resnet18"
    assert same(dict(tuned.network.state_dict()), read_weights(run_folder)[0])
    tuned.train()
    assert read_weights(config.model_path)[1]["config"]["arch"] == "resnet18"


def test_partial_encoder_weights_are_reported(config, tmp_path, capsys):
    import torchvision

    state = torchvision.models.resnet18(weights=None).state_dict()
    del state["layer4.1.conv2.weight"]
    torch.save(state, tmp_path / "partial.pth")
    trained = Trainer(dataclasses.replace(config, pretrained=str(tmp_path / "partial.pth")))
    assert "lacks layer4.1.conv2.weight" in capsys.readouterr().out
    assert torch.equal(trained.network.encoder.backbone.conv1.weight, state["conv1.weight"])


def test_validation_scores_as_test_does(config, dataset, tmp_path):
    """The validation pictures, put into a test set, get the same scores from `test`."""
    trained = Trainer(dataclasses.replace(config, epochs=1))
    trained.train()
    row = trained.history[0]
    for pair in trained.val_loader.dataset.pairs:
        for part, path in (("images", pair.image), ("masks", pair.mask)):
            target = tmp_path / "data/HELD/Test" / part / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    Tester(
        EvaluationConfig(
            data_path=str(tmp_path / "data"), model_path=str(tmp_path / "run"), num_workers=0, device="cpu"
        )
    ).test()
    (held,) = read_scores(tmp_path / "run")
    assert held.dataset == "HELD"
    assert all(row[f"val_{key}"] == pytest.approx(held.totals[key], abs=1e-4) for key in COLUMNS)


def test_ablation_switches_are_stored_and_come_back(config, dataset, tmp_path):
    row = dataclasses.replace(config, epochs=1, attention="reverse", connectivity=False)
    Trainer(row).train()
    metadata = read_weights(tmp_path / "run")[1]
    assert metadata["model"]["attention"] == "reverse" and metadata["model"]["connectivity"] is False
    assert Trainer(dataclasses.replace(row, epochs=2, resume=True)).train() == 0
    test = EvaluationConfig(data_path=str(dataset), model_path=str(tmp_path / "run"), num_workers=0, device="cpu")
    Tester(test).test()


def test_joint_training_names_both_sets_and_test_prints_the_measured_ones(config, dataset, tmp_path, capsys):
    data = tmp_path / "joint"
    for name in ("CUHK", "DUT"):
        shutil.copytree(dataset / "Train/SAMPLE", data / "Train" / name)
    shutil.copytree(dataset / "SAMPLE", data / "CUHK")
    joint = dataclasses.replace(config, data_path=str(data), epochs=1)
    Trainer(joint).train()
    assert "CUHK + DUT, 8 training and 4 validation images" in capsys.readouterr().out
    assert read_weights(tmp_path / "run")[1]["datasets"] == ["CUHK", "DUT"]
    test = EvaluationConfig(data_path=str(data), model_path=str(tmp_path / "run"), num_workers=0, device="cpu")
    Tester(test).test()
    out = capsys.readouterr().out
    assert "CUHK, 3 images\n| method | MAE" in out and "DUT" not in out  # not measured is not zero
    shutil.copytree(dataset / "SAMPLE", data / "DUT")
    Tester(test).test()
    out = capsys.readouterr().out
    assert "CUHK, 3 images\n| method | MAE" in out and "DUT, 3 images\n| method | MAE" in out
    assert Trainer(dataclasses.replace(joint, model_path=str(tmp_path / "one"), datasets=["DUT"])).set_names == ["DUT"]


def test_limit_takes_the_first_images(config):
    assert len(Trainer(dataclasses.replace(config, limit=3)).names) == 2


def test_without_validation_the_training_mae_chooses(config, tmp_path):
    assert Trainer(dataclasses.replace(config, val_share=0.0, epochs=1)).train() == 0
    row = read_state(tmp_path / "run/last.pt")["history"][0]
    assert row["val_mae"] == row["train_mae"]


def test_bf16_trains_close_to_full_precision(config, tmp_path):
    for amp in ("off", "bf16"):
        Trainer(dataclasses.replace(config, amp=amp, model_path=str(tmp_path / amp))).train()
    off, bf16 = (read_state(tmp_path / name / "last.pt") for name in ("off", "bf16"))
    assert all(value.dtype == torch.float32 for value in bf16["network"].values() if value.is_floating_point())
    assert bf16["history"][0]["train_loss"] == pytest.approx(off["history"][0]["train_loss"], rel=0.02)
    assert bf16["history"][0]["train_loss"] != off["history"][0]["train_loss"]


def test_compiled_training_is_the_same_training(config, tmp_path, monkeypatch):
    """With the compiler's front half, which needs no C++: what it traces computes and saves the same."""
    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network, **_: compile(network, backend="aot_eager", dynamic=False))
    config = dataclasses.replace(config, epochs=1)
    for name, wanted in (("plain", False), ("compiled", True)):
        Trainer(dataclasses.replace(config, compile=wanted, model_path=str(tmp_path / name))).train()
    plain, compiled = (read_state(tmp_path / name / "last.pt") for name in ("plain", "compiled"))
    assert plain["network"].keys() == compiled["network"].keys()
    assert compiled["history"][0]["train_loss"] == pytest.approx(plain["history"][0]["train_loss"], rel=1e-4)
    assert compiled["history"][0]["val_mae"] == pytest.approx(plain["history"][0]["val_mae"], rel=1e-3)


def test_the_state_says_what_auto_was(config, tmp_path):
    Trainer(dataclasses.replace(config, epochs=1)).train()
    assert read_state(tmp_path / "run/last.pt")["config"]["amp"] == "off"
    with pytest.raises(ValueError, match=r"--amp off \(now bf16\)"):
        Trainer(dataclasses.replace(config, amp="bf16", resume=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_training_runs(config):
    assert Trainer(dataclasses.replace(config, device="cuda")).train() == 0
