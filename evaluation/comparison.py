"""Methods on one set side by side: who is best where, what their scores depend on, and what papers have published."""

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from ..utils.files import read_lines
from .metrics import COLUMNS
from .scores import Difference, MethodScores, paired_difference

PUBLISHED = Path(__file__).parent.parent / "configs/published.json"
SPLITS = PUBLISHED.with_name("splits")
MARKDOWN, LATEX = ("{}", "**{}**", "{}"), ("{}", "\\textbf{{{}}}", "\\underline{{{}}}")  # no rank, best, second best
TRAITS = {  # of all maps of a method, as evaluate finds them
    "two levels": "hold two levels: MAE, P0, P5 and E differ from those of grey maps",
    "JPEG": "are JPEG files: their noise moves MAE and P5",
}


class SetTable:
    """The scores of some methods on a set.

    Attributes:
        images: the most that a method was scored on.
        columns: keys of COLUMNS that a measured method has, in order.
        measured, published, lines: what was scored here, what papers say in these columns, and both.
        comparable: whether published scores are of the same images, and ranked with the measured ones.
        remarks: sentences about images, methods and papers that scores depend on.

    Raises ValueError: a method scored twice, or against other masks than another one.
    """

    def __init__(self, measured: list[MethodScores], published: list[MethodScores]):
        self.dataset, self.measured = measured[0].dataset, measured
        names = [one.method for one in measured]
        if twice := {name for name in names if names.count(name) > 1}:
            advice = "evaluate --maps NAME=DIR gives it another name"
            raise ValueError(f"{', '.join(twice)} was scored twice on {self.dataset}: {advice}")
        self.images = max(one.images for one in measured)
        self.title = f"{self.dataset}, {self.images} images"
        self.columns = [key for key in COLUMNS if any(key in one.totals for one in measured)]
        self.published = [one for one in published if one.totals.keys() & set(self.columns)]
        self.lines = measured + self.published
        shares, path = self._shares(), SPLITS / f"{self.dataset}_test.txt"
        self.comparable = path.is_file() and set(read_lines(path)) == shares.keys()
        self.remarks = []
        if one_class := sum(share in (0, 1) for share in shares.values()):
            self.remarks.append(f"{one_class} image(s) have one class only; an F without positives counts as 0")
        for trait, sentence in TRAITS.items():
            if methods := [one.method for one in measured if trait in one.about.get("traits", ())]:
                self.remarks.append(f"maps of {', '.join(methods)} {sentence}")
        for one in measured:
            if not self.is_ranked(one):
                count = f"{one.images} images, {len(one.left_out)} left out"
                self.remarks.append(f"{self.name_of(one)} is not ranked: {count}")
        self.remarks += [f"published: {source}" for source in dict.fromkeys(one.source for one in self.published)]
        if self.published and not self.comparable:
            reason = f"configs/splits has no list of exactly these images of {self.dataset}"
            self.remarks.append(f"published scores are not comparable: {reason}")

    def _shares(self) -> dict[str, float]:
        """The share in focus of each image; a ValueError where two methods were scored against different masks."""
        shares: dict[str, float] = {}
        for one in self.measured:
            for row in one.rows:
                if abs(shares.setdefault(row["name"], row["in_focus"]) - row["in_focus"]) > 1e-9:
                    what = f"{one.method} was scored against another mask of {row['name']} than an earlier method"
                    raise ValueError(f"{self.dataset}: {what}; give their sets different names")
        return shares

    def differences(self, columns: Iterable[str]) -> list[Difference]:
        """Those of every two measured methods in these columns, on the images that all methods have."""
        common = set.intersection(*({row["name"] for row in one.rows} for one in self.measured))
        shared = [replace(one, rows=[row for row in one.rows if row["name"] in common]) for one in self.measured]
        pairs = [paired_difference(a, b, key) for key in columns for a, b in combinations(shared, 2)]
        return [pair for pair in pairs if pair]

    def is_ranked(self, line: MethodScores) -> bool:
        """Whether the scores are those of all images of this set."""
        return self.comparable if line.source else not line.left_out and line.images == self.images

    def name_of(self, line: MethodScores) -> str:
        """The method; said of a published one, and a star for a measured one that is not ranked."""
        return f"{line.method}, published" if line.source else line.method + "*" * (not self.is_ranked(line))

    def rank(self, line: MethodScores, key: str) -> int:
        """1 or 2 if the score, as printed, is the best or second best of its column; else 0."""
        sign = 1 if COLUMNS[key].lower_is_better else -1
        ranked = [one for one in self.lines if key in one.totals and self.is_ranked(one)]
        best = sorted({sign * float(number(one.totals[key])) for one in ranked})
        score = sign * float(number(line.totals[key]))
        return best.index(score) + 1 if len(best) > 1 and self.is_ranked(line) and score in best[:2] else 0

    def cell(self, line: MethodScores, key: str, formats: tuple[str, ...] = ("{}", "{}", "{}")) -> str:
        """A score by the format of its rank; empty where there is none."""
        return formats[self.rank(line, key)].format(number(line.totals[key])) if key in line.totals else ""


def number(value: float, digits: int = 3) -> str:
    """A score as the field prints it: .052, 1.000."""
    return f"{value:.{digits}f}".removeprefix("0")


def set_tables(scores: list[MethodScores], published: Path | None = PUBLISHED) -> list[SetTable]:
    """A table for each set, in the order of the scores, with published ones (configs/published.json); see SetTable."""
    lines = []
    for paper in json.loads(published.read_text(encoding="utf-8")) if published else []:
        source = f"{paper['source']}: {paper['protocol']}"
        for method, values in paper["rows"].items():
            lines.append(MethodScores(method, paper["set"], values | {"images": paper["images"]}, source=source))
    return [
        SetTable(*([one for one in some if one.dataset == name] for some in (scores, lines)))
        for name in dict.fromkeys(one.dataset for one in scores)
    ]
