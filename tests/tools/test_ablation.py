import json
import shutil

import numpy as np
import pytest

from ran.evaluation.scores import MethodScores, read_scores
from ran.tools import ablation
from ran.tools.averages import average, spread, together
from ran.tools.options import AblationOptions
from ran.trainer import Trainer
from tests.small import TINY

RECIPE = f"arch: {TINY}\npretrained: none\nimg_size: 64\nval_share: 0.34\nepochs: 1\nnum_workers: 0\n"
TWO_ROWS = "baseline: {attention: none, connectivity: false}\nfull:\n"


@pytest.fixture
def options(dataset, tmp_path) -> AblationOptions:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "variants.yaml").write_text(TWO_ROWS)
    shutil.copytree(dataset, tmp_path / "data")
    return AblationOptions(
        recipe=str(tmp_path / "recipe.yaml"), data_path=str(tmp_path / "data"), model_path=str(tmp_path / "out"),
        variants=str(tmp_path / "variants.yaml"), device="cpu", folds=[0],
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch) -> list:
    """Options of the trainings that an ablation asks for; none is done."""
    configs = []

    def scores_of(config, _):
        configs.append(config)
        return [scores("", {str(config.fold): 0.1}, f"SAMPLE_fold{config.fold}")]

    monkeypatch.setattr(ablation, "scores_of", scores_of)
    return configs


def scores(method: str, maes: dict[str, float], dataset: str = "SET") -> MethodScores:
    rows = [{"name": name, "mae": mae} for name, mae in maes.items()]
    mean = sum(maes.values()) / len(maes)
    totals = dict.fromkeys(ablation.COLUMNS, mean) | {"images": len(rows)}
    return MethodScores(method, dataset, totals, rows, np.full((3, 256), mean))


@pytest.mark.slow
def test_a_stopped_ablation_goes_on_and_trains_nothing_twice(options, tmp_path, monkeypatch, capsys):
    train, folder = Trainer.train, tmp_path / "out"
    monkeypatch.setattr(Trainer, "train", lambda self: 143 if "full" in str(self.folder) else train(self))
    assert ablation.run(options) == 143
    assert [one.method for one in read_scores(folder)] == ["baseline"]
    first = (folder / "baseline/seed42/scores.json").stat().st_mtime_ns
    monkeypatch.setattr(Trainer, "train", train)
    assert ablation.run(options) == 0
    assert (folder / "baseline/seed42/scores.json").stat().st_mtime_ns == first
    assert (text := (folder / "ablation.md").read_text()) in capsys.readouterr().out and "| full | 1 | " in text

    monkeypatch.setattr(Trainer, "train_epoch", None)  # nothing is trained again
    shutil.copytree(tmp_path / "data/SAMPLE", tmp_path / "data/ANOTHER")
    entry = json.loads((path := folder / "full/seed42/scores.json").read_text())
    del entry["scores"][0]["trained"]["config"]["loss_weights"]  # as if the option were newer than the folder
    path.write_text(json.dumps(entry))
    assert ablation.run(options) == 0
    assert [one.dataset for one in read_scores(folder)] == ["ANOTHER"] * 2 + ["SAMPLE"] * 2
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("epochs: 1", "epochs: 2"))
    with pytest.raises(ValueError, match="baseline/seed42 was trained with another epochs: remove it, or rename"):
        ablation.run(options)


def test_every_row_is_the_network_it_names_and_test_images_choose_nothing(options, asked, tmp_path):
    options.variants, options.folds, options.seeds = "", AblationOptions().folds, [1, 2, 1]
    shutil.rmtree(tmp_path / "data/SAMPLE")
    assert ablation.run(options) == 0
    assert [(config.seed, config.fold) for config in asked] == [*zip([1] * 30 + [2] * 30, [1, 2, 3, 4, 5] * 12)]
    assert [(config.attention, config.connectivity) for config in asked[:30:5]] == [
        ("none", False), ("none", True), ("normal", False), ("reverse", False), ("separated", False),
        ("separated", True),
    ]  # fmt: skip
    assert {(config.img_size, config.epochs, config.arch, config.resume) for config in asked} == {(64, 1, TINY, True)}
    assert {one.dataset for one in read_scores(tmp_path / "out")} == {"SAMPLE_fold1+2+3+4+5"}
    assert "| baseline | 2 | .1000 ± .0000 | " in (tmp_path / "out/ablation.md").read_text()


def test_variants_of_a_file_are_rows(options, asked, tmp_path):
    options.folds = [1]
    text = "paper:\ncycle: {lr: 1e-3}\nloss: {lr: 1e-3, loss_weights: [0.5, 1, 4], against: cycle}\n"
    (tmp_path / "variants.yaml").write_text(text)
    assert ablation.run(options) == 0
    assert [config.model_path.rsplit("out/")[1] for config in asked] == [
        f"{name}/seed42_fold1" for name in ("paper", "cycle", "loss")
    ]
    assert [config.lr for config in asked][1:] == [1e-3] * 2 != [asked[0].lr] * 2
    assert asked[2].loss_weights == [0.5, 1, 4] != asked[1].loss_weights
    assert "| loss | 1 | " in (last := (tmp_path / "out/ablation.md").read_text()) and last.startswith("SAMPLE_fold1,")


def test_rows_are_compared_with_the_first_or_the_one_they_name():
    rows = {name: [scores(name, {"1": mae, "2": mae + 0.1})] for name, mae in (("a", 0.1), ("b", 0.2), ("c", 0.5))}
    cells = [line.split(" | ") for line in ablation.table(rows, {}).splitlines()[4:]]
    assert cells[1][:3] == ["| b", "1", ".2500"] and [one[-1] for one in cells] == [
        " |", "+0.1000 ± 0.0000 |", "+0.4000 ± 0.0000 |",
    ]  # fmt: skip
    assert "| b: +0.3000 ± 0.0000 |" in ablation.table(rows, {"c": "b"})


def test_folds_are_one_set_and_seeds_are_averaged():
    whole = together([scores("a", {"1": 0.1, "2": 0.2}, "S_fold1"), scores("a", {"3": 0.6}, "S_fold3")])
    assert (whole.dataset, whole.totals["images"]) == ("S_fold1+3", 3)
    assert [row["name"] for row in whole.rows] == ["1", "2", "3"]
    assert whole.totals["mae"] == pytest.approx(0.3) and whole.curves == pytest.approx(0.3)  # over images, not folds
    mean = average("a", [scores("a", {"1": 0.1, "2": 0.2}), scores("a", {"2": 0.4, "1": 0.3})])
    assert mean.totals["mae"] == pytest.approx(0.25) and mean.totals["images"] == 2
    assert [row["mae"] for row in mean.rows] == pytest.approx([0.2, 0.3]) and mean.curves == pytest.approx(0.25)
    assert (spread([0.1, 0.3]), spread([0.1])) == (".2000 ± .1414", ".1000")


@pytest.mark.parametrize("change, message", [
    ({"seeds": [1, -1]}, "--seeds are 0 or more"),
    ({"folds": [0, 1]}, "--folds are 1 to 5, or 0 alone for the test sets"), ({"folds": [6]}, "--folds are 1 to"),
    ({"datasets": ["DUT"]}, "no DUT with test images"),
    ("fast: {lr: 1, against: slow}", "no row slow; there are fast"),
    ("fast: {lr: 1, fold: 2}", "variants.yaml, fast: a row maps options to values"),
    ("fast: [1]", "variants.yaml, fast: a row maps"),
])  # fmt: skip
def test_mistakes_are_named_before_anything_is_trained(options, asked, tmp_path, change, message):
    if isinstance(change, str):
        (tmp_path / "variants.yaml").write_text(change)
        change = {}
    with pytest.raises((ValueError, OSError), match=message):
        ablation.run(AblationOptions(**vars(options) | change))
    assert not asked and not (tmp_path / "out").exists()
