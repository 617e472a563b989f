"""evaluate on real files: right folders score, broken ones are told apart by name."""

import shutil

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from ran.data.images import write_image
from ran.data.masks import read_map, read_mask
from ran.evaluation.metrics import COLUMNS, SetScore, score_image
from ran.evaluation.scores import read_scores
from ran.tools import evaluate
from ran.tools.options import EvaluateOptions


@pytest.fixture
def options(saved_maps, dataset, tmp_path) -> EvaluateOptions:
    """One method whose folder a test may break."""
    maps = shutil.copytree(saved_maps["good"], tmp_path / "maps")
    return EvaluateOptions(maps=[f"method={maps}"], data_path=str(dataset), output=str(tmp_path / "out"))


def test_scores_are_those_of_score_image(evaluated, saved_maps, dataset):
    good, small = read_scores(evaluated)
    for one, folder in ((good, saved_maps["good"]), (small, saved_maps["small"])):
        expected = []
        for path in folder.iterdir():
            mask = read_map(dataset / "SAMPLE/Test/masks" / path.name)
            expected.append(score_image(path.stem, cv2.resize(read_map(path), mask.shape[::-1]), mask))
        whole = SetScore(expected)
        assert one.dataset == "SAMPLE" and one.totals == pytest.approx(whole.totals())
        assert len(one.rows) == 3 and one.rows[0] == pytest.approx(whole.rows[0])
        assert set(COLUMNS) <= one.totals.keys()


def test_the_dataset_folder_is_optional_and_polarity_can_be_said(saved_maps, dataset, tmp_path, capsys):
    for source, target in ((dataset / "SAMPLE/Test/masks", "gt"), (saved_maps["good"], "flipped")):
        for path in source.iterdir():
            write_image(tmp_path / target / path.name, 255 - read_map(path))
    gt = {"gt": str(tmp_path / "gt"), "white": "blurred", "output": str(tmp_path / "out")}
    maps = [str(saved_maps["good"]), f"b={tmp_path / 'flipped'}"]  # a folder alone brings its name
    evaluate.run(EvaluateOptions(maps=maps, blurred_maps=["b"], **gt))
    out = capsys.readouterr().out
    assert "gt, 3 images" in out and "\nP3 IoU ↑ " in out
    good, flipped = read_scores(tmp_path / "out")
    assert good.totals == flipped.totals and good.totals["mae"] < 0.2 and "warning" not in out
    assert good.method == "good" and flipped.about["white"] == {"maps": "blurred", "masks": "blurred"}
    evaluate.run(EvaluateOptions(maps=maps, **gt))
    assert "warning: b on gt looks inverted: MAE 0." in (out := capsys.readouterr().out) and "good looks" not in out


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


@pytest.mark.parametrize("name, mask, suffixes, cut, traits", [
    ("{}", "{}", (".mat", ".npy", ".png"), 0, []), ("{}_pred", "{}", (".mat", ".npy", ".png"), 0, []),
    ("pred_{}", "{}", (".png", ".npy", ".png"), 0, []), ("{}", "{}_gt", (".mat", ".png", ".png"), 0, []),
    ("{}", "{}", (".png", ".png", ".png"), 99, ["two levels"]), ("{}", "{}", (".jpg", ".jpg", ".jpg"), 0, ["JPEG"]),
    ("{}", "{}", (".jpg", ".png", ".png"), 0, []),
])  # fmt: skip
def test_files_may_be_arrays_and_have_a_prefix_or_suffix_and_what_all_maps_share_is_known(
    options, evaluated, dataset, tmp_path, name, mask, suffixes, cut, traits
):
    for path, suffix in zip(sorted((tmp_path / "maps").iterdir()), suffixes):
        levels, truth = read_map(path), read_map(dataset / "SAMPLE/Test/masks" / path.name)
        write_image(tmp_path / "gt" / f"{mask.format(path.stem)}.png", truth)
        path.unlink()
        target = path.with_name(name.format(path.stem) + suffix)
        if suffix in (".npy", ".mat"):
            np.save(target, levels / 255) if suffix == ".npy" else savemat(target, {"map": levels})
        else:
            write_image(target, np.uint8(levels > cut) * 255 if cut else levels)
    write_image(tmp_path / "maps/xxxx_test_006.png", levels)  # of no mask, and as long as with the prefix
    options.gt, options.datasets = str(tmp_path / "gt"), ["SAMPLE"]
    evaluate.run(options)
    (one,) = read_scores(tmp_path / "out")
    assert one.about["traits"] == traits
    assert cut or ".jpg" in suffixes or one.totals == read_scores(evaluated)[0].totals


@pytest.mark.parametrize("spoil, message", [
    (lambda path: path.unlink(), "maps: 1 of 3 masks have no map here: test_006.png\nmaps may all share"),
    (lambda path: path.write_bytes(path.read_bytes()[:300]), r"1 map.s. cannot be used:\n  \S*test_006.png: not"),
    (lambda path: write_image(path, np.full((64, 96, 3), (200, 30, 90), np.uint8)), "test_006.png: .*colours: a map"),
    (lambda path: write_image(path, np.zeros((96, 64), np.uint8)), "test_006.png: its sides are those of the mask"),
], ids=["missing", "truncated", "colours", "swapped sides"])  # fmt: skip
def test_missing_and_unusable_maps_are_named(options, tmp_path, spoil, message):
    spoil(tmp_path / "maps/test_006.png")
    with pytest.raises(ValueError, match=message):
        evaluate.run(options)
    assert not (tmp_path / "out").exists()


def test_all_methods_tell_what_masks_have_as_suffix_and_are_named_at_once(dataset, saved_maps, tmp_path):
    for path in (dataset / "SAMPLE/Test/masks").iterdir():
        write_image(tmp_path / f"gt/{path.stem}_gt.png", read_mask(path))
    for name in "ab":
        shutil.copytree(saved_maps["good"], tmp_path / name)
    (tmp_path / "a/test_006.png").unlink()
    (tmp_path / "b/test_007.png").rename(tmp_path / "b/other.png")
    options = EvaluateOptions(maps=[str(tmp_path / name) for name in "ab"], gt=str(tmp_path / "gt"))
    message = (
        "a: 1 of 3 masks have no map here: test_006_gt.png\n.*/b: 1 of 3 .*_007_gt.png; maps without a mask: other.png"
    )
    with pytest.raises(ValueError, match=message):
        evaluate.run(options)


def test_maps_of_0_and_1_are_refused_but_not_one_dark_map_and_maps_without_a_mask_are_named(options, tmp_path, capsys):
    dark = np.eye(64, 96, dtype=np.uint8)
    for name in ("extra", "test_006"):
        write_image(tmp_path / f"maps/{name}.png", dark)
    write_image(path := tmp_path / "maps/test_007.png", cv2.resize(read_map(path), (48, 32)))
    evaluate.run(options)
    (one,), out = read_scores(tmp_path / "out"), capsys.readouterr().out
    resized = "maps of another size than their mask, resized bilinearly (1): test_007.png: 48 x 32 to 96 x 64\n"
    assert one.totals["images"] == 3 and f"method on SAMPLE: {resized}" in out
    assert "method on SAMPLE: maps without a mask, not scored (1): extra.png\n" in out
    for path in (tmp_path / "maps").iterdir():
        write_image(path, dark)
    for options.blurred_maps in (["method"], []):
        with pytest.raises(ValueError, match="maps: no map has a level above 1 of 255; save 1 as 255"):
            evaluate.run(options)
