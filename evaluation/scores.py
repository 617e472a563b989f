"""Scores of methods on sets: the record that test and evaluate write and report reads, and paired differences."""

import csv
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ..utils.files import check_name, write_csv, write_json
from . import metrics

FEWEST = 10  # images below which the standard error itself is a guess
CURVES = ("precision", "recall", "f")


@dataclass
class Pictures:
    """Folders behind a score: photographs, ground truth, maps; empty where there is none. And what white means."""

    images: str = ""
    masks: str = ""
    maps: str = ""
    masks_white: str = "in_focus"
    maps_white: str = "in_focus"

    def moved(self, function) -> "Pictures":
        """The same with every folder that is there put through a function."""
        folders = {key: function(value) for key in ("images", "masks", "maps") if (value := getattr(self, key))}
        return Pictures(**(asdict(self) | folders))


@dataclass
class MethodScores:
    """One method on one set.

    Attributes:
        method, dataset: their names.
        totals: a value for each computed column of metrics.COLUMNS, and "images", "all_blurred", "all_in_focus".
        rows: a dict an image: name, in_focus, and the columns that a single image has.
        curves: 3 x 256, precision, recall and F of metrics.SetScore.
        pictures: where the files are that were compared.
        about: anything else worth keeping: weights, notes on the maps.
    """

    method: str
    dataset: str
    totals: dict[str, float]
    rows: list[dict]
    curves: np.ndarray
    pictures: Pictures = field(default_factory=Pictures)
    about: dict = field(default_factory=dict)

    @classmethod
    def of(cls, method: str, dataset: str, whole: metrics.SetScore, **more) -> "MethodScores":
        return cls(method, dataset, metrics.totals(whole), whole.rows, whole.curves[:3], **more)

    @property
    def columns(self) -> list[str]:
        return [key for key in metrics.COLUMNS if key in self.totals]


def write_scores(folder: Path, scores: list[MethodScores]) -> None:
    """Writes scores.json (totals, and folders relative to this one), scores.csv (a line an image), curves.csv.

    Raises:
        OSError: with the names of what is not written; who calls has printed the scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        {
            "method": scored.method,
            "set": scored.dataset,
            "totals": scored.totals,
            "pictures": asdict(scored.pictures.moved(lambda path: relative(path, folder))),
        }
        | scored.about
        for scored in scores
    ]
    rows = ({"method": scored.method, "set": scored.dataset} | row for scored in scores for row in scored.rows)
    header = dict.fromkeys(["method", "set", *(key for scored in scores for row in scored.rows for key in row)])
    points = [
        {"method": scored.method, "set": scored.dataset, "threshold": 255 - i}
        | {name: round(float(value), 6) for name, value in zip(CURVES, values)}
        for scored in scores
        for i, values in enumerate(scored.curves.T)
    ]
    left = ["scores.csv", "curves.csv", "scores.json"]
    try:
        write_csv(folder / left[0], rows, header)
        left.pop(0)
        write_csv(folder / left[0], points)
        left.pop(0)
        write_json(folder / left[0], {"protocols": metrics.PROTOCOLS, "scores": entries})
    except OSError as error:
        raise OSError(f"{error}; not written: {', '.join(left)}") from None


def relative(path: str, folder: Path) -> str:
    """A path as seen from a folder; the folder's own links are followed, since ".." would follow them too."""
    return Path(os.path.relpath(os.path.abspath(path), folder.resolve())).as_posix()


def read_scores(path: str | Path) -> list[MethodScores]:
    """Reads what write_scores wrote: the folder, or its scores.json.

    Raises:
        FileNotFoundError, ValueError: no such files, or others.
    """
    path = Path(path)
    path = path / "scores.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `test` and `evaluate` write one")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["scores"]
        rows, points = _by_method(path.with_name("scores.csv")), _by_method(path.with_name("curves.csv"))
        return [_from_files(entry, rows, points, path.parent) for entry in entries]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: not a score file that test or evaluate wrote ({what})") from None


def _from_files(entry: dict, rows: dict, points: dict, folder: Path) -> MethodScores:
    key = (entry.pop("method"), check_name(entry.pop("set")))
    return MethodScores(
        *key,
        totals=entry.pop("totals"),
        rows=[{k: v if k == "name" else float(v) for k, v in row.items()} for row in rows[key]],
        curves=np.array([[float(point[name]) for point in points[key]] for name in CURVES]),
        pictures=Pictures(**entry.pop("pictures")).moved(lambda path: str(folder / path)),
        about=entry,
    )


def _by_method(path: Path) -> dict[tuple[str, str], list[dict]]:
    """Lines of a CSV file by (method, set), without these two."""
    lines: dict[tuple[str, str], list[dict]] = {}
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        for line in csv.DictReader(file):
            key = (line.pop("method"), line.pop("set"))
            lines.setdefault(key, []).append(line)
    return lines


@dataclass
class Difference:
    """Mean over the common images of what the second method's score is above the first's, with its standard error."""

    column: str
    first: str
    second: str
    mean: float
    error: float
    images: int

    @property
    def shown(self) -> bool:
        """Whether it exceeds two standard errors (less is noise), over images enough to know the error."""
        return self.images >= FEWEST and abs(self.mean) > 2 * self.error

    @property
    def better(self) -> str:
        """The method that the images show to be better, or an empty string."""
        if not self.shown:
            return ""
        return self.second if (self.mean < 0) == metrics.COLUMNS[self.column].lower_is_better else self.first


def paired_difference(first: MethodScores, second: MethodScores, column: str) -> Difference | None:
    """Difference of two methods on a set in a column that single images have; None with fewer than 2 common images."""
    values = [{row["name"]: row[column] for row in scored.rows if column in row} for scored in (first, second)]
    gains = np.array([values[1][name] - values[0][name] for name in values[0] if name in values[1]])
    if len(gains) < 2:
        return None
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return Difference(column, first.method, second.method, float(gains.mean()), float(error), len(gains))
