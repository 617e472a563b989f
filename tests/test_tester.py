import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ran.data import check, masks
from ran.data.masks import read_map
from ran.evaluation.scores import MethodScores, read_scores
from ran.predictor import SHIPPED, load_model
from ran.tester import Tester
from ran.tools import evaluate
from ran.tools.options import EvaluateOptions
from ran.trainer import Trainer
from ran.utils.options import TestConfig as EvaluationConfig


@pytest.fixture
def tester(run_folder, dataset) -> Callable[..., Tester]:
    """A Tester of the short training on the small data set, without a report, unless told otherwise."""
    shared = {"data_path": dataset, "model_path": run_folder, "report": False, "num_workers": 0, "device": "cpu"}
    return lambda **options: Tester(EvaluationConfig(**shared | options))


def scored_by(test: Tester) -> list[MethodScores]:
    test.test()
    return read_scores(test.folder)


@pytest.mark.slow
def test_files_go_beside_the_weights_or_to_the_output_maps_only_on_request(tester, run_folder, dataset, tmp_path):
    copy, out = shutil.copy(run_folder / "best_model.safetensors", tmp_path / "copy.safetensors"), tmp_path / "out"
    for options, folder in (({"model_path": run_folder / "best_model.safetensors"}, run_folder),
                            ({"model_path": copy}, tmp_path / "copy"),
                            ({"output": out, "save_map": True, "batch_size": 2, "img_size": 96, "num_workers": 2},
                             out)):  # fmt: skip
        (scores,) = scored_by(test := tester(report=True, **options))
        assert test.folder == folder and scores.method == ("copy" if folder.name == "copy" else "run")
        assert "data:image/webp" in (folder / "report/index.html").read_text()  # it shows maps that were not kept
        assert (folder / "maps").exists() == ("maps" in scores.folders) == (folder == out)
        assert not (folder / ".maps").exists()
    assert scores.about["img_size"] == 96 and Path(scores.folders["maps"]).resolve() == out / "maps/SAMPLE"
    predictor = load_model(run_folder, "cpu")
    for row, path in zip(scores.rows, sorted((dataset / "SAMPLE/Test/images").iterdir()), strict=True):  # as predict's
        focus_map = read_map(out / f"maps/SAMPLE/{path.stem}.png") / 255
        assert row["name"] == path.stem and abs(focus_map - predictor(path, size=96)).max() <= 1.5 / 255


@pytest.mark.slow
def test_masks_are_decoded_once_and_evaluate_gives_the_same_scores(tester, dataset, tmp_path, monkeypatch):
    """Beside the look at the start."""
    decoded, looked_at, read_levels = [], [], masks.read_levels
    for module, paths in ((masks, decoded), (check, looked_at)):
        reader = lambda path, *how, paths=paths, **more: paths.append(path) or read_levels(path, *how, **more)  # noqa: E731
        monkeypatch.setattr(module, "read_levels", reader)
    monkeypatch.setattr("ran.tester.cores_of_process", lambda: 1)  # the third map waits until the first is scored
    (ours,) = scored_by(tester(output=tmp_path / "out", save_map=True))
    assert len(decoded) == len(looked_at) == len(set(decoded)) == 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scores.json", "scores.csv", "maps"}
    maps, out = [f"saved={tmp_path / 'out/maps'}"], str(tmp_path / "evaluated")
    evaluate.run(EvaluateOptions(maps=maps, data_path=str(dataset), output=out))
    (saved,) = read_scores(out)
    assert ours.totals == saved.totals and ours.rows == saved.rows and np.array_equal(ours.curves, saved.curves)


def test_a_fold_is_scored_by_weights_that_have_not_seen_it(config, tester, run_folder, dataset, tmp_path):
    """No set that trained whole or validated is scored; nor is a fold that other files have changed."""
    data = tmp_path / "data"
    for name in ("MAIN", "MORE", "VAL"):
        shutil.copytree(dataset / "Train/SAMPLE", data / "Train" / name)
    config = dataclasses.replace(config, data_path=str(data), extra=["MORE"], val="VAL", fold=2, epochs=1, test_size=96)
    trainer = Trainer(config)
    trainer.train()
    options = {"data_path": data, "model_path": config.model_path, "fold": 2}
    (scores,) = scored_by(tester(**options))
    assert scores.dataset == "MAIN_fold2" and scores.about["img_size"] == 96
    left_out = {f"MAIN/{row['name']}" for row in scores.rows}
    assert len(left_out) == 1 and not left_out & set(trainer.data.names)
    for changed in ({"fold": 3}, {"model_path": run_folder}):
        with pytest.raises(ValueError, match="was trained on some of these images"):
            tester(**options | changed)
    tuned = {"model_path": str(tmp_path / "tuned"), "data_path": str(dataset), "extra": [], "val": ""}
    with pytest.raises(ValueError, match="was trained on these images"):
        Trainer(dataclasses.replace(config, **tuned, weights=str(run_folder)))
    for path in (data / "Train/MAIN").glob("*/train_000.*"):
        shutil.copy(path, path.with_stem("a"))
    with pytest.raises(ValueError, match="was trained on some of these images"):
        tester(**options)


def test_without_a_run_the_shipped_weights_are_tested(tester, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("runs/ran").mkdir(parents=True)
    Path("runs/ran/last.pt").touch()  # as while a first epoch trains
    with pytest.raises(ValueError, match=r"^runs/ran holds an unfinished training and no best_model.safetensors"):
        tester(model_path="")
    shutil.rmtree("runs/ran")
    (scores,) = scored_by(test := tester(model_path=""))
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"weights: {SHIPPED}, those of the repository, since runs/ran holds none")
    trained = scores.about["trained"]["config"]
    assert test.folder == Path("runs/shipped") / SHIPPED.stem and trained["augmentation"] == "strong"
    assert scores.method == SHIPPED.stem and scores.about["img_size"] == trained["test_size"] > trained["img_size"]
