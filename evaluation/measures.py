"""Measures of a map beside its mask: most from the pixels of each class at each level, the rest by PySODMetrics."""

import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import cv2
import numpy as np


def library(name: str) -> Any:
    """Imports one module of PySODMetrics, under another package name and without its __init__.

    The __init__ imports scikit-learn, scipy.stats and pandas, which takes a second. Module names are no public
    promise: requirements.txt therefore holds the library below its next minor version.
    """
    alias, spec = "_py_sod_metrics", find_spec("py_sod_metrics")
    if not spec:
        raise ModuleNotFoundError("No module named 'py_sod_metrics'", name="py_sod_metrics")
    package = sys.modules.setdefault(alias, ModuleType(alias))
    package.__path__ = spec.submodule_search_locations or []
    return import_module(f"{alias}.{name}")


_sod_metrics: Any = library("sod_metrics")  # a copy of our own, so the two functions below are put into ours alone
Smeasure: Any = _sod_metrics.Smeasure
WeightedFmeasure, _bwdist = _sod_metrics.WeightedFmeasure, _sod_metrics.bwdist


_last = threading.local()  # the weighted F of a map and of its two levels need the same distances


def _distances(blurred: np.ndarray, **_: Any) -> Any:
    if not np.array_equal(getattr(_last, "blurred", ()), blurred):
        _last.blurred, _last.result = blurred.copy(), _bwdist(blurred, return_indices=True)
    return _last.result


_sod_metrics.bwdist = _distances
# OpenCV's filter gives the same numbers as SciPy's in a fifth of the time.
_sod_metrics.convolve = lambda x, weights, **_: cv2.filter2D(x, -1, weights, borderType=cv2.BORDER_CONSTANT)

EPS = np.spacing(1)  # as in PySODMetrics
LEVELS = np.arange(256) / 255
BELOW = LEVELS < 0.5  # levels that count as blurred
TWO_LEVELS = np.where(BELOW, 0.0, 1.0)


class Compared:
    """A map (H x W uint8, 255 = in focus) beside its mask (the same).

    Attributes:
        focus, blurred, both: 256 numbers each, pixels of each class at each level of the map.
        stretched: the 256 levels after PySODMetrics' min-max, in [0, 1].
    """

    def __init__(self, focus_map: np.ndarray, mask: np.ndarray):
        self.focus_map, self.mask = focus_map, mask
        self.focus = np.bincount(focus_map[mask > 0], minlength=256)
        self.blurred = np.bincount(focus_map[mask == 0], minlength=256)
        self.both = self.focus + self.blurred
        used = LEVELS[self.both > 0]
        self.stretched = LEVELS if len(used) == 1 else ((LEVELS - used[0]) / (used[-1] - used[0])).clip(0, 1)

    def curves(self, levels: np.ndarray) -> np.ndarray:
        """4 x 256: threshold_curves and E-measure of the map whose 256 levels have these values, as PySODMetrics."""
        bins = (levels * 255).astype(np.uint8)
        counts = [np.bincount(bins, weights=of_class, minlength=256) for of_class in (self.focus, self.blurred)]
        return np.stack([*threshold_curves(*counts), e_measure_curve(*counts)])

    def error(self, levels: np.ndarray = LEVELS) -> float:
        """Mean absolute error of the map whose 256 levels have these values."""
        return float((1 - levels) @ self.focus + levels @ self.blurred) / self.mask.size

    def f_above_mean(self, factor: float, levels: np.ndarray = LEVELS) -> float:
        """F-measure of what reaches min(factor x mean of the map, 1), where the 256 levels have these values."""
        return f_at(levels >= min(factor * (levels @ self.both) / self.mask.size, 1), self.focus, self.blurred)

    def by_library(self, measure: Any, levels: np.ndarray) -> Any:
        """Shows a measure of PySODMetrics the mask, and the map with these values instead of its 256 levels."""
        measure.step(levels[self.focus_map], self.mask > 0, False)
        return measure


class WholeSmeasure(Smeasure):
    """PySODMetrics' S-measure, but finite where the centroid of what is in focus lies on the last row or column."""

    def ssim(self, pred: np.ndarray, gt: np.ndarray) -> float:
        return super().ssim(pred, gt) if pred.size else 0.0  # the empty part has no weight


def f_at(chosen: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> float:
    """F-measure where the chosen levels (256 booleans) are called positive."""
    return float(_precision_recall_f(positives[chosen].sum(), negatives[chosen].sum(), positives.sum())[2])


def threshold_curves(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """3 x 256: precision, recall and F at the thresholds 255, 254, ... 0, from the pixels of each class at a level."""
    return _precision_recall_f(positives[::-1].cumsum(), negatives[::-1].cumsum(), positives.sum())


def _precision_recall_f(tp: np.ndarray, fp: np.ndarray, true: float) -> np.ndarray:
    """Precision, recall and F (beta^2 = 0.3) of true and false positives; 0 where nothing is divided by nothing."""
    precision, recall = tp / np.maximum(tp + fp, 1), tp / max(true, 1)
    return np.stack([precision, recall, 1.3 * precision * recall / np.maximum(0.3 * precision + recall, EPS)])


def e_measure_curve(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """256 numbers: E-measure (Fan et al., IJCAI 2018) at the thresholds 255, 254, ... 0.

    All pixels of one cell of the confusion matrix have the same alignment value.
    """
    tp, fp = positives[::-1].cumsum(), negatives[::-1].cumsum()
    called, true = tp + fp, positives.sum()
    size = true + negatives.sum()
    if true in (0, size):
        total = called if true else size - called
    else:
        p, g = called / size, true / size
        cells = ((tp, 1 - p, 1 - g), (fp, 1 - p, -g), (true - tp, -p, 1 - g), (size - called - true + tp, -p, -g))
        total = sum(n * (2 * a * b / (a**2 + b**2 + EPS) + 1) ** 2 / 4 for n, a, b in cells)
    return total / max(size - 1, 1)
