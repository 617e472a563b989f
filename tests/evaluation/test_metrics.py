import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import py_sod_metrics
import pytest

from ran.data.masks import read_mask
from ran.evaluation.metrics import COLUMNS, PROTOCOLS, SetScore, columns_of, score_image, totals


@pytest.fixture
def maps():
    """Three masks with noisy maps of them; one map does not use the whole range."""
    rng = np.random.default_rng(0)
    pairs = []
    for low, high in ((0, 255), (30, 200), (0, 255)):
        mask = np.zeros((48, 64), np.uint8)
        mask[10:40, rng.integers(5, 30) : 50] = 255
        noisy = cv2.GaussianBlur(mask, (0, 0), 4) * 0.7 + rng.normal(30, 25, mask.shape)
        pairs.append((np.interp(noisy, (0, 255), (low, high)).astype(np.uint8), mask))
    return pairs


def score(pairs) -> list[SetScore]:
    return [score_image(str(number), focus_map, mask) for number, (focus_map, mask) in enumerate(pairs)]


def naive_f(predicted: np.ndarray, truth: np.ndarray) -> float:
    hits = (predicted & truth).sum()
    if not hits:
        return 0.0
    precision, recall = hits / predicted.sum(), hits / truth.sum()
    return 1.3 * precision * recall / (0.3 * precision + recall)


def test_our_protocols_against_their_definitions(maps):
    result = totals(SetScore.of(score(maps)))
    ps = [(focus_map / 255, mask > 0) for focus_map, mask in maps]
    assert result["mae"] == pytest.approx(np.mean([np.abs(p - g).mean() for p, g in ps]))
    assert result["p0_f"] == pytest.approx(np.mean([max(naive_f(p >= t / 255, g) for t in range(256)) for p, g in ps]))
    assert result["p1_f"] == pytest.approx(np.mean([naive_f(p >= min(1.5 * p.mean(), 1), g) for p, g in ps]))
    assert result["p3_f"] == pytest.approx(np.mean([naive_f(p < 0.5, ~g) for p, g in ps]))
    inter = sum(((p < 0.5) & ~g).sum() for p, g in ps)
    union = sum(((p < 0.5) | ~g).sum() for p, g in ps)
    assert result["p3_iou"] == pytest.approx(inter / union)


def test_the_rest_is_pysodmetrics_digit_by_digit(maps):
    result = totals(SetScore.of(score(maps)))
    library = {"f": py_sod_metrics.FmeasureV2({"f": py_sod_metrics.FmeasureHandler(True, True, beta=0.3)}),
               "s": py_sod_metrics.Smeasure(), "e": py_sod_metrics.Emeasure(),
               "w": py_sod_metrics.WeightedFmeasure(), "mae": py_sod_metrics.MAE()}  # fmt: skip
    for focus_map, mask in maps:
        for metric in library.values():
            metric.step(focus_map, mask)
    results = {name: metric.get_results() for name, metric in library.items()}
    f = results["f"]["f"]
    assert result["p5_max_f"] == pytest.approx(f["dynamic"].max(), abs=1e-9)
    assert result["p5_mean_f"] == pytest.approx(f["dynamic"].mean(), abs=1e-9)
    assert result["p5_adaptive_f"] == pytest.approx(f["adaptive"], abs=1e-9)
    assert result["s"] == pytest.approx(results["s"]["sm"])
    assert result["e_max"] == pytest.approx(results["e"]["em"]["curve"].max())
    assert result["e_mean"] == pytest.approx(results["e"]["em"]["curve"].mean())
    assert result["p5_mae"] == pytest.approx(results["mae"]["mae"]) and result["p5_mae"] != result["mae"]
    assert result["weighted_f"] == pytest.approx(results["w"]["wfm"])


def test_a_perfect_map_and_its_inverse():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 255
    perfect, inverse = (totals(SetScore.of(score([(x, mask)]))) for x in (mask, 255 - mask))
    assert perfect["mae"] == 0
    assert all(perfect[key] == pytest.approx(1, abs=1e-6) for key in ("p0_f", "p1_f", "p3_f", "p3_iou", "s"))
    assert inverse["mae"] == 1
    assert inverse["p3_f"] == 0 and inverse["p3_iou"] == 0


@pytest.mark.parametrize("value, key", [(0, "all_blurred"), (255, "all_in_focus")])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_one_class_masks_and_flat_maps_are_finite_and_counted(value, key, level):
    mask = np.full((16, 20), value, np.uint8)
    result = totals(SetScore.of(score([(np.full_like(mask, level), mask)])))
    assert result["images"] == 1 and result[key] == 1
    assert all(np.isfinite(result[column]) for column in COLUMNS)
    assert result["mae"] == pytest.approx(abs(level - value) / 255)


def test_sizes_must_match_and_something_must_be_scored():
    with pytest.raises(ValueError, match="a: its map is"):
        score_image("a", np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="no image"):
        totals(SetScore())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_protocol_alone_gives_its_columns_unchanged(maps, protocol):
    columns = columns_of([protocol])
    assert columns[0] == "mae" and {COLUMNS[key].protocol for key in columns} == {"", protocol}
    scores = [score_image("a", focus_map, mask, columns) for focus_map, mask in maps]
    complete = totals(SetScore.of(score(maps)))
    assert {key: value for key, value in totals(SetScore.of(scores)).items() if key in COLUMNS} == {
        k: complete[k] for k in columns
    }
    assert set(scores[0].rows[0]) <= {"name", "in_focus", *columns}


def test_the_order_of_images_changes_no_bit(maps):
    scores = score([(np.roll(focus_map, 3 * turn), mask) for turn in range(20) for focus_map, mask in maps])
    orders = [scores, scores[::-1], [*scores[1::2], *scores[::2]]]
    one, *others = [SetScore.of(order) for order in orders]
    assert all(totals(one) == totals(other) for other in others)
    assert all(np.array_equal(one.curves, other.curves) and one.iou == other.iou for other in others)
    assert np.allclose(one.curves, np.mean([score.curves for score in scores], axis=0), atol=1e-12)


def test_an_unknown_protocol_is_named():
    with pytest.raises(ValueError, match="no protocol P9; known are P0, P1"):
        columns_of(["P0", "P9"])
    assert columns_of([]) == list(COLUMNS)


def test_the_curves_are_the_librarys(maps):
    handlers = {name: getattr(py_sod_metrics, f"{name}Handler")(True, False) for name in ("Precision", "Recall")}
    library = py_sod_metrics.FmeasureV2(handlers)
    for focus_map, mask in maps:
        library.step(focus_map, mask)
    precision, recall, f, _ = SetScore.of(score(maps)).curves
    assert np.allclose(precision, library.get_results()["Precision"]["dynamic"])
    assert np.allclose(recall, library.get_results()["Recall"]["dynamic"])
    library = py_sod_metrics.Emeasure()
    for score_of_one, (focus_map, mask) in zip(score(maps), maps):
        library.step(focus_map, mask)
        assert np.allclose(score_of_one.curves[3], library.changeable_ems[-1], atol=1e-12)
    assert f.max() == pytest.approx(totals(SetScore.of(score(maps)))["p5_max_f"])


SHARED = Path(os.environ.get("RAN_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.mark.skipif(not (SHARED / "maps/CUHK_test100/HiFST").is_dir(), reason="the published maps are not here")
def test_published_row_of_hifst():
    scores = []
    for path in sorted((SHARED / "maps/CUHK_test100/HiFST").glob("*.png")):
        mask = read_mask(SHARED / f"data/CUHK/gt/{path.stem}.png", white="blurred")
        focus_map = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        scores.append(score_image(path.stem, focus_map, mask, columns_of(["P0", "P3"])))
    result = totals(SetScore.of(scores))
    assert result["images"] == 100
    assert (round(result["mae"], 4), round(result["p3_f"], 4), round(result["p0_f"], 4)) == (0.2228, 0.8030, 0.8186)


@pytest.mark.parametrize("value", [0, 255])
def test_e_measure_of_one_class_is_the_librarys(value):
    mask = np.full((16, 20), value, np.uint8)
    focus_map = np.arange(320).reshape(16, 20).astype(np.uint8)
    library = py_sod_metrics.Emeasure()
    library.step(focus_map, mask)
    (one,) = score([(focus_map, mask)])
    assert np.allclose(one.curves[3], library.changeable_ems[0], atol=1e-12)


def test_scoring_imports_no_more_of_the_library_than_it_needs():
    """And leaves the package whole for whoever imports it after."""
    code = """
import sys
import ran.evaluation.metrics
assert not {"sklearn", "pandas", "py_sod_metrics"} & set(sys.modules)
import py_sod_metrics
assert py_sod_metrics.MAE and py_sod_metrics.ContextMeasure
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
