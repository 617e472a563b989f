"""evaluate on real files: right folders score, broken ones are told apart by name."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from ran.data.images import write_image
from ran.evaluation.metrics import COLUMNS, SetScore, score_image
from ran.evaluation.scores import read_scores
from ran.tools import evaluate
from ran.tools.options import EvaluateOptions


@pytest.fixture
def options(saved_maps, dataset, tmp_path) -> EvaluateOptions:
    """One method whose folder a test may break."""
    maps = shutil.copytree(saved_maps["good"], tmp_path / "maps")
    return EvaluateOptions(maps=[f"method={maps}"], data_path=str(dataset), output=str(tmp_path / "out"))


def grey(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


@pytest.mark.parametrize("suffixes, cut, traits", [
    ([".png"] * 3, 99, ["two levels"]), ([".png"] * 3, 0, []), ([".jpg"] * 3, 0, ["JPEG"]),
    ([".jpg", ".png", ".png"], 0, []),
])  # fmt: skip
def test_what_all_maps_share_is_known(options, tmp_path, suffixes, cut, traits):
    for path, suffix in zip(sorted((tmp_path / "maps").iterdir()), suffixes):
        levels = np.where(grey(path) > cut, 255, 0) if cut else grey(path)
        path.unlink()
        write_image(path.with_suffix(suffix), levels.astype(np.uint8))
    evaluate.run(options)
    assert read_scores(tmp_path / "out")[0].about["traits"] == traits


def test_a_map_without_a_mask_is_named(options, tmp_path, capsys):
    shutil.copy(tmp_path / "maps/test_006.png", tmp_path / "maps/extra.png")
    evaluate.run(options)
    assert "method on SAMPLE: maps without a mask, not scored (1): extra.png\n" in capsys.readouterr().out
    assert read_scores(tmp_path / "out")[0].about["notes"] == {"extra": ["extra.png"]}


def test_scores_are_those_of_score_image(evaluated, saved_maps, dataset):
    scores = {one.method: one for one in read_scores(evaluated)}
    assert list(scores) == ["good", "small"]
    for name, folder in saved_maps.items():
        expected = []
        for path in sorted(folder.iterdir()):
            mask = grey(dataset / "SAMPLE/Test/masks" / path.name)
            expected.append(score_image(path.stem, cv2.resize(grey(path), mask.shape[::-1]), mask))
        one, whole = scores[name], SetScore(expected)
        assert one.dataset == "SAMPLE" and one.totals == pytest.approx(whole.totals())
        assert [row["name"] for row in one.rows] == [row["name"] for row in whole.rows]
        assert one.rows[0] == pytest.approx(whole.rows[0])
    resized = scores["small"].about["notes"]["resized"]
    assert len(resized) == 3 and "48 x 32 to 96 x 64" in resized[0]
    assert not scores["good"].about["notes"] and set(COLUMNS) <= scores["good"].totals.keys()


def test_the_dataset_folder_is_optional_and_polarity_can_be_said(saved_maps, dataset, tmp_path, capsys):
    for source, target in ((dataset / "SAMPLE/Test/masks", "gt"), (saved_maps["good"], "flipped")):
        for path in source.iterdir():
            write_image(tmp_path / target / path.name, 255 - grey(path))
    gt = {"gt": str(tmp_path / "gt"), "white": "blurred", "output": str(tmp_path / "out")}
    maps = [str(saved_maps["good"]), f"b={tmp_path / 'flipped'}"]  # a folder alone brings its name
    evaluate.run(EvaluateOptions(maps=maps, blurred_maps=["b"], **gt))
    out = capsys.readouterr().out
    assert "gt, 3 images" in out and " P3 F ↑  P3 IoU ↑  " in out and "P0: F of the part in focus" in out
    good, flipped = read_scores(tmp_path / "out")
    assert good.totals == flipped.totals and good.totals["mae"] < 0.2 and "warning" not in out
    assert good.method == "good" and flipped.about["white"] == {"maps": "blurred", "masks": "blurred"}
    evaluate.run(EvaluateOptions(maps=maps, **gt))
    out = capsys.readouterr().out
    assert "warning: b on gt looks inverted: MAE 0." in out and "good looks" not in out
    assert "use --blurred_maps (in the masks of --gt: --white)" in out


def test_several_sets_stand_in_one_table(options, dataset, tmp_path, capsys):
    for name in ("A", "B"):
        shutil.copytree(dataset / "SAMPLE/Test", tmp_path / "data" / name / "Test")
        shutil.copytree(tmp_path / "maps", tmp_path / "of_sets" / name)
    write_image(tmp_path / "data/B/Test/masks/test_006.png", np.zeros((64, 96), np.uint8))
    options.data_path, options.maps = str(tmp_path / "data"), [f"method={tmp_path / 'of_sets'}"]
    evaluate.run(options)
    out = capsys.readouterr().out
    assert "A, 3 images; B, 3 images\nmethod  A MAE ↓  " in out
    assert "B: 1 image(s) have one class only; an F without positives counts as 0" in out
    assert [one.dataset for one in read_scores(tmp_path / "out")] == ["A", "B"]
    shutil.rmtree(tmp_path / "of_sets/A")
    with pytest.raises(FileNotFoundError, match="of_sets/A: no such folder; with several sets, each needs a"):
        evaluate.run(options)
    options.datasets = ["B"]
    evaluate.run(options)
    assert [one.dataset for one in read_scores(tmp_path / "out")] == ["B"]


@pytest.mark.parametrize("name, mask", [("{}", "{}"), ("{}_pred", "{}"), ("pred_{}", "{}"), ("{}", "{}_gt")])
def test_files_may_be_arrays_and_have_a_prefix_or_suffix(options, evaluated, dataset, tmp_path, name, mask):
    maps = (tmp_path / "maps").rename(tmp_path / "old")
    for number, path in enumerate(sorted(maps.iterdir())):
        target, levels = tmp_path / "maps" / name.format(path.stem), grey(path)
        write_image(target.with_suffix(".png"), levels)
        if number < 2:
            target.with_suffix(".png").unlink()
            np.save(target, levels / 255) if number else savemat(target.with_suffix(".mat"), {"map": levels})
        truth = grey(dataset / "SAMPLE/Test/masks" / path.name)
        write_image(tmp_path / "gt" / f"{mask.format(path.stem)}.png", truth)
    options.gt, options.datasets = str(tmp_path / "gt"), ["SAMPLE"]
    evaluate.run(options)
    (one,) = read_scores(tmp_path / "out")
    assert one.totals == read_scores(evaluated)[0].totals and not one.about["notes"]


@pytest.mark.parametrize("spoil, message", [
    (lambda path: path.unlink(), "maps: 1 mask.s. have no map here: test_006.png; it has test_007.png"),
    (lambda path: path.write_bytes(path.read_bytes()[:300]), r"1 map.s. cannot be used:\n  \S*test_006.png: not"),
    (lambda path: write_image(path, np.full((64, 96, 3), (200, 30, 90), np.uint8)), "test_006.png: .*colours: a map"),
    (lambda path: write_image(path, np.zeros((96, 64), np.uint8)), "test_006.png: its sides are those of the mask"),
], ids=["missing", "truncated", "colours", "swapped sides"])  # fmt: skip
def test_missing_and_unusable_maps_are_named(options, tmp_path, spoil, message):
    spoil(tmp_path / "maps/test_006.png")
    with pytest.raises(ValueError, match=message):
        evaluate.run(options)
    assert not (tmp_path / "out").exists()


def test_maps_of_0_and_1_are_refused_but_not_one_dark_map(options, tmp_path):
    write_image(tmp_path / "maps/test_006.png", np.eye(64, 96, dtype=np.uint8))
    evaluate.run(options)
    assert read_scores(tmp_path / "out")[0].totals["images"] == 3
    for path in (tmp_path / "maps").iterdir():
        write_image(path, np.eye(64, 96, dtype=np.uint8))
    for options.blurred_maps in (["method"], []):
        with pytest.raises(ValueError, match="maps: no map has a level above 1 of 255; save 1 as 255"):
            evaluate.run(options)


@pytest.mark.parametrize("change, message", [
    ({"maps": []}, "--maps: write NAME=DIR or DIR for each method"),
    ({"maps": ["here="]}, "--maps here=: write NAME=DIR or DIR for each method"),
    ({"maps": ["a=/nowhere"]}, "/nowhere: no such folder"),
    ({"maps": ["a=TMP/maps", "a=TMP/maps"]}, "each name once"),
    ({"maps": ["photos=DATA/Train/SAMPLE/images"]}, "images: 3 mask.s. have no map here: .*; it has train_000.jpg"),
    ({"maps": ["none=TMP/empty"]}, "empty: 3 mask.s. have no map here: .*; it is empty"),
    ({"maps": ["photos=DATA"]}, "/SAMPLE/Test: a folder among the images"),
    ({"blurred_maps": ["other"]}, "other: no such method"),
    ({"datasets": ["DUT"]}, "no DUT with test images here"),
    ({"data_path": "TMP"}, "no data set with test images here"),
    ({"white": "blurred"}, "--white goes with --gt"),
    ({"gt": "DATA", "datasets": ["../x"]}, "'../x': a set's name"),
    ({"gt": "DATA", "datasets": ["A", "B"]}, "--datasets A B: --gt is the folder of one set"),
    ({"gt": "TMP/empty"}, "empty: no images"),
    ({"gt": "TMP/damaged"}, "test_006.png: not a readable image"),
    ({"maps": ["TMP/twice"]}, "twice: several files of one name: test_006.bmp, test_006.png"),
])  # fmt: skip
def test_mistakes_are_named(options, dataset, tmp_path, change, message):
    (tmp_path / "empty").mkdir()
    for name in ("damaged", "twice"):
        shutil.copytree(dataset / "SAMPLE/Test/masks", tmp_path / name)
    (tmp_path / "damaged/test_006.png").write_bytes(b"no mask")
    shutil.copy(tmp_path / "twice/test_006.png", tmp_path / "twice/test_006.bmp")
    text = json.dumps(change).replace("TMP", str(tmp_path)).replace("DATA", str(dataset))
    with pytest.raises((ValueError, OSError), match=message):
        evaluate.run(EvaluateOptions(**vars(options) | json.loads(text)))
    assert not (tmp_path / "out").exists()
