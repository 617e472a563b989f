"""Scores of methods on sets, their files (test and evaluate write them, report reads them), paired differences."""

import json
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..data.names import check_name, common_affixes, list_images
from ..utils.files import write_bytes, write_csv
from .metrics import COLUMNS, PROTOCOLS, SetScore

FEWEST = 10  # images below which the standard error itself is a guess


@dataclass
class MethodScores:
    """One method on one set, measured or published.

    Attributes:
        method, dataset: their names.
        totals: "images", and a value for each known column of COLUMNS.
        rows: a dict an image: name, in_focus, and the columns that are means over images.
        curves: 3 x 256, precision, recall and F of SetScore.
        folders: those of "images", "masks" and "maps", as far as they are known.
        about: more to keep: the weights, what "white" means in "maps" and "masks" (else in focus), "traits" of maps.
        source: where the scores were published, and under which protocol; empty for measured ones.
    """

    method: str
    dataset: str
    totals: dict[str, float]
    rows: list[dict] = field(default_factory=list)
    curves: np.ndarray = field(default_factory=lambda: np.zeros((3, 256)))
    folders: dict[str, str] = field(default_factory=dict)
    about: dict = field(default_factory=dict)
    source: str = ""

    @classmethod
    def of(cls, method: str, dataset: str, whole: SetScore, **more) -> "MethodScores":
        return cls(method, dataset, whole.totals(), whole.rows, whole.curves[:3], **more)

    @property
    def images(self) -> int:
        return int(self.totals["images"])

    @property
    def title(self) -> str:
        """The method's name in a table."""
        return f"{self.method}, published" if self.source else self.method


def write_scores(folder: Path, scores: list[MethodScores]) -> None:
    """Writes scores.csv, a line an image, and last scores.json: all that read_scores gives back."""
    start = folder.resolve()  # "../" leads on from where the folder is, not from a link to it
    entries = []
    for one in scores:
        folders = {key: Path(os.path.relpath(path, start)).as_posix() for key, path in one.folders.items()}
        entries.append(vars(one) | {"folders": folders, "curves": one.curves.round(6).tolist()})
    write_csv(folder / "scores.csv", image_rows(scores))
    write_bytes(folder / "scores.json", json.dumps({"protocols": PROTOCOLS, "scores": entries}).encode())


def image_rows(scores: list[MethodScores]) -> list[dict]:
    """A dict an image of each method and set, for a CSV file."""
    return [{"method": one.method, "set": one.dataset} | row for one in scores for row in one.rows]


def read_scores(path: str | Path) -> list[MethodScores]:
    """Reads what write_scores wrote: the folder, or its scores.json.

    Raises FileNotFoundError, ValueError: no such files, or other ones.
    """
    path = Path(path)
    path = path / "scores.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `test` and `evaluate` write one")
    try:
        scores = [MethodScores(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))["scores"]]
        for one in scores:
            check_name(one.dataset)
            one.curves = np.array(one.curves, float).reshape(3, 256)
            one.rows = [{key: x if key == "name" else float(x) for key, x in row.items()} for row in one.rows]
            one.folders = {kind: str(path.parent / folder) for kind, folder in one.folders.items()}
            _ = one.images  # a KeyError where the totals lack it
        return scores
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: not a score file that test or evaluate of this version wrote ({what})") from None


def files_by_name(folder: Path, names: Collection[str]) -> dict[str, Path]:
    """Images and arrays of a folder by stem, without one prefix or suffix if by it most have these names.

    Raises ValueError: two files of one name.
    """
    found = list_images(folder, (".npy", ".mat"))
    if several := [", ".join(path.name for path in paths) for paths in found.values() if len(paths) > 1]:
        raise ValueError(f"{folder}: several files of one name: {several[0]}; move the wrong ones away")
    prefix, suffix = common_affixes(names, found)
    return {stem.removeprefix(prefix).removesuffix(suffix): path for stem, (path,) in found.items()}


@dataclass
class Difference:
    """Mean over images of the second method's score minus the first's, with its standard error."""

    column: str
    first: str
    second: str
    mean: float
    error: float
    images: int

    @property
    def better(self) -> str:
        """The better method, or "" where the mean is within two standard errors, or the images are too few."""
        if self.images < FEWEST or abs(self.mean) <= 2 * self.error:
            return ""
        return self.second if (self.mean < 0) == COLUMNS[self.column].lower_is_better else self.first

    @property
    def cells(self) -> list[str]:
        """Cells of a table: difference, column, mean and error, images, what it shows."""
        values = COLUMNS[self.column].title, f"{self.mean:+.4f} ± {self.error:.4f}", str(self.images)
        none = "no difference beyond noise" if self.images >= FEWEST else "too few images"
        verdict = f"{self.better} is better" if self.better else none
        return [f"{self.second} − {self.first}", *values, verdict]


def paired_difference(first: MethodScores, second: MethodScores, column: str) -> Difference | None:
    """Difference of two methods in a column of single images; None where both have it for fewer than 2 images."""
    one, other = ({row["name"]: row[column] for row in scored.rows if column in row} for scored in (first, second))
    gains = np.array([other[name] - one[name] for name in one if name in other])
    if len(gains) < 2:
        return None
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return Difference(column, first.method, second.method, float(gains.mean()), float(error), len(gains))
