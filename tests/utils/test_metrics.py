import os
from pathlib import Path

import cv2
import numpy as np
import py_sod_metrics
import pytest

from utils.metrics import COLUMNS, Scorer, as_table
from utils.pictures import read_mask


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


def score(pairs) -> Scorer:
    scorer = Scorer()
    for number, (focus_map, mask) in enumerate(pairs):
        scorer.add(str(number), focus_map, mask)
    return scorer


def naive_f(predicted: np.ndarray, truth: np.ndarray) -> float:
    hits = (predicted & truth).sum()
    if not hits:
        return 0.0
    precision, recall = hits / predicted.sum(), hits / truth.sum()
    return 1.3 * precision * recall / (0.3 * precision + recall)


def test_our_protocols_against_their_definitions(maps):
    totals = score(maps).totals()
    ps = [(focus_map / 255, mask > 0) for focus_map, mask in maps]
    assert totals["mae"] == pytest.approx(np.mean([np.abs(p - g).mean() for p, g in ps]))
    assert totals["p0_f"] == pytest.approx(np.mean([max(naive_f(p >= t / 255, g) for t in range(256)) for p, g in ps]))
    assert totals["p1_f"] == pytest.approx(np.mean([naive_f(p >= min(1.5 * p.mean(), 1), g) for p, g in ps]))
    assert totals["p3_f"] == pytest.approx(np.mean([naive_f(p < 0.5, ~g) for p, g in ps]))
    inter = sum(((p < 0.5) & ~g).sum() for p, g in ps)
    union = sum(((p < 0.5) | ~g).sum() for p, g in ps)
    assert totals["p3_iou"] == pytest.approx(inter / union)


def test_the_rest_is_pysodmetrics_digit_by_digit(maps):
    totals = score(maps).totals()
    library = {"f": py_sod_metrics.FmeasureV2({"f": py_sod_metrics.FmeasureHandler(True, True, beta=0.3)}),
               "s": py_sod_metrics.Smeasure(), "e": py_sod_metrics.Emeasure(),
               "w": py_sod_metrics.WeightedFmeasure()}  # fmt: skip
    for focus_map, mask in maps:
        for metric in library.values():
            metric.step(focus_map, mask)
    results = {name: metric.get_results() for name, metric in library.items()}
    f = results["f"]["f"]
    assert totals["p5_max_f"] == pytest.approx(f["dynamic"].max(), abs=1e-9)
    assert totals["p5_mean_f"] == pytest.approx(f["dynamic"].mean(), abs=1e-9)
    assert totals["p5_adaptive_f"] == pytest.approx(f["adaptive"], abs=1e-9)
    assert totals["s"] == pytest.approx(results["s"]["sm"])
    assert totals["e_max"] == pytest.approx(results["e"]["em"]["curve"].max())
    assert totals["weighted_f"] == pytest.approx(results["w"]["wfm"])


def test_a_perfect_map_and_its_inverse():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 255
    perfect, inverse = score([(mask, mask)]).totals(), score([(255 - mask, mask)]).totals()
    assert perfect["mae"] == 0
    assert all(perfect[key] == pytest.approx(1, abs=1e-6) for key in ("p0_f", "p1_f", "p3_f", "p3_iou", "s"))
    assert inverse["mae"] == 1
    assert inverse["p3_f"] == 0 and inverse["p3_iou"] == 0


@pytest.mark.parametrize("value, key", [(0, "all_blurred"), (255, "all_in_focus")])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_one_class_masks_and_flat_maps_are_finite_and_counted(value, key, level):
    mask = np.full((16, 20), value, np.uint8)
    totals = score([(np.full_like(mask, level), mask)]).totals()
    assert totals["images"] == 1 and totals[key] == 1
    assert all(np.isfinite(totals[column]) for column in COLUMNS)
    assert totals["mae"] == pytest.approx(abs(level - value) / 255)


def test_sizes_must_match_and_something_must_be_scored():
    with pytest.raises(ValueError, match="a: its map is"):
        Scorer().add("a", np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="no image"):
        Scorer().totals()


def test_table_names_the_protocols(maps):
    text = as_table({"CUHK": score(maps).totals()})
    assert all(title in text for title in COLUMNS.values())
    assert text.splitlines()[2].startswith("| CUHK | 3 ")


SHARED = Path(os.environ.get("RAN_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.mark.skipif(not (SHARED / "maps/CUHK_test100/HiFST").is_dir(), reason="the published maps are not here")
def test_published_row_of_hifst():
    scorer = Scorer()
    for path in sorted((SHARED / "maps/CUHK_test100/HiFST").glob("*.png")):
        mask = read_mask(SHARED / f"data/CUHK/gt/{path.stem}.png", white="blurred")
        scorer.add(path.stem, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), mask)
    totals = scorer.totals()
    assert totals["images"] == 100
    assert (round(totals["mae"], 4), round(totals["p3_f"], 4), round(totals["p0_f"], 4)) == (0.2228, 0.8030, 0.8186)
