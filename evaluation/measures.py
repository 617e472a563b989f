"""How far a map is from its mask: most measures from the histogram alone, the others by PySODMetrics."""

import sys
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np


def library(name: str) -> Any:
    """A module of PySODMetrics, imported without what its package imports for measures that nobody asks for here:
    scikit-learn, scipy.stats and pandas, which take as long as PyTorch.

    The package keeps its own name, and whoever imports it gets all of it. What its modules are called is no promise:
    so its version is held below the next one that may change it.
    """
    alias = "_py_sod_metrics"
    spec = find_spec("py_sod_metrics")
    if not spec:
        raise ModuleNotFoundError("No module named 'py_sod_metrics'", name="py_sod_metrics")
    if alias not in sys.modules:
        sys.modules[alias] = ModuleType(alias)
        sys.modules[alias].__path__ = spec.submodule_search_locations or []
    return import_module(f"{alias}.{name}")


Smeasure: Any = library("sod_metrics").Smeasure
WeightedFmeasure: Any = library("sod_metrics").WeightedFmeasure
EPS = np.spacing(1)  # as in PySODMetrics
LEVELS = np.arange(256) / 255
BELOW = LEVELS < 0.5  # called blurred
_options = {"with_dynamic": False, "with_adaptive": False}
_handlers = library("fmeasurev2")
_f_measure = _handlers.FmeasureHandler(**_options, beta=0.3)
_precision, _recall = _handlers.PrecisionHandler(**_options), _handlers.RecallHandler(**_options)


class Compared:
    """A map (H x W uint8, 255 = in focus) beside its mask (likewise), as the measures see the two.

    Attributes:
        focus, blurred, both: 256, pixels of each class at each level of the map: all that MAE and F need.
        stretched: 256, what becomes of each level by PySODMetrics' min-max, in [0, 1].
        regrouped: focus and blurred after it.
    """

    def __init__(self, focus_map: np.ndarray, mask: np.ndarray):
        self.focus_map, self.mask = focus_map, mask
        self.focus = np.bincount(focus_map[mask > 0], minlength=256)
        self.blurred = np.bincount(focus_map[mask == 0], minlength=256)
        self.both = self.focus + self.blurred
        self.stretched = stretched_levels(self.both)
        self.regrouped = [regroup(self.stretched, counts) for counts in (self.focus, self.blurred)]

    @cached_property
    def e_curve(self) -> np.ndarray:
        """256: E-measure at the thresholds 255, 254, ... 0 (of 255)."""
        return e_measure_curve(*self.regrouped)

    def by_library(self, measure: Any) -> Any:
        """A measure of PySODMetrics that has seen the pair; its min-max, by table and once for all."""
        measure.step(self.stretched[self.focus_map], self.mask > 0, False)
        return measure


class WholeSmeasure(Smeasure):
    """PySODMetrics', but a number where the in-focus region's centroid lies on the last row or column, too."""

    def ssim(self, pred: np.ndarray, gt: np.ndarray) -> float:
        return super().ssim(pred, gt) if pred.size else 0.0  # beyond that row there is nothing, and it weighs nothing


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
