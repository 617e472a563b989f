"""Scores of focus maps under the protocols that defocus papers use; every F names its protocol.

beta^2 = 0.3. A map is 8-bit, high = in focus; MAE is taken on the map as it is. The F definitions:
    P0  in focus, the largest F over all thresholds of each image, mean over images (RAN, TRACER)
    P1  in focus, one threshold min(1.5 mean, 1) an image, mean over images
    P3  BLURRED, threshold 0.5, mean over images; IoU at 0.5 pooled over all pixels of the set (D-DFFNet)
    P5  in focus, map stretched to [0, 1] (min-max): max and mean of the mean F curve; adaptive = threshold 2 mean
        (PySODMetrics; FOCUS publishes the adaptive one); P5 MAE is that of the stretched map
S- and weighted F-measure are PySODMetrics' own, and E-measure as there, min-max included. F of an image without
positives is 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from py_sod_metrics import FmeasureHandler, PrecisionHandler, RecallHandler, Smeasure, WeightedFmeasure


class Column(NamedTuple):
    """One score of the tables: the protocol it follows (empty: none to choose), its title, and which end is good."""

    protocol: str
    title: str
    lower_is_better: bool = False


COLUMNS = {
    "mae": Column("", "MAE", lower_is_better=True),
    "p0_f": Column("P0", "P0 F"),
    "p1_f": Column("P1", "P1 F"),
    "p3_f": Column("P3", "P3 F"),
    "p3_iou": Column("P3", "P3 IoU"),
    "p5_max_f": Column("P5", "P5 max F"),
    "p5_mean_f": Column("P5", "P5 mean F"),
    "p5_adaptive_f": Column("P5", "P5 adp F"),
    "p5_mae": Column("P5", "P5 MAE", lower_is_better=True),
    "s": Column("S", "S"),
    "e_max": Column("E", "max E"),
    "e_mean": Column("E", "mean E"),
    "weighted_f": Column("wF", "wF"),
}
PROTOCOLS = tuple(dict.fromkeys(column.protocol for column in COLUMNS.values() if column.protocol))
EPS = np.spacing(1)  # as in PySODMetrics
LEVELS = np.arange(256) / 255
_options = {"with_dynamic": False, "with_adaptive": False}
_f_measure = FmeasureHandler(**_options, beta=0.3)
_precision, _recall = PrecisionHandler(**_options), RecallHandler(**_options)


class _Smeasure(Smeasure):
    """PySODMetrics', but a number where the in-focus region's centroid lies on the last row or column, too."""

    def ssim(self, pred: np.ndarray, gt: np.ndarray) -> float:
        return super().ssim(pred, gt) if pred.size else 0.0  # beyond that row there is nothing, and it weighs nothing


@dataclass
class ImageScore:
    """What one map adds to the scores of its set.

    Attributes:
        columns: the keys of COLUMNS that were asked for.
        row: name, share in focus, and of those columns the ones that are means over images.
        curves: 3 x 256, precision, recall and F of P5 at the thresholds 255, 254, ... 0 (of 255).
        e_curve: 256, E-measure at the same thresholds.
        iou_counts: intersection and union of the blurred regions at threshold 0.5, pixels.
    """

    columns: tuple[str, ...]
    row: dict
    curves: np.ndarray
    e_curve: np.ndarray
    iou_counts: np.ndarray


def columns_of(protocols: Iterable[str]) -> list[str]:
    """Keys of COLUMNS under the named protocols, in order; MAE is always there, and no name means all.

    Raises:
        ValueError: a protocol that is none of PROTOCOLS.
    """
    chosen = set(protocols or PROTOCOLS)
    if unknown := chosen.difference(PROTOCOLS):
        raise ValueError(f"no protocol {', '.join(sorted(unknown))}; known are {', '.join(PROTOCOLS)}")
    return [key for key, column in COLUMNS.items() if column.protocol in chosen | {""}]


def score_image(name: str, focus_map: np.ndarray, mask: np.ndarray, columns: Iterable[str] = COLUMNS) -> ImageScore:
    """Scores one map.

    Args:
        name: of the image, for its row.
        focus_map: H x W uint8, 255 = in focus.
        mask: H x W uint8 ground truth, 255 = in focus, 0 = blurred.
        columns: keys of COLUMNS to compute; S and weighted F take most of the time.

    Raises:
        ValueError: map and mask differ in size; resize the map bilinearly first.
    """
    if focus_map.shape != mask.shape:
        raise ValueError(f"{name}: its map is {focus_map.shape}, its mask {mask.shape} (height, width)")
    # The joint histogram of map level and class holds all that MAE and the F-measures need.
    focus = np.bincount(focus_map[mask > 0], minlength=256)
    blurred = np.bincount(focus_map[mask == 0], minlength=256)
    both = focus + blurred
    below = LEVELS < 0.5
    stretched = stretched_levels(both)
    regrouped = [regroup(stretched, counts) for counts in (focus, blurred)]
    e_curve = e_measure_curve(*regrouped)
    scores = {
        "mae": mean_error(LEVELS, focus, blurred),
        "p0_f": threshold_curves(focus, blurred)[2].max(),
        "p1_f": f_at(above_mean(1.5, LEVELS, both), focus, blurred),
        "p3_f": f_at(below, blurred, focus),
        "p5_adaptive_f": f_at(above_mean(2, stretched, both), focus, blurred),
        "p5_mae": mean_error(stretched, focus, blurred),
        "e_mean": e_curve.mean(),
    }
    # The library's min-max, by table and once for both.
    picture = (stretched[focus_map], mask > 0, False)
    if "s" in columns:
        (s := _Smeasure()).step(*picture)
        scores["s"] = s.sms[0]
    if "weighted_f" in columns:
        (weighted := WeightedFmeasure()).step(*picture)
        scores["weighted_f"] = weighted.weighted_fms[0]
    row = {"name": name, "in_focus": float(focus.sum() / mask.size)}
    return ImageScore(
        row=row | {key: float(scores[key]) for key in columns if key in scores},
        columns=tuple(columns),
        curves=threshold_curves(*regrouped),
        e_curve=e_curve,
        iou_counts=np.array([blurred[below].sum(), blurred.sum() + focus[below].sum()]),
    )


def totals(scores: list[ImageScore]) -> dict[str, float]:
    """Scores of a set, a value for each column that was asked for, and how many images have one class only.

    Raises:
        ValueError: no image was scored.
    """
    if not scores:
        raise ValueError("no image was scored")
    rows = [score.row for score in scores]
    means = {key: np.mean([row[key] for row in rows]) for key in rows[0] if key != "name"}
    f = mean_curves(scores)[2]
    e = np.mean([score.e_curve for score in scores], axis=0)
    intersection, union = np.sum([score.iou_counts for score in scores], axis=0)
    means |= {"p3_iou": intersection / max(union, 1), "p5_max_f": f.max(), "p5_mean_f": f.mean(), "e_max": e.max()}
    shares = [row["in_focus"] for row in rows]
    counts = {"images": len(shares), "all_blurred": shares.count(0), "all_in_focus": shares.count(1)}
    return counts | {key: float(means[key]) for key in scores[0].columns}


def mean_curves(scores: list[ImageScore]) -> np.ndarray:
    """3 x 256: mean over images of precision, recall and F of P5 at the thresholds 255, 254, ... 0 (of 255)."""
    return np.mean([score.curves for score in scores], axis=0)


def mean_error(levels: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> float:
    """Mean absolute error of a map of these 256 levels, from the pixels of each class at each level."""
    return ((1 - levels) @ positives + levels @ negatives) / (positives.sum() + negatives.sum())


def above_mean(factor: float, levels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which of the 256 levels reach factor times the map's mean, or 1 where that is less."""
    threshold = min(factor * (levels @ counts) / counts.sum(), 1)
    return levels >= threshold


def f_at(chosen: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> float:
    """F of calling the chosen levels positive.

    Args:
        chosen: 256 booleans. positives, negatives: pixels of each class at each of the 256 levels.
    """
    return float(_f_measure(**_confusion(positives[chosen].sum(), negatives[chosen].sum(), positives, negatives)))


def threshold_curves(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """3 x 256: precision, recall, F at the thresholds 255, 254, ... 0, from the pixels of each class at each level."""
    counts = _confusion(positives[::-1].cumsum(), negatives[::-1].cumsum(), positives, negatives)
    return np.stack([handler(**counts) for handler in (_precision, _recall, _f_measure)])


def e_measure_curve(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """256: E-measure at the thresholds 255, 254, ... 0 (Fan et al., IJCAI 2018), from the pixels at each level.

    Called positive or not, truly positive or not: each of the four groups of pixels has one alignment value.
    """
    tp, fp = positives[::-1].cumsum(), negatives[::-1].cumsum()
    called, true = tp + fp, positives.sum()
    size = true + negatives.sum()
    if true == 0:
        total = size - called
    elif true == size:
        total = called
    else:
        p, g = called / size, true / size
        groups = ((tp, 1 - p, 1 - g), (fp, 1 - p, -g), (true - tp, -p, 1 - g), (size - called - true + tp, -p, -g))
        total = sum(n * (2 * a * b / (a**2 + b**2 + EPS) + 1) ** 2 / 4 for n, a, b in groups)
    return total / max(size - 1, 1)


def _confusion(tp, fp, positives: np.ndarray, negatives: np.ndarray) -> dict:
    return {"tp": tp, "fp": fp, "fn": positives.sum() - tp, "tn": negatives.sum() - fp}


def stretched_levels(counts: np.ndarray) -> np.ndarray:
    """The 256 levels after PySODMetrics' min-max: the lowest used one at 0, the highest at 1; others mean nothing.

    Args:
        counts: pixels of the map at each level.
    """
    used = LEVELS[counts > 0]
    return LEVELS if len(used) == 1 else ((LEVELS - used[0]) / (used[-1] - used[0])).clip(0, 1)


def regroup(levels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Histogram over 256 bins of pixels whose levels, in [0, 1], have moved; bins as PySODMetrics cuts them."""
    return np.bincount((levels * 255).astype(np.uint8), weights=counts, minlength=256)
