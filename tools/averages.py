"""Scores of several runs as those of one: over folds, over seeds."""

import statistics
from collections.abc import Sequence

import numpy as np

from ..evaluation.comparison import number
from ..evaluation.scores import MethodScores


def together(folds: Sequence[MethodScores]) -> MethodScores:
    """One method's scores on several folds of a set as those of one set: lines an image, and means over all images.

    Columns that are no mean over images (P3 IoU, P5 max F, max E) are means of the folds' values.
    """
    if len(folds) == 1:
        return folds[0]
    images = [fold.images for fold in folds]
    totals = _means([fold.totals for fold in folds], images) | {"images": sum(images)}
    names = [folds[0].dataset, *(fold.dataset.rpartition("fold")[2] for fold in folds[1:])]
    rows = [row for fold in folds for row in fold.rows]
    curves = np.average([fold.curves for fold in folds], axis=0, weights=images)
    return MethodScores(folds[0].method, "+".join(names), totals, rows, curves)


def average(method: str, runs: list[MethodScores]) -> MethodScores:
    """One method's scores on a set, each number the mean over some runs."""
    by_name = [{row["name"]: row for row in run.rows} for run in runs]
    rows = [{"name": name} | _means([rows[name] for rows in by_name]) for name in by_name[0]]
    totals = _means([run.totals for run in runs]) | {"images": runs[0].images}
    curves = np.mean([run.curves for run in runs], axis=0)
    return MethodScores(method, runs[0].dataset, totals, rows, curves)


def _means(dicts: list[dict], weights: list[int] | None = None) -> dict[str, float]:
    keys = [key for key in dicts[0] if key != "name"]
    return {key: float(np.average([values[key] for values in dicts], weights=weights)) for key in keys}


def spread(values: list[float]) -> str:
    """Mean, and the standard deviation where there are several values."""
    deviation = f" ± {number(statistics.stdev(values), 4)}" if len(values) > 1 else ""
    return number(statistics.mean(values), 4) + deviation
