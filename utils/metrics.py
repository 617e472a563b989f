"""Scores of focus maps under the protocols that defocus papers use; every F names its protocol.

beta^2 = 0.3. A map is 8-bit, high = in focus; MAE is taken on the map as it is. The F definitions:
    P0  in focus, the largest F over all thresholds of each image, mean over images (RAN, TRACER)
    P1  in focus, one threshold min(1.5 mean, 1) an image, mean over images
    P3  BLURRED, threshold 0.5, mean over images; IoU at 0.5 pooled over all pixels of the set (D-DFFNet)
    P5  in focus, map stretched to [0, 1] (min-max): max and mean of the mean F curve; adaptive = threshold 2 mean
S-, E- and weighted F-measure are PySODMetrics' own, min-max included. F of an image without positives is 0.
"""

import numpy as np
from py_sod_metrics import Emeasure, FmeasureHandler, Smeasure, WeightedFmeasure

# Columns of the tables: key and title, in order.
COLUMNS = {
    "mae": "MAE",
    "p0_f": "P0 F",
    "p1_f": "P1 F",
    "p3_f": "P3 F",
    "p3_iou": "P3 IoU",
    "p5_max_f": "P5 max F",
    "p5_mean_f": "P5 mean F",
    "p5_adaptive_f": "P5 adp F",
    "s": "S",
    "e_max": "max E",
    "weighted_f": "wF",
}
LEVELS = np.arange(256) / 255
_f_measure = FmeasureHandler(with_dynamic=False, with_adaptive=False, beta=0.3)


class Scorer:
    """Scores of one data set's maps, collected image by image.

    Attributes:
        rows: one dict an image: its name and every score that a single image has.
    """

    def __init__(self):
        self.rows: list[dict] = []
        self._f_curves: list[np.ndarray] = []
        self._iou_counts = np.zeros(2)  # intersection and union of the blurred regions, over the whole set
        self._library = {"s": Smeasure(), "e": Emeasure(), "weighted_f": WeightedFmeasure()}

    def add(self, name: str, focus_map: np.ndarray, mask: np.ndarray) -> None:
        """Scores one map.

        Args:
            name: of the image, for its row.
            focus_map: H x W uint8, 255 = in focus.
            mask: H x W uint8 ground truth, 255 = in focus, 0 = blurred.

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
        self._iou_counts += blurred[below].sum(), blurred.sum() + focus[below].sum()
        row = {
            "in_focus": focus.sum() / mask.size,
            "mae": ((1 - LEVELS) @ focus + LEVELS @ blurred) / mask.size,
            "p0_f": f_curve(focus, blurred).max(),
            "p1_f": f_at(above_mean(1.5, LEVELS, both), focus, blurred),
            "p3_f": f_at(below, blurred, focus),
        }
        stretched = stretched_levels(both)
        self._f_curves.append(f_curve(*(regroup(stretched, counts) for counts in (focus, blurred))))
        row["p5_adaptive_f"] = f_at(above_mean(2, stretched, both), focus, blurred)
        for metric in self._library.values():
            metric.step(focus_map, mask)
        s, e, weighted = self._library.values()
        row |= {"s": s.sms[-1], "e_max": e.changeable_ems[-1].max(), "weighted_f": weighted.weighted_fms[-1]}
        self.rows.append({"name": name} | {key: float(value) for key, value in row.items()})

    def totals(self) -> dict[str, float]:
        """Scores of the set, a value for each of COLUMNS, and how many images have one class only.

        Raises:
            ValueError: no image was added.
        """
        if not self.rows:
            raise ValueError("no image was scored")
        means = {key: np.mean([row[key] for row in self.rows]) for key in self.rows[0] if key != "name"}
        curve = np.mean(self._f_curves, axis=0)
        intersection, union = self._iou_counts
        means |= {"p3_iou": intersection / max(union, 1), "p5_max_f": curve.max(), "p5_mean_f": curve.mean()}
        means["e_max"] = self._library["e"].get_results()["em"]["curve"].max()
        shares = [row["in_focus"] for row in self.rows]
        counts = {"images": len(shares), "all_blurred": shares.count(0), "all_in_focus": shares.count(1)}
        return counts | {key: float(means[key]) for key in COLUMNS}


def above_mean(factor: float, levels: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which of the 256 levels reach factor times the map's mean, or 1 where that is less."""
    threshold = min(factor * (levels @ counts) / counts.sum(), 1)
    return levels >= threshold


def f_at(chosen: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> float:
    """F of calling the chosen levels positive.

    Args:
        chosen: 256 booleans. positives, negatives: pixels of each class at each of the 256 levels.
    """
    tp, fp = positives[chosen].sum(), negatives[chosen].sum()
    return float(_f_measure(tp=tp, fp=fp, fn=positives.sum() - tp, tn=negatives.sum() - fp))


def f_curve(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """F at the 256 thresholds 255, 254, ... 0, from the pixels of each class at each of the 256 levels."""
    tp, fp = positives[::-1].cumsum(), negatives[::-1].cumsum()
    return _f_measure(tp=tp, fp=fp, fn=positives.sum() - tp, tn=negatives.sum() - fp)


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


def as_table(results: dict[str, dict[str, float]]) -> str:
    """Markdown table of totals, one line a data set."""
    lines = [["set", "images", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 2)]
    for name, totals in results.items():
        lines.append([name, str(totals["images"]), *(f"{totals[key]:.4f}" for key in COLUMNS)])
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths)) + " |" for line in lines)
