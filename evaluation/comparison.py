"""Methods on one set side by side: who is best where, what their scores depend on, and what papers have published."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from ..utils.files import read_lines
from .metrics import COLUMNS
from .scores import MethodScores, paired_difference

PUBLISHED = Path(__file__).parent.parent / "configs/published.json"
SPLITS = PUBLISHED.with_name("splits")
DIGITS = 3
# Formats of a score by its rank: none, best, second best.
MARKDOWN, LATEX, PLAIN = ("{}", "**{}**", "{}"), ("{}", "\\textbf{{{}}}", "\\underline{{{}}}"), ("{}", "{}", "{}")
TRAITS = {  # of all maps of a method, as evaluate finds them
    "two levels": "hold two levels: MAE, P0, P5 and E differ from those of grey maps",
    "JPEG": "are JPEG files: their noise moves MAE and P5",
}


class SetTable:
    """The scores of some methods on a set.

    Attributes:
        images: the most that a method of this set was scored on.
        columns: keys of metrics.COLUMNS that a measured method has, in order.
        measured, published: what was scored here, and what papers say in these columns.
        differences: between every two measured methods, in every column of single images, on the images that all have.
        sources: where published scores come from, and under which protocol, each once.
        apart: why published scores are not ranked with measured ones; empty where they are.
        remarks: sentences about images and maps that scores depend on.

    Args:
        papers: entries of configs/published.json.

    Raises:
        ValueError: a method scored twice, or against other masks than another one.
    """

    def __init__(self, dataset: str, measured: list[MethodScores], papers: list[dict]):
        self.dataset, self.measured = dataset, measured
        self.images = max(scored.images for scored in measured)
        self.title = f"{dataset}, {self.images} images"
        names = [scored.method for scored in measured]
        if twice := {name for name in names if names.count(name) > 1}:
            advice = "rename one in its scores.json, scores.csv and curves.csv, or by evaluate --maps NAME=DIR"
            raise ValueError(f"{', '.join(twice)} was scored twice on {dataset}: {advice}")
        self.columns = [key for key in COLUMNS if any(key in scored.totals for scored in measured)]
        shares = self._shares()
        one_class = sum(share in (0, 1) for share in shares.values())
        self.remarks = []
        if one_class:
            self.remarks.append(f"{one_class} image(s) have one class only; an F without positives counts as 0")
        for trait, sentence in TRAITS.items():
            if methods := [scored.method for scored in measured if trait in scored.about.get("traits", ())]:
                self.remarks.append(f"maps of {', '.join(methods)} {sentence}")
        common = set.intersection(*({row["name"] for row in scored.rows} for scored in measured))
        shared = [replace(one, rows=[row for row in one.rows if row["name"] in common]) for one in measured]
        pairs = [paired_difference(a, b, key) for key in self.columns for a, b in combinations(shared, 2)]
        self.differences = [pair for pair in pairs if pair]
        self.published = [
            MethodScores(
                method, dataset, kept | {"images": paper["images"]}, source=f"{paper['source']}: {paper['protocol']}"
            )
            for paper in papers
            for method, values in paper["rows"].items()
            if (kept := {key: value for key, value in values.items() if key in self.columns})
        ]
        self.sources = list(dict.fromkeys(scored.source for scored in self.published))
        self.apart = self._difference_of_tests(set(shares)) if self.published else ""

    def _shares(self) -> dict[str, float]:
        """The share in focus of each image; a ValueError where two methods were scored against different masks."""
        shares: dict[str, float] = {}
        for scored in self.measured:
            for row in scored.rows:
                if abs(shares.setdefault(row["name"], row["in_focus"]) - row["in_focus"]) > 1e-9:
                    what = f"{scored.method} was scored against another mask of {row['name']} than an earlier method"
                    raise ValueError(f"{self.dataset}: {what}; give their sets different names")
        return shares

    def _difference_of_tests(self, names: set[str]) -> str:
        """Why the scored images are not known to be the set's published test images; empty where they are."""
        path = SPLITS / f"{self.dataset}_test.txt"
        if not path.is_file():
            return f"configs/splits has no list of {self.dataset}'s test images"
        listed, count = set(read_lines(path)), max(len(scored.rows) + len(scored.left_out) for scored in self.measured)
        same = names <= listed and count == len(listed)
        return "" if same else f"other images than those of configs/splits/{path.name}"

    def is_ranked(self, line: MethodScores) -> bool:
        """Whether the scores are those of all images of this set."""
        return not self.apart if line.source else not line.left_out and line.images == self.images

    def rank(self, line: MethodScores, key: str, digits: int = DIGITS) -> int:
        """1 or 2 if the score, as printed, is the best or second best of its column; else 0."""
        sign = 1 if COLUMNS[key].lower_is_better else -1
        lines = [one for one in self.measured + self.published if key in one.totals and self.is_ranked(one)]
        scores = sorted({sign * round(one.totals[key], digits) for one in lines})
        if len(scores) < 2 or not self.is_ranked(line):
            return 0
        place = scores.index(sign * round(line.totals[key], digits)) + 1
        return place if place <= 2 else 0

    def mark(self, line: MethodScores) -> str:
        """What is said behind a measured method whose scores are not those of all images."""
        left_out = f", {len(line.left_out)} left out" if line.left_out else ""
        return "" if line.source or self.is_ranked(line) else f"{line.images} images{left_out}; not ranked"

    def name_of(self, line: MethodScores) -> str:
        """The method with its mark."""
        return f"{line.method} ({mark})" if (mark := self.mark(line)) else line.method

    def cell(self, line: MethodScores, key: str, formats: tuple[str, ...] = PLAIN, digits: int = DIGITS) -> str:
        """A score by the format of its rank; empty where there is none."""
        value = line.totals.get(key)
        return "" if value is None else formats[self.rank(line, key, digits)].format(number(value, digits))


def number(value: float, digits: int = DIGITS) -> str:
    """A score as the field prints it: .052, 1.000."""
    return f"{value:.{digits}f}".removeprefix("0")


def set_tables(scores: list[MethodScores], published: Path | None = PUBLISHED) -> list[SetTable]:
    """A table for each set, in the order of the scores, with the published scores on a set of that name.

    Args:
        published: tables of papers, see configs/published.json.

    Raises:
        ValueError: see SetTable.
    """
    papers = json.loads(published.read_text(encoding="utf-8")) if published else []
    return [
        SetTable(name, [x for x in scores if x.dataset == name], [paper for paper in papers if paper["set"] == name])
        for name in dict.fromkeys(scored.dataset for scored in scores)
    ]
