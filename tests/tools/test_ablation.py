import csv
import shutil
from pathlib import Path

import pytest

from ran.evaluation.scores import MethodScores, read_scores
from ran.tools import ablation
from ran.tools.options import AblationOptions
from ran.trainer import Trainer
from ran.utils.options import TrainConfig
from tests.small import TINY

COMMON = f"common: {{arch: {TINY}, pretrained: none, img_size: 64, val_share: 0.34, epochs: 1, num_workers: 0}}\n"
ROWS = "baseline: {attention: none, lr: 1e-3, loss_weights: [0.5, 1, 4]}\nfull:\n"


@pytest.fixture
def options(dataset, tmp_path, monkeypatch) -> AblationOptions:
    monkeypatch.chdir(tmp_path)
    Path("variants.yaml").write_text(COMMON + ROWS)
    shutil.copytree(dataset, "data")
    return AblationOptions(data_path="data", model_path="out", variants="variants.yaml", device="cpu", folds=[0])


def scores(method: str, maes: dict[str, float], dataset: str = "SET") -> MethodScores:
    return ablation.of_images(
        method, dataset, [{"name": x} | dict.fromkeys(ablation.COLUMNS, y) for x, y in maes.items()]
    )


@pytest.mark.slow
def test_a_stopped_ablation_goes_on_and_trains_nothing_twice(options, monkeypatch, capsys):
    train, done = Trainer.train, Path("out/baseline/seed42")
    monkeypatch.setattr(Trainer, "train", lambda self: 143 if "full" in str(self.folder) else train(self))
    with pytest.raises(SystemExit, match="143"):
        ablation.run(options)
    config = read_scores(done)[0].about["trained"]["config"]
    assert config == config | {"attention": "none", "lr": 1e-3, "loss_weights": [0.5, 1, 4]}
    first = (done / "scores.json").stat().st_mtime_ns
    monkeypatch.setattr(Trainer, "train", train)
    ablation.run(options)
    assert (done / "scores.json").stat().st_mtime_ns == first
    assert (text := Path("out/ablation.md").read_text()) in capsys.readouterr().out and "| full | 1 | " in text
    monkeypatch.setattr(Trainer, "train_epoch", None)  # nothing is trained again
    (done / "best_model.safetensors").touch()  # but other weights are tested anew
    ablation.run(options)
    assert (done / "scores.json").stat().st_mtime_ns > first
    shutil.copytree("data/SAMPLE", "data/ANOTHER")
    asked, scores_of = [], ablation.scores_of
    monkeypatch.setattr(ablation, "scores_of", lambda *of: asked.append(of) or scores_of(*of))
    ablation.run(options)
    assert [scored.dataset for scored in scores_of(asked[0][0], {"SAMPLE"})] == ["SAMPLE"]
    of_sets = [line["set"] for line in csv.DictReader(Path("out/scores.csv").read_text().splitlines())]
    assert sorted(set(of_sets)) == ["ANOTHER", "SAMPLE"] and of_sets.count("ANOTHER") == of_sets.count("SAMPLE")
    Path("variants.yaml").write_text(COMMON.replace("}", ", clip: 1}") + ROWS)
    with pytest.raises(ValueError, match="clip 2.0 .now 1.0.: resume with the same options"):
        ablation.run(options)


def test_every_row_is_the_network_it_names_and_test_images_choose_nothing(options, monkeypatch):
    asked, of = [], lambda fold: [scores("", {str(fold): 0.1}, f"SAMPLE_fold{fold}")]
    monkeypatch.setattr(ablation, "scores_of", lambda config, _: asked.append(config) or of(config.fold))
    options.folds, options.seeds = AblationOptions().folds, [1, 2, 1]
    Path("variants.yaml").write_text(COMMON + ablation.PARTS.read_text())
    shutil.rmtree("data/SAMPLE")
    ablation.run(options)
    assert [(config.seed, config.fold) for config in asked] == [*zip([1] * 30 + [2] * 30, [1, 2, 3, 4, 5] * 12)]
    alone = [(attention, False) for attention in ("normal", "reverse", "separated")]
    rows = [("none", False), ("none", True), *alone, ("separated", True)]
    assert [(config.attention, config.connectivity) for config in asked[:30:5]] == rows
    assert len({config.model_path for config in asked}) == 60
    assert {(config.img_size, config.epochs, config.arch, config.resume) for config in asked} == {(64, 1, TINY, True)}
    assert "| baseline | 2 | .1000 ± .0000 | " in (text := Path("out/ablation.md").read_text())
    assert text.startswith("SAMPLE_fold1+2+3+4+5, 5 images;")


def test_with_a_fold_no_set_is_scored_that_trains_or_validates_whole(tmp_path, dataset):
    for name in ("MAIN", "EXTRA", "VAL"):
        shutil.copytree(dataset / "Train/SAMPLE", tmp_path / "Train" / name)
    rows = [TrainConfig(data_path=str(tmp_path), val="VAL"), TrainConfig(data_path=str(tmp_path), extra=["EXTRA"])]
    assert ablation.scored_sets(2, rows) == {"MAIN_fold2"}


def test_rows_are_compared_with_the_first_and_seeds_are_averaged():
    rows = {name: [scores(name, {"1": mae, "2": other})] for name, mae, other in (("a", 0.1, 0.2), ("b", 0.2, 0.7))}
    title, _, head, _, *lines = ablation.table(rows).splitlines()
    assert title.startswith("SET, 2 images;") and head.endswith(" | MAE − that of a |")
    assert lines[0].startswith("| a | 1 | .1500 | ") and lines[0].endswith(" |  |")
    assert lines[1].startswith("| b | 1 | .4500 | ") and lines[1].endswith(" | +0.3000 ± 0.2000 |")
    mean = ablation.mean_of([scores("a", {"1": 0.1, "2": 0.2}), scores("a", {"1": 0.3, "2": 0.4})])
    assert mean.totals["mae"] == pytest.approx(0.25) and mean.totals["images"] == 2
    assert [row["mae"] for row in mean.rows] == pytest.approx([0.2, 0.3])
    assert (ablation.spread([0.1, 0.3]), ablation.spread([0.1])) == (".2000 ± .1414", ".1000")
