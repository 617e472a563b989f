import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from ran.data.images import read_image, write_image
from ran.data.layouts import Pair
from ran.training_data import TrainingData, may_have_seen, split_fold, split_validation


def made_up(count: int) -> list[Pair]:
    return [Pair("A", f"{i:03}", Path(), Path()) for i in range(count)]


def names(pairs: list[Pair]) -> list[str]:
    return [pair.name for pair in pairs]


def test_validation_is_a_fixed_share():
    many = made_up(604)
    training, validation = split_validation(many, 0.05, 42, (), {})
    assert len(validation) == 30 and training == [pair for pair in many if pair not in validation]  # in their order
    assert split_validation(many, 0.05, 42, (), {}) == (training, [pair for pair in many if pair in validation])
    assert split_validation(many, 0.05, 43, (), {}) != (training, validation)
    assert len(split_validation(many[:3], 0.05, 42, (), {})[1]) == 1  # at least one on each side
    assert len(split_validation(many[:2], 1, 42, (), {})[0]) == 1
    for few, twin_of in ((many[:1], {}), (many[:2], {"A/001": "A/000"}), (many[:1], {"A/000": "EXTRA/0"})):
        with pytest.raises(ValueError, match="at least two"):
            split_validation(few, 0.05, 42, (), twin_of)


@pytest.mark.parametrize("seed", range(5))
def test_twins_come_to_one_side_of_the_split(seed):
    many = made_up(20)
    twin_of = {"A/019": "A/000", "A/018": "A/001", "A/017": "A/001", "A/016": "A/002", "A/015": "EXTRA/0"}
    training, validation = split_validation(many, 0.5, seed, (), twin_of)
    held_out = {*names(validation)}
    assert len(validation) >= 7 and {*training, *validation} == {*many} and len(training) + len(validation) == 20
    assert all((one in held_out) == (other in held_out) for one, other in twin_of.items())  # EXTRA/0 trains
    _, validation = split_validation(many, 0.5, seed, ["A/017", "A/005", "GONE/1"], twin_of)
    assert names(validation) == ["A/001", "A/005", "A/017", "A/018"]


def test_folds_are_five_fixed_parts():
    many = made_up(604)
    parts = [split_fold(many, fold) for fold in range(1, 6)]
    assert sorted(pair.stem for _, out in parts for pair in out) == [pair.stem for pair in many]
    assert all(not set(stay) & set(out) and len(stay) + len(out) == 604 for stay, out in parts)
    assert [pair.stem for pair in parts[0][1][:4]] == ["002", "006", "010", "011"] and split_fold(many, 0) == (many, [])
    for few, fold in ((many, 6), (many[:4], 1)):
        with pytest.raises(ValueError, match="expected 1 to 5"):
            split_fold(few, fold)


@pytest.fixture
def two_sets(dataset, tmp_path, config):
    """The training set twice, as A and B; B's images are mirrored and darkened, so that they are no copies."""
    for name in "AB":
        shutil.copytree(dataset / "Train/SAMPLE", tmp_path / "data/Train" / name)
    for path in (tmp_path / "data/Train/B/images").iterdir():
        write_image(path, np.rot90(read_image(path) // 3, 2)[:, ::-1] ** 2 % 251)
    return dataclasses.replace(config, data_path=str(tmp_path / "data"))


def test_a_set_of_its_own_validates(two_sets, capsys):
    """It does so with --weights and --resume, too: what validated the training before then trains."""
    config = dataclasses.replace(two_sets, val="B")
    first = TrainingData(config, None, {})
    before = {"datasets": ["A"], "validation": ["A/train_001"]}
    for data in (first, TrainingData(config, None, before), TrainingData(config, before | {"files": first.files}, {})):
        assert names(data.validation) == [f"B/train_{i:03}" for i in range(6)] and data.sets == ["A"]
        assert data.names == [f"A/train_{i:03}" for i in range(6)]
    assert "are among" not in capsys.readouterr().out
    for copy in ("Train/C", "B/Test"):
        shutil.copytree(Path(two_sets.data_path, "Train/B"), Path(two_sets.data_path, copy))
    TrainingData(dataclasses.replace(config, extra=["C"]), None, {})
    out = capsys.readouterr().out
    assert all(f"WARNING: 6 {kind} image(s) are among the training images: " in out for kind in ("validation", "test"))
    Path(two_sets.data_path, "Train/B/masks").rename(Path(two_sets.data_path, "Train/B/trimaps"))
    with pytest.raises(ValueError, match="sets with trimaps cannot validate"):
        TrainingData(dataclasses.replace(config, val_share=0), None, {})


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
    assert any(not np.array_equal(seeds[0][0, i]["image"], seeds[1][0, i]["image"]) for i in range(12))
    strong = TrainingData(dataclasses.replace(config, augmentation="strong"), None, {}).train_loader
    assert next(iter(strong))["image"].shape == (3, 3, 64, 64) and strong.dataset.size == 91  # of which crops are cut


@pytest.mark.parametrize("extra, held_out", [([], ["train_001", "a_copy"]), (["B"], [])])
def test_fine_tuning_keeps_the_split_of_the_training_before_with_its_twins(two_sets, capsys, extra, held_out):
    """A twin of an extra image trains, and does not validate."""
    folder = Path(two_sets.data_path, "Train/A")
    for part, suffix in (("images", ".jpg"), ("masks", ".png")):
        shutil.copy(folder / part / f"train_001{suffix}", folder / part / f"a_copy{suffix}")
    if extra:
        shutil.copy(folder / "images/train_001.jpg", folder / "../B/images/train_000.jpg")
    config = dataclasses.replace(two_sets, datasets=["A"], extra=extra, seed=7, batch_size=3)
    data = TrainingData(config, None, {"datasets": ["A"], "validation": ["A/train_001", "A/train_004"]})
    assert sorted(names(data.validation)) == sorted(f"A/{stem}" for stem in [*held_out, "train_004"])
    said = "1 of 3 validation images may be among the training images of" in capsys.readouterr().out
    assert said == (not extra)  # the copy
    last = {"files": data.files, "validation": names(data.validation)}
    assert TrainingData(config, last, {}).validation == data.validation


def test_a_twin_of_a_twin_comes_to_the_same_side(two_sets):
    """The first and the third differ too much to be twins."""
    folder, texture = Path(two_sets.data_path, "Train/A"), np.random.default_rng(0).integers(30, 220, (8, 12, 3))
    for name, brighter in (("x", 0), ("y", 4), ("z", 8)):
        image = np.kron(texture + brighter, np.ones((8, 8, 1))).astype(np.uint8)
        write_image(folder / f"images/{name}.png", image)
        shutil.copy(folder / "masks/train_001.png", folder / f"masks/{name}.png")
    before = {"datasets": ["A"], "validation": ["A/z"]}
    data = TrainingData(dataclasses.replace(two_sets, datasets=["A"]), None, before)
    assert names(data.validation) == ["A/x", "A/y", "A/z"]


FIRST = {"datasets": ["A"], "validation": ["A/2"]}


@pytest.mark.parametrize("trained, seen", [
    (FIRST, ["A/1"]), ({"datasets": ["B"], "before": [FIRST]}, ["A/1"]), ({"averaged": [FIRST]}, ["A/1"]),
    ({"datasets": ["A"]}, ["A/1", "A/2"]), ({"datasets": ["B"]}, []), ({}, []),
])  # fmt: skip
def test_what_earlier_trainings_may_have_seen(trained, seen):
    pairs = [Pair("A", stem, Path(), Path()) for stem in "12"]
    assert [pair.name for pair in pairs if may_have_seen(trained, pair)] == seen


def test_resumption_sees_any_change_of_a_file(two_sets):
    files, folder = TrainingData(two_sets, None, {}).files, Path(two_sets.data_path, "Train/B")
    for path in (folder / "images/train_001.jpg", folder / "masks/train_003.png"):
        old = path.read_bytes()
        path.write_bytes(old[:-1] + bytes([old[-1] ^ 1]))
        with pytest.raises(ValueError, match=rf", 1 pair\(s\): B/{path.stem}; restore the old"):
            TrainingData(two_sets, {"files": files}, {})
        path.write_bytes(old)
    assert TrainingData(two_sets, {"files": files, "validation": []}, {}).files == files
    with pytest.raises(ValueError, match=r"was trained on other images than .* has, 6 pair\(s\): B/train_000, "):
        TrainingData(dataclasses.replace(two_sets, datasets=["A"]), {"files": files}, {})
