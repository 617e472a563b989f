import cv2
import numpy as np
import py_sod_metrics
import pytest

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


def stepped(metric, pairs):
    """A measure of the library that has seen these maps and masks."""
    for focus_map, mask in pairs:
        metric.step(focus_map, mask)
    return metric


def test_the_rest_is_pysodmetrics_digit_by_digit(maps):
    scores = score(maps)
    result, (precision, recall, f, _) = totals(SetScore.of(scores)), SetScore.of(scores).curves
    handlers = {name: getattr(py_sod_metrics, f"{name}Handler")(True, False) for name in ("Precision", "Recall")}
    handlers["F"] = py_sod_metrics.FmeasureHandler(True, True, beta=0.3)
    theirs = stepped(py_sod_metrics.FmeasureV2(handlers), maps).get_results()
    assert np.allclose(precision, theirs["Precision"]["dynamic"], atol=1e-12)
    assert np.allclose(recall, theirs["Recall"]["dynamic"], atol=1e-12)
    assert np.allclose(f, theirs["F"]["dynamic"], atol=1e-12)
    emeasure = stepped(py_sod_metrics.Emeasure(), maps)
    assert np.allclose([one.curves[3] for one in scores], emeasure.changeable_ems, atol=1e-12)
    e = emeasure.get_results()["em"]["curve"]
    expected = {
        "p5_max_f": theirs["F"]["dynamic"].max(), "p5_mean_f": theirs["F"]["dynamic"].mean(),
        "p5_adaptive_f": theirs["F"]["adaptive"], "e_max": e.max(), "e_mean": e.mean(),
        "s": stepped(py_sod_metrics.Smeasure(), maps).get_results()["sm"],
        "p5_mae": stepped(py_sod_metrics.MAE(), maps).get_results()["mae"],
        "weighted_f": stepped(py_sod_metrics.WeightedFmeasure(), maps).get_results()["wfm"],
    }  # fmt: skip
    assert {key: result[key] for key in expected} == pytest.approx(expected, abs=1e-12)
    assert result["p5_mae"] != result["mae"]


@pytest.mark.parametrize("value, key", [(0, "all_blurred"), (255, "all_in_focus")])
def test_one_class_masks_and_flat_maps_are_finite_and_counted(value, key):
    mask, ramp = np.full((16, 20), value, np.uint8), np.arange(320).reshape(16, 20).astype(np.uint8)
    for focus_map in (mask * 0, mask * 0 + 100, mask * 0 + 255, ramp):
        result = totals(SetScore.of(score([(focus_map, mask)])))
        assert result["images"] == 1 and result[key] == 1
        assert all(np.isfinite(result[column]) for column in COLUMNS)
        assert result["mae"] == pytest.approx(np.abs(focus_map - float(value)).mean() / 255)
    mask[-1] = 255 - value  # the library's S has no centre there
    assert np.isfinite(totals(SetScore.of(score([(ramp, mask)])))["s"])


@pytest.mark.parametrize("value", [0, 255])
def test_e_of_one_class_is_the_librarys(value):
    mask, ramp = np.full((16, 20), value, np.uint8), np.arange(320).reshape(16, 20).astype(np.uint8)
    library = stepped(py_sod_metrics.Emeasure(), [(ramp, mask)])
    assert np.allclose(score([(ramp, mask)])[0].curves[3], library.changeable_ems[0], atol=1e-12)


def test_sizes_must_match_something_must_be_scored_and_protocols_be_known():
    with pytest.raises(ValueError, match="a: its map is"):
        score_image("a", np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="no image"):
        totals(SetScore())
    with pytest.raises(ValueError, match="no protocol P9; known are P0, P1"):
        columns_of(["P0", "P9"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_protocol_alone_gives_its_columns_unchanged(maps, protocol):
    columns, complete = columns_of([protocol]), totals(SetScore.of(score(maps)))
    assert columns[0] == "mae" and {COLUMNS[key].protocol for key in columns} == {"", protocol}
    result = totals(SetScore.of(score_image("a", focus_map, mask, columns) for focus_map, mask in maps))
    assert {key: value for key, value in result.items() if key in COLUMNS} == {key: complete[key] for key in columns}


def test_the_order_of_images_changes_no_bit(maps):
    scores = score([(np.roll(focus_map, 3 * turn), mask) for turn in range(20) for focus_map, mask in maps])
    orders = [scores, scores[::-1], [*scores[1::2], *scores[::2]]]
    one, *others = [SetScore.of(order) for order in orders]
    assert all(totals(one) == totals(other) for other in others)
    assert all(np.array_equal(one.curves, other.curves) and one.iou == other.iou for other in others)
    assert np.allclose(one.curves, np.mean([score.curves for score in scores], axis=0), atol=1e-12)
