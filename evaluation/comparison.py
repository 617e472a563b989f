"""Methods on one set side by side: who is best where, what their scores depend on, and what papers have published."""

import json
from collections.abc import Iterable
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
        columns: keys of COLUMNS that a measured method has, in order.
        measured, published, lines: what was scored here, what papers say in these columns, and both.
        comparable: whether published scores are of the same images, and ranked with the measured ones.
        remarks: sentences about images, methods and papers that scores depend on.

    Raises ValueError: a method scored twice, or on other images or masks than the first one.
    """

    def __init__(self, measured: list[MethodScores], published: list[MethodScores]):
        self.dataset, self.measured = measured[0].dataset, measured
        names = [one.method for one in measured]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            advice = "evaluate --maps NAME=DIR gives another name"
            raise ValueError(f"scored twice on {self.dataset}: {', '.join(twice)}; {advice}")
        shares = {row["name"]: row["in_focus"] for row in measured[0].rows}
        for one in measured[1:]:
            own = {row["name"]: row["in_focus"] for row in one.rows}
            if own.keys() != shares.keys() or any(abs(own[name] - shares[name]) > 1e-9 for name in own):
                what = f"{one.method} and {measured[0].method} were scored on other images or masks"
                advice = "score both on the same, or select methods with --methods"
                raise ValueError(f"{self.dataset}: {what}; {advice}")
        self.title = f"{self.dataset}, {len(shares)} images"
        self.columns = [key for key in COLUMNS if any(key in one.totals for one in measured)]
        self.published = [one for one in published if one.totals.keys() & set(self.columns)]
        self.lines = measured + self.published
        path = SPLITS / f"{self.dataset}_test.txt"
        self.comparable = path.is_file() and set(read_lines(path)) == shares.keys()
        self.remarks = []
        if one_class := sum(share in (0, 1) for share in shares.values()):
            self.remarks.append(f"{one_class} image(s) have one class only; an F without positives counts as 0")
        for trait, sentence in TRAITS.items():
            if methods := [one.method for one in measured if trait in one.about.get("traits", ())]:
                self.remarks.append(f"maps of {', '.join(methods)} {sentence}")
        self.remarks += [f"published: {source}" for source in dict.fromkeys(one.source for one in self.published)]
        if self.published and not self.comparable:
            reason = f"configs/splits has no list of exactly these images of {self.dataset}"
            self.remarks.append(f"published scores are not comparable: {reason}")

    def differences(self, columns: Iterable[str]) -> list[Difference]:
        """Those of every two measured methods in these columns."""
        pairs = [paired_difference(a, b, key) for key in columns for a, b in combinations(self.measured, 2)]
        return [pair for pair in pairs if pair]

    def is_ranked(self, line: MethodScores) -> bool:
        """Whether the scores are those of the images of this set."""
        return self.comparable or not line.source

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
