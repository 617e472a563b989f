"""Scores of focus maps under the protocols of defocus papers; every F names its protocol.

beta^2 = 0.3. A map is 8-bit, high = in focus. MAE is taken on the map as it is. PROTOCOLS defines each F. S-measure and
weighted F are PySODMetrics' own, E-measure equals its, all with its min-max. F of an image without positives is 0.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import NamedTuple

import numpy as np

from ..utils import distributed
from .measures import BELOW, TWO_LEVELS, Compared, WeightedFmeasure, WholeSmeasure, f_at, threshold_curves

UNIT = 2**40  # 1 in the sums of curves


@dataclass
class SetScore:
    """Scores of some images of a set, one or all. Sums are whole numbers, so the order of images changes no bit.

    Attributes:
        columns: keys of COLUMNS to compute for the set.
        rows: a dict an image: name, share in focus, and the columns that are means over images.
        sums: 4 x 256 int64, precision, recall and F of P5, and E-measure, at the thresholds 255, 254, ... 0, summed
            over images in units of 1 / UNIT: exact to 12 digits, up to 8 million images.
        iou_counts: pixels of the intersection and of the union of the blurred regions at threshold 0.5.
    """

    columns: tuple[str, ...] = ()
    rows: list[dict] = field(default_factory=list)
    sums: np.ndarray = field(default_factory=lambda: np.zeros((4, 256), np.int64))
    iou_counts: np.ndarray = field(default_factory=lambda: np.zeros(2, np.int64))

    @classmethod
    def of(cls, scores: Iterable["SetScore"]) -> "SetScore":
        whole = cls()
        for score in scores:
            whole.add(score)
        return whole

    def add(self, other: "SetScore") -> None:
        self.columns = other.columns or self.columns
        self.rows += other.rows
        self.sums += other.sums
        self.iou_counts += other.iou_counts

    def gathered(self) -> "SetScore":
        """Score of the whole set where each process has scored a share; every process gets it."""
        shares = distributed.gather([replace(self, rows=[])])
        return replace(SetScore.of(shares), rows=distributed.gather(self.rows))

    @property
    def curves(self) -> np.ndarray:
        """4 x 256, the mean of the images' curves."""
        return self.sums / UNIT / len(self.rows)


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
PROTOCOLS = {  # name: what it is, in a sentence for users
    "MAE": "of maps as they are; it, P1 and P3 change where maps were stretched when they were saved",
    "P0": "the largest F over all thresholds of each image, of what is in focus; mean over images (RAN, TRACER)",
    "P1": "F at one threshold an image, min(1.5 mean, 1), of what is in focus; mean over images (SG)",
    "P3": "F at threshold 0.5 of what is BLURRED, mean over images; IoU of it over all pixels of the set (D-DFFNet)",
    "P5": "maps stretched to 0..1: max and mean of the F curve, F at twice the mean (adp), MAE (PySODMetrics)",
    "S": "S-measure of PySODMetrics: structure of regions and objects",
    "E": "E-measure of PySODMetrics: alignment of pixels and of the whole, max and mean of its mean curve",
    "wF": "weighted F-measure of PySODMetrics: an error weighs by where it lies",
    "FOCUS": "maps cut at half to two levels first; then MAE, F at twice the mean, S, mean E and wF by PySODMetrics",
}


def explained(columns: Iterable[str]) -> list[str]:
    """A line for each protocol among these keys of COLUMNS."""
    used = {COLUMNS[key].protocol for key in columns}
    return [f"{protocol}: {sentence}" for protocol, sentence in PROTOCOLS.items() if protocol in used]


def columns_of(protocols: Iterable[str]) -> list[str]:
    """Keys of COLUMNS under these protocols, MAE always among them; all keys where no protocol is given.

    Raises:
        ValueError: an unknown protocol.
    """
    chosen = set(protocols or PROTOCOLS)
    if unknown := chosen.difference(PROTOCOLS):
        raise ValueError(f"--columns: no protocol {', '.join(sorted(unknown))}; known are {', '.join(PROTOCOLS)}")
    return [key for key, column in COLUMNS.items() if column.protocol in chosen | {"MAE"}]


def score_image(name: str, focus_map: np.ndarray, mask: np.ndarray, columns: Iterable[str] = COLUMNS) -> SetScore:
    """Scores one map.

    Args:
        name: the image's name, for its row.
        focus_map: H x W uint8, 255 = in focus.
        mask: H x W uint8 ground truth, 255 = in focus, 0 = blurred.
        columns: keys of COLUMNS to compute; S and weighted F take most of the time.

    Raises:
        ValueError: map and mask differ in size.
    """
    if focus_map.shape != mask.shape:
        raise ValueError(f"{name}: its map is {focus_map.shape}, its mask {mask.shape} (height, width)")
    pair = Compared(focus_map, mask)
    row = {"name": name, "in_focus": float(pair.focus.sum() / mask.size)}
    row |= {key: float(of_image(pair)) for key in columns if (of_image := COLUMNS[key].of_image)}
    iou_counts = np.array([pair.blurred[BELOW].sum(), pair.blurred.sum() + pair.focus[BELOW].sum()])
    return SetScore(tuple(columns), [row], np.rint(pair.curves(pair.stretched) * UNIT).astype(np.int64), iou_counts)


def totals(whole: SetScore) -> dict[str, float]:
    """Scores of a set: each column, and how many images there are, all of them and those of one class.

    Raises:
        ValueError: no image was scored.
    """
    if not whole.rows:
        raise ValueError("no image was scored")
    shares = [row["in_focus"] for row in whole.rows]
    values: dict[str, float] = {"images": len(shares), "all_blurred": shares.count(0), "all_in_focus": shares.count(1)}
    for key in whole.columns:
        of_set = COLUMNS[key].of_set
        # fmean sums exactly: the order of images changes no bit here either.
        values[key] = float(of_set(whole)) if of_set else fmean(row[key] for row in whole.rows)
    return values
