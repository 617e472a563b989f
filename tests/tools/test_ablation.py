import json
import shutil
from pathlib import Path

import pytest

from ran.data.layouts import find_sets
from ran.evaluation.scores import read_scores
from ran.tools import ablation
from ran.tools.ablation import ROWS
from ran.tools.averages import average, spread
from ran.trainer import Trainer
from ran.utils.options import AblationOptions
from tests.small import TINY


@pytest.fixture
def options(config, tmp_path) -> AblationOptions:
    recipe = write_recipe(tmp_path / "recipe.yaml", epochs=1)
    return AblationOptions(
        recipe=recipe, data_path=config.data_path, model_path=str(tmp_path / "ablation"), num_workers=0, device="cpu",
        rows=["baseline", "full"], folds=[0],
    )  # fmt: skip


def write_recipe(path: Path, epochs: int) -> str:
    path.write_text(f"arch: {TINY}\npretrained: none\nimg_size: 64\nval_share: 0.34\nepochs: {epochs}\n")
    return str(path)


@pytest.mark.slow
def test_rows_are_trained_once_and_tabled(options, tmp_path, monkeypatch, capsys):
    options.seeds = [1, 2, 1]
    assert ablation.run(options) == 0
    text = (tmp_path / "ablation/ablation.md").read_text()
    assert text in capsys.readouterr().out
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert lines[0][:3] == ["row", "seeds", "MAE"] and [line[:2] for line in lines[2:]] == [
        ["baseline", "2"],
        ["full", "2"],
    ]
    runs = {row: [read_scores(tmp_path / f"ablation/{row}/seed{seed}")[0] for seed in (1, 2)] for row in options.rows}
    for row, line in zip(runs, lines[2:]):
        assert line[2] == spread([run.totals["mae"] for run in runs[row]]) and "±" in line[2]
        mean = sum(run.totals["mae"] for run in runs[row]) / 2
        assert average(row, runs[row]).totals["mae"] == pytest.approx(mean)
    assert lines[2][-1] == "" and "±" in lines[3][-1]
    assert [one.method for one in read_scores(tmp_path / "ablation")] == ["baseline", "full"]
    monkeypatch.setattr(Trainer, "train_epoch", None)  # nothing is trained again
    assert ablation.run(options) == 0
    write_recipe(tmp_path / "recipe.yaml", epochs=2)
    with pytest.raises(ValueError, match="baseline/seed1 was trained with another epochs: remove it, or rename"):
        ablation.run(options)


@pytest.mark.slow
def test_a_stopped_ablation_goes_on_with_the_row_it_was_in(options, tmp_path, monkeypatch):
    train = Trainer.train

    def stopped_in_the_second_row(self):
        return 143 if "full" in str(self.folder) else train(self)

    monkeypatch.setattr(Trainer, "train", stopped_in_the_second_row)
    assert ablation.run(options) == 143
    assert (tmp_path / "ablation/baseline/seed42/scores.json").exists()
    first = (tmp_path / "ablation/baseline/seed42/scores.json").stat().st_mtime_ns
    assert "| full |" not in (tmp_path / "ablation/ablation.md").read_text()
    monkeypatch.setattr(Trainer, "train", train)
    assert ablation.run(options) == 0
    assert "| full |" in (tmp_path / "ablation/ablation.md").read_text()
    assert (tmp_path / "ablation/baseline/seed42/scores.json").stat().st_mtime_ns == first


@pytest.mark.slow
def test_every_row_is_the_network_it_names(options, tmp_path):
    options.rows = list(ROWS)
    assert ablation.run(options) == 0
    for row, expected in ROWS.items():
        trained = json.loads((tmp_path / f"ablation/{row}/seed42/scores.json").read_text())["scores"][0]["trained"]
        wanted = {"attention": "separated", "connectivity": True} | expected
        assert {key: trained["model"][key] for key in wanted} == wanted


def test_mistakes_are_named_before_anything_is_trained(options, tmp_path):
    for change, message in (
        ({"rows": ["half"]}, "no row half"),
        ({"seeds": [1, -1]}, "--seeds start at 0"),
        ({"folds": [0, 1]}, "--folds are of 1 to 5, or 0 alone for the test sets"),
        ({"folds": [6]}, "--folds are of 1 to 5"),
        ({"datasets": ["DUT"]}, "no DUT with test images"),
    ):
        with pytest.raises((ValueError, OSError), match=message):
            ablation.run(AblationOptions(**vars(options) | change))
    assert not (tmp_path / "ablation").exists()


@pytest.mark.slow
def test_a_set_that_came_later_is_scored_by_every_row(options, dataset, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(dataset, data)
    options.data_path, options.datasets = str(data), []
    options.rows = ["baseline"]
    assert ablation.run(options) == 0
    shutil.copytree(data / "SAMPLE", data / "ANOTHER")
    options.rows = ["baseline", "full"]
    assert ablation.run(options) == 0
    scores = {(one.dataset, one.method): one.totals["mae"] for one in read_scores(tmp_path / "ablation")}
    assert list(scores) == [(name, row) for name in ("ANOTHER", "SAMPLE") for row in ("baseline", "full")]
    assert scores["ANOTHER", "full"] == scores["SAMPLE", "full"] != scores["SAMPLE", "baseline"]


def test_an_option_newer_than_the_folder_had_its_default(options, tmp_path):
    options.rows = ["baseline"]
    assert ablation.run(options) == 0
    scores = tmp_path / "ablation/baseline/seed42/scores.json"
    record = json.loads(scores.read_text())
    del record["scores"][0]["trained"]["config"]["loss_weights"]
    scores.write_text(json.dumps(record))
    assert ablation.run(options) == 0


VARIANTS = """
paper:
cycle: {schedule: onecycle, lr: 1e-3}
loss: {schedule: onecycle, lr: 1e-3, loss_weights: [0.5, 1, 4], against: cycle}
"""


@pytest.mark.slow
def test_variants_of_a_file_are_compared_with_the_rows_they_name(options, tmp_path, monkeypatch):
    (tmp_path / "variants.yaml").write_text(VARIANTS)
    options.variants, options.rows, options.folds = str(tmp_path / "variants.yaml"), [], [1]
    write_recipe(tmp_path / "recipe.yaml", epochs=2)
    assert ablation.run(options) == 0
    text = (tmp_path / "ablation/ablation.md").read_text()
    assert text.startswith("SAMPLE_fold1, 2 images")
    last = [line.split("|")[-2].strip() for line in text.splitlines() if line.startswith("|")][2:]
    assert last[0] == "" and last[1].startswith("paper: ") and last[2].startswith("cycle: ")
    trained = read_scores(tmp_path / "ablation/loss/seed42_fold1/fold1")[0].about["trained"]["config"]
    assert trained["loss_weights"] == [0.5, 1.0, 4.0] and trained["lr"] == 1e-3 and trained["fold"] == 1
    monkeypatch.setattr(Trainer, "train_epoch", None)  # nothing is trained again
    assert ablation.run(options) == 0
    (tmp_path / "variants.yaml").write_text(VARIANTS.replace("0.5", "0.7"))
    with pytest.raises(ValueError, match="was trained with another loss_weights"):
        ablation.run(options)


@pytest.mark.slow
def test_folds_left_out_in_turn_are_one_set(options, tmp_path, monkeypatch):
    options.folds = [1, 3]
    assert ablation.run(options) == 0
    assert (tmp_path / "ablation/ablation.md").read_text().startswith("SAMPLE_fold1+3, 3 images")
    for one in read_scores(tmp_path / "ablation"):
        runs = [tmp_path / f"ablation/{one.method}/seed42_fold{fold}" for fold in (1, 3)]
        folds = [read_scores(run / f"fold{fold}")[0] for run, fold in zip(runs, (1, 3))]
        assert one.rows == [row for fold in folds for row in fold.rows]
        for key in ("mae", "p0_f"):  # means over images, not over folds
            assert one.totals[key] == pytest.approx(sum(row[key] for row in one.rows) / 3)
    monkeypatch.setattr(Trainer, "train_epoch", None)
    assert ablation.run(options) == 0


@pytest.mark.slow
def test_without_a_word_the_test_images_choose_nothing(options, tmp_path, monkeypatch):
    options.folds, options.rows = AblationOptions().folds, ["full"]
    monkeypatch.setattr(
        "ran.tester.find_sets", lambda data, split, names: {"train": find_sets(data, split, names)}[split]
    )
    assert ablation.run(options) == 0
    (scores,) = read_scores(tmp_path / "ablation")
    assert scores.dataset == "SAMPLE_fold1+2+3+4+5" and len({row["name"] for row in scores.rows}) == 6


def test_mistakes_in_a_file_of_variants_are_named(options, tmp_path, capsys):
    path = tmp_path / "variants.yaml"
    options.variants, options.rows = str(path), []
    path.write_text("fast: {learning_rate: 1}")
    with pytest.raises(SystemExit):
        ablation.run(options)
    assert "variants.yaml, fast: error: unknown option --learning_rate" in capsys.readouterr().err
    for text, message in (
        ("fast: {lr: 1, against: slow}", "no row slow; there are fast"),
        ("fast: {lr: 1, fold: 2}", "variants.yaml, fast: a row maps options of its own to values"),
        ("fast: [1]", "variants.yaml, fast: a row maps"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            ablation.run(options)
