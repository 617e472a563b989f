import cv2
import numpy as np
import py_sod_metrics
import pytest

from ran.evaluation.metrics import COLUMNS, PROTOCOLS, ImageScore, SetScore, columns_of, score_image


@pytest.fixture
def maps():
    """Three masks with noisy maps of them; one map does not use the whole range, two masks reach the border."""
    rng, pairs = np.random.default_rng(0), []
    for low, high in ((0, 255), (30, 200), (0, 255)):
        mask = np.zeros((48, 64), np.uint8)
        mask[10 if low else 0 : 40, rng.integers(5, 30) : 50] = 255
        noisy = cv2.GaussianBlur(mask, (0, 0), 4) * 0.7 + rng.normal(30, 25, mask.shape)
        pairs.append((np.interp(noisy, (0, 255), (low, high)).astype(np.uint8), mask))
    return pairs


def score(pairs, columns=COLUMNS) -> list[ImageScore]:
    return [score_image(f"{number:02d}", *pair, columns) for number, pair in enumerate(pairs)]


def naive_f(predicted: np.ndarray, truth: np.ndarray) -> float:
    if not (hits := (predicted & truth).sum()):
        return 0.0
    precision, recall = hits / predicted.sum(), hits / truth.sum()
    return 1.3 * precision * recall / (0.3 * precision + recall)


def test_our_protocols_against_their_definitions(maps):
    result, ps = SetScore(score(maps)).totals(), [(focus_map / 255, mask > 0) for focus_map, mask in maps]
    inter, union = (sum(of(p < 0.5, ~g).sum() for p, g in ps) for of in (np.logical_and, np.logical_or))
    expected = {
        "images": 3, "mae": np.mean([np.abs(p - g).mean() for p, g in ps]),
        "p0_f": np.mean([max(naive_f(p >= t / 255, g) for t in range(256)) for p, g in ps]),
        "p1_f": np.mean([naive_f(p >= min(1.5 * p.mean(), 1), g) for p, g in ps]),
        "p3_f": np.mean([naive_f(p < 0.5, ~g) for p, g in ps]), "p3_iou": inter / union,
    }  # fmt: skip
    assert {key: result[key] for key in expected} == pytest.approx(expected)


def by_library(pairs) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """All that PySODMetrics says of some maps; its three curves of the set; and its E curve of each image."""
    handlers = {name: getattr(py_sod_metrics, f"{name}Handler")(True, False) for name in ("Precision", "Recall")}
    handlers["F"] = py_sod_metrics.FmeasureHandler(True, True, beta=0.3)
    measures = {name: getattr(py_sod_metrics, name)() for name in ("Emeasure", "Smeasure", "MAE", "WeightedFmeasure")}
    measures["F"], result = py_sod_metrics.FmeasureV2(handlers), {}
    for measure in measures.values():
        for focus_map, mask in pairs:
            measure.step(focus_map, mask)
        result |= measure.get_results()
    f, e = result["F"]["dynamic"], result["em"]["curve"]
    values = {
        "p5_max_f": f.max(), "p5_mean_f": f.mean(), "p5_adaptive_f": result["F"]["adaptive"], "e_max": e.max(),
        "e_mean": e.mean(), "s": result["sm"], "p5_mae": result["mae"], "weighted_f": result["wfm"],
    }  # fmt: skip
    curves = [result[name]["dynamic"] for name in handlers]
    return values, np.array(curves), np.array(measures["Emeasure"].changeable_ems)


def test_the_rest_is_pysodmetrics_digit_by_digit(maps):
    scores = score(maps)
    result, (expected, curves, e_curves) = SetScore(scores).totals(), by_library(maps)
    assert np.allclose(SetScore(scores).curves[:3], curves, atol=1e-12)
    assert np.allclose([one.curves[3] for one in scores], e_curves, atol=1e-12)
    assert {key: result[key] for key in expected} == pytest.approx(expected, abs=1e-12)
    of_focus = {"mae": "p5_mae", "f": "p5_adaptive_f", "s": "s", "e": "e_mean", "wf": "weighted_f"}
    two_levels = by_library([(np.where(focus_map >= 128, 255, 0), mask) for focus_map, mask in maps])[0]
    assert {key: result[f"focus_{key}"] for key in of_focus} == pytest.approx(
        {key: two_levels[theirs] for key, theirs in of_focus.items()}, abs=1e-12
    )


@pytest.mark.parametrize("value", [0, 255])
def test_one_class_masks_and_flat_maps_are_finite(value):
    mask, ramp = np.full((16, 20), value, np.uint8), np.arange(320).reshape(16, 20).astype(np.uint8)
    for focus_map in (mask * 0, mask * 0 + 100, mask * 0 + 255, ramp):
        whole = SetScore(score([(focus_map, mask)]))
        assert whole.rows[0]["in_focus"] == value / 255
        assert all(np.isfinite(whole.totals()[column]) for column in COLUMNS)
        p = focus_map / 255
        assert whole.totals()["mae"] == pytest.approx(np.abs(p - value / 255).mean())
        assert whole.totals()["p1_f"] == pytest.approx(naive_f(p >= min(1.5 * p.mean(), 1), mask > 0))
    assert np.allclose(score([(ramp, mask)])[0].curves[3], by_library([(ramp, mask)])[2][0], atol=1e-12)
    mask[-1] = 255 - value  # the library's S has no centre there
    assert np.isfinite(SetScore(score([(ramp, mask)])).totals()["s"])


def test_one_protocol_alone_gives_its_columns_unchanged_and_the_order_of_images_changes_no_bit(maps):
    complete = SetScore(score(maps)).totals()
    for protocol in PROTOCOLS:
        columns = columns_of([protocol])
        assert columns[0] == "mae" and {COLUMNS[key].protocol for key in columns} == {"MAE", protocol}
        whole = SetScore(score(maps, columns))
        assert {key: whole.totals()[key] for key in columns} == {key: complete[key] for key in columns}
        assert whole.rows[0].keys() - {"name", "in_focus"} == {key for key in columns if COLUMNS[key].of_image}
    scores = score([(np.roll(focus_map, 3 * turn), mask) for turn in range(20) for focus_map, mask in maps])
    one, *others = map(SetScore, (scores, scores[::-1], [*scores[1::2], *scores[::2]]))
    assert all(one.totals() == other.totals() and one.rows == other.rows for other in others)
    assert all(np.array_equal(one.curves, other.curves) for other in others)
    with pytest.raises(ValueError, match="a: its map is"):
        score_image("a", np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="no image"):
        SetScore([])
