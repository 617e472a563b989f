"""Scores of focus maps under the protocols of defocus papers; every F names its protocol.

beta^2 = 0.3. A map is 8-bit, high = in focus. MAE is taken on the map as it is. PROTOCOLS defines each F. S-measure and
weighted F are PySODMetrics' own, E-measure equals its, all with its min-max. F of an image without positives is 0.
"""

from collections.abc import Callable, Iterable
from statistics import fmean
from typing import NamedTuple

import numpy as np

from .measures import BELOW, TWO_LEVELS, Compared, WeightedFmeasure, WholeSmeasure, f_at, threshold_curves


class ImageScore(NamedTuple):
    """Scores of one image, and what those of its set need.

    Attributes:
        row: name, share in focus ("in_focus"), and the columns that are means over images.
        curves: 4 x 256, precision, recall and F of P5, and E-measure, at the thresholds 255, 254, ... 0.
        iou_counts: pixels of the intersection and of the union of the blurred regions at threshold 0.5.
    """

    row: dict
    curves: np.ndarray
    iou_counts: np.ndarray


class SetScore:
    """Scores of a set of images, sorted by name, so that their order changes no bit.

    Attributes:
        rows: those of the images.
        curves: 4 x 256, the mean of the images' curves.
        iou_counts: the sum of the images' counts.

    Raises:
        ValueError: no image was scored.
    """

    def __init__(self, scores: Iterable[ImageScore]):
        ordered = sorted(scores, key=lambda one: one.row["name"])
        if not ordered:
            raise ValueError("no image was scored")
        self.rows = [one.row for one in ordered]
        self.curves = np.mean([one.curves for one in ordered], axis=0)
        self.iou_counts = np.sum([one.iou_counts for one in ordered], axis=0)

    def totals(self) -> dict[str, float]:
        """How many images there are ("images"), and each column that is known."""
        values: dict[str, float] = {"images": len(self.rows)}
        for key, column in COLUMNS.items():
            if column.of_set:
                values[key] = float(column.of_set(self))
            elif key in self.rows[0]:
                values[key] = fmean(row[key] for row in self.rows)
        return values


class Column(NamedTuple):
    """One score of the tables: protocol and title, and of_image, or of_set where it is no mean."""

    protocol: str
    title: str
    of_image: Callable[[Compared], float] | None = None
    of_set: Callable[[SetScore], float] | None = None
    lower_is_better: bool = False


COLUMNS = {
    "mae": Column("MAE", "MAE", lambda x: x.error(), lower_is_better=True),
    "p0_f": Column("P0", "P0 F", lambda x: threshold_curves(x.focus, x.blurred)[2].max()),
    "p1_f": Column("P1", "P1 F", lambda x: x.f_above_mean(1.5)),
    "p3_f": Column("P3", "P3 F", lambda x: f_at(BELOW, x.blurred, x.focus)),
    "p3_iou": Column("P3", "P3 IoU", of_set=lambda whole: whole.iou_counts[0] / max(whole.iou_counts[1], 1)),
    "p5_max_f": Column("P5", "P5 max F", of_set=lambda whole: whole.curves[2].max()),
    "p5_mean_f": Column("P5", "P5 mean F", of_set=lambda whole: whole.curves[2].mean()),
    "p5_adaptive_f": Column("P5", "P5 adp F", lambda x: x.f_above_mean(2, x.stretched)),
    "p5_mae": Column("P5", "P5 MAE", lambda x: x.error(x.stretched), lower_is_better=True),
    "s": Column("S", "S", lambda x: x.by_library(WholeSmeasure(), x.stretched).sms[0]),
    "e_max": Column("E", "max E", of_set=lambda whole: whole.curves[3].max()),
    "e_mean": Column("E", "mean E", lambda x: x.curves(x.stretched)[3].mean()),
    "weighted_f": Column("wF", "wF", lambda x: x.by_library(WeightedFmeasure(), x.stretched).weighted_fms[0]),
    "focus_mae": Column("FOCUS", "FOCUS MAE", lambda x: x.error(TWO_LEVELS), lower_is_better=True),
    "focus_f": Column("FOCUS", "FOCUS adp F", lambda x: x.f_above_mean(2, TWO_LEVELS)),
    "focus_s": Column("FOCUS", "FOCUS S", lambda x: x.by_library(WholeSmeasure(), TWO_LEVELS).sms[0]),
    "focus_e": Column("FOCUS", "FOCUS mean E", lambda x: x.curves(TWO_LEVELS)[3].mean()),
    "focus_wf": Column("FOCUS", "FOCUS wF", lambda x: x.by_library(WeightedFmeasure(), TWO_LEVELS).weighted_fms[0]),
}
PROTOCOLS = {  # what each means, for users
    "MAE": "mean absolute error of maps as they were saved; it, P1 and P3 change if the maps were stretched before",
    "P0": "F of the part in focus at the best threshold of each image; mean over images (RAN, TRACER)",
    "P1": "F of the part in focus at the threshold min(1.5 mean, 1) of each map; mean over images (SG)",
    "P3": "F of the BLURRED part at threshold 0.5, mean over images; its IoU counts all pixels of the set (D-DFFNet)",
    "P5": "each map is stretched to 0..1; max and mean of the F curve, F at twice the mean (adp), MAE (PySODMetrics)",
    "S": "S-measure of PySODMetrics compares the structure of regions and objects",
    "E": "E-measure of PySODMetrics compares pixels and the whole map; max and mean of its mean curve",
    "wF": "weighted F-measure of PySODMetrics weighs an error by its place",
    "FOCUS": "each map is cut at half to two levels; then MAE, F at twice the mean, S, mean E and wF by PySODMetrics",
}


def explained(columns: Iterable[str]) -> list[str]:
    """A line for each protocol among these keys of COLUMNS."""
    used = {COLUMNS[key].protocol for key in columns}
    return [f"{protocol}: {sentence}" for protocol, sentence in PROTOCOLS.items() if protocol in used]


def columns_of(protocols: Iterable[str]) -> list[str]:
    """Keys of COLUMNS under these protocols, MAE always among them; all keys where no protocol is given.

    Raises ValueError: an unknown protocol.
    """
    chosen = set(protocols or PROTOCOLS)
    if unknown := chosen.difference(PROTOCOLS):
        raise ValueError(f"--columns: no protocol {', '.join(sorted(unknown))}; known are {', '.join(PROTOCOLS)}")
    return [key for key, column in COLUMNS.items() if column.protocol in chosen | {"MAE"}]


def score_image(name: str, focus_map: np.ndarray, mask: np.ndarray, columns: Iterable[str] = COLUMNS) -> ImageScore:
    """Scores one map.

    Args:
        name: the image's name, for its row.
        focus_map: H x W uint8, 255 = in focus.
        mask: H x W uint8 ground truth, 255 = in focus, 0 = blurred.
        columns: keys of COLUMNS to compute for the row; S and weighted F take most of the time.

    Raises:
        ValueError: map and mask differ in size.
    """
    if focus_map.shape != mask.shape:
        raise ValueError(f"{name}: its map is {focus_map.shape}, its mask {mask.shape} (height, width)")
    pair = Compared(focus_map, mask)
    row = {"name": name, "in_focus": float(pair.focus.sum() / mask.size)}
    row |= {key: float(of_image(pair)) for key in columns if (of_image := COLUMNS[key].of_image)}
    iou_counts = np.array([pair.blurred[BELOW].sum(), pair.blurred.sum() + pair.focus[BELOW].sum()])
    return ImageScore(row, pair.curves(pair.stretched), iou_counts)
