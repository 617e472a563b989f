import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ran.data import masks
from ran.data.images import read_image, write_image
from ran.data.layouts import Pair, find_sets
from ran.tester import Tester
from ran.trainer import Trainer
from ran.training_data import TrainingData, may_have_seen, split_fold, split_validation
from ran.utils.checkpoint import read_weights
from ran.utils.options import TestConfig as EvaluationConfig


@pytest.fixture
def pairs(dataset):
    return find_sets(str(dataset), "train", [])["SAMPLE"]


def test_validation_split_is_five_percent_and_fixed(pairs):
    many = [dataclasses.replace(pairs[0], stem=f"{i:03}") for i in range(604)]
    training, validation = split_validation(many, 0.05, 42)
    assert (len(training), len(validation)) == (574, 30)
    assert sorted(training + validation, key=lambda pair: pair.stem) == many
    assert validation == [pair for pair in many if pair in validation]  # in their order
    assert split_validation(many, 0.05, 42) == (training, validation)
    assert len(split_validation(many[:3], 0.05, 42)[1]) == 1
    assert split_validation(many[:1], 0, 42) == (many[:1], [])
    with pytest.raises(ValueError, match="at least two"):
        split_validation(many[:1], 0.05, 42)


@pytest.mark.parametrize("seed", range(5))
def test_twins_come_to_one_side_of_the_split(pairs, seed):
    many = [dataclasses.replace(pairs[0], stem=f"{i:02}") for i in range(20)]
    twin_of = {many[new].name: many[old].name for new, old in ((19, 0), (18, 1), (17, 1), (16, 2))}
    training, validation = split_validation(many, 0.5, seed, twin_of)
    held_out = {pair.name for pair in validation}
    assert len(validation) >= 8 and {*training, *validation} == {*many} and len(training) + len(validation) == 20
    assert all((one in held_out) == (other in held_out) for one, other in twin_of.items())


def test_folds_are_five_fixed_parts(pairs):
    many = [dataclasses.replace(pairs[0], stem=f"{i:03}") for i in range(604)]
    parts = [split_fold(many, fold) for fold in range(1, 6)]
    assert [len(out) for _, out in parts] == [121, 121, 121, 121, 120]
    assert sorted(pair.stem for _, out in parts for pair in out) == [pair.stem for pair in many]
    assert all(not set(stay) & set(out) and len(stay) + len(out) == 604 for stay, out in parts)
    assert split_fold(many, 3) == parts[2] and split_fold(many, 0) == (many, [])
    assert [pair.stem for pair in parts[0][1][:4]] == ["002", "006", "010", "011"]
    for few, fold in ((many, 6), (many[:4], 1)):
        with pytest.raises(ValueError, match="expected 1 to 5"):
            split_fold(few, fold)


def names(pairs) -> list[str]:
    return [pair.name for pair in pairs]


@pytest.fixture
def two_sets(dataset, tmp_path, config):
    """The training set twice, as A and B; B's images are mirrored and darkened, so that they are other photographs."""
    for name in "AB":
        shutil.copytree(dataset / "Train/SAMPLE", tmp_path / "data/Train" / name)
    for path in (tmp_path / "data/Train/B/images").iterdir():
        write_image(path, np.rot90(read_image(path) // 3, 2)[:, ::-1] ** 2 % 251)
    return dataclasses.replace(config, data_path=str(tmp_path / "data"))


def test_a_set_of_its_own_validates(two_sets, tmp_path):
    """It does so with --weights, too: what validated the training before then trains, also after a resumption."""
    config = dataclasses.replace(two_sets, val="B", epochs=1)
    trainer = Trainer(config)
    assert names(trainer.data.validation) == [f"B/train_{i:03}" for i in range(6)] and trainer.data.sets == ["A"]
    assert trainer.data.names == [f"A/train_{i:03}" for i in range(6)]
    trainer.train()
    assert read_weights(config.model_path)[1]["validation"] == names(trainer.data.validation)
    first = dataclasses.replace(config, datasets=["A"], val="", model_path=str(tmp_path / "first"))
    Trainer(first).train()
    tuned = dataclasses.replace(config, weights=first.model_path, model_path=str(tmp_path / "tuned"))
    Trainer(tuned).train()
    again = Trainer(dataclasses.replace(tuned, resume=True))
    assert again.data.names == trainer.data.names and again.data.validation == trainer.data.validation


@pytest.mark.parametrize("options, message", [
    ({"datasets": ["A", "B"], "val": "B"}, "B: named twice by datasets, extra and val"),
    ({"datasets": ["B"], "extra": ["B"]}, "B: named twice"),
    ({"extra": ["A"], "val": "B"}, "no training set beside those of extra and val"),
])  # fmt: skip
def test_a_set_has_one_part(two_sets, options, message):
    with pytest.raises(ValueError, match=message):
        TrainingData(dataclasses.replace(two_sets, **options), None, {})
    assert TrainingData(dataclasses.replace(two_sets, extra=["A"]), None, {}).sets == ["A", "B"]


def test_every_batch_has_extra_images_and_validation_its_own_size(two_sets):
    config = dataclasses.replace(two_sets, datasets=["A"], extra=["B"], batch_size=3, test_size=96)
    data = TrainingData(config, None, {})
    batches = [[data.names[index] for index in batch["index"]] for batch in data.train_loader]
    assert [[name[0] for name in batch] for batch in batches] == [[*"AAB"], [*"AAB"]]
    assert next(iter(data.val_loader))["image"].shape == (2, 3, 96, 96)
    seeds = [TrainingData(dataclasses.replace(config, seed=seed), None, {}).train_loader.dataset for seed in (1, 2)]
    assert any(not torch.equal(seeds[0][0, i]["image"], seeds[1][0, i]["image"]) for i in range(12))
    strong = TrainingData(dataclasses.replace(config, augmentation="strong"), None, {}).train_loader
    assert next(iter(strong))["image"].shape == (3, 3, 64, 64) and strong.dataset.size == 91  # of which crops are cut


def test_fine_tuning_keeps_the_split_of_the_training_before_with_its_twins(two_sets, tmp_path, capsys):
    first = dataclasses.replace(two_sets, datasets=["A"], epochs=1)
    trainer = Trainer(first)
    trainer.train()
    held_out = names(trainer.data.validation)
    tuned = dataclasses.replace(two_sets, weights=first.model_path, datasets=["A"], seed=7)
    tuned.model_path = str(tmp_path / "tuned")
    folder, stem = tmp_path / "data/Train/A", held_out[0].split("/")[1]
    for part, suffix in (("images", ".jpg"), ("masks", ".png"), ("contour", ".png")):
        shutil.copy(folder / part / f"{stem}{suffix}", folder / part / f"a_copy{suffix}")
    assert sorted(names(Trainer(tuned).data.validation)) == sorted(["A/a_copy", *held_out])
    assert "may be among the training images of" in capsys.readouterr().out  # of the copy nothing is known


@pytest.mark.parametrize("stages, seen", [
    ([{"datasets": ["A"], "validation": ["A/1"]}], ["A/2"]),
    ([{"datasets": ["B"], "validation": []}, {"datasets": ["A"], "validation": ["A/2"]}], ["A/1"]),
    ([{"datasets": ["B"]}], []),
    ([{}], []),
])  # fmt: skip
@pytest.mark.parametrize("place", ["before", "averaged"])
def test_what_earlier_trainings_may_have_seen(stages, seen, place):
    pairs = [Pair("A", stem, Path(), Path()) for stem in "12"]
    trained = stages[0] | {place: stages[1:]}
    assert [pair.name for pair in pairs if may_have_seen(trained, pair)] == seen


def test_validation_reads_a_mask_once_an_epoch(config, monkeypatch):
    trainer, read = Trainer(dataclasses.replace(config, val_share=0.5)), []
    levels = masks.read_levels
    monkeypatch.setattr(masks, "read_levels", lambda path, white: read.append(path) or levels(path, white))
    for epoch in (1, 2):
        trainer.validate()
        files = [path for pair in trainer.data.val_pairs for path in (pair.mask, pair.contour)]
        assert len(files) == 6 and sorted(read) == sorted(files * epoch)


@pytest.mark.slow
def test_joint_training_names_both_sets_and_test_prints_the_measured_ones(config, dataset, tmp_path, capsys):
    data = tmp_path / "joint"
    for name in ("CUHK", "DUT"):
        shutil.copytree(dataset / "Train/SAMPLE", data / "Train" / name)
    shutil.copytree(dataset / "SAMPLE", data / "CUHK")
    joint = dataclasses.replace(config, data_path=str(data), epochs=1)
    Trainer(joint).train()
    out = capsys.readouterr().out
    assert "CUHK + DUT, 8 training and 4 validation images" in out
    assert "WARNING: 6 training image(s) are copies of another one: " in out and "and 1 more" in out
    assert read_weights(tmp_path / "run")[1]["datasets"] == ["CUHK", "DUT"]
    test = EvaluationConfig(data_path=str(data), model_path=str(tmp_path / "run"), num_workers=0, device="cpu")
    Tester(test).test()
    out = capsys.readouterr().out
    assert re.search(r"^CUHK, 3 images\nmethod( +MAE.*){1}\nrun ", out, re.MULTILINE)
    assert "DUT" not in out  # not measured is not zero
    shutil.copytree(dataset / "SAMPLE", data / "DUT")
    Tester(test).test()
    out = capsys.readouterr().out
    assert re.search(r"^CUHK, 3 images; DUT, 3 images\nmethod( +\S+ MAE.*){2}\nrun ", out, re.MULTILINE)
    assert Trainer(dataclasses.replace(joint, model_path=str(tmp_path / "one"), datasets=["DUT"])).data.sets == ["DUT"]
