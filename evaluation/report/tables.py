"""Tables of one set's scores, as Markdown and as rows for CSV; measured and published lines apart."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from ..metrics import COLUMNS, explained
from ..scores import Difference, MethodScores, paired_difference

PUBLISHED = Path(__file__).parents[2] / "configs" / "published.json"
DIGITS = 3


@dataclass
class Line:
    """One method's line: its scores by the keys of metrics.COLUMNS, and how many images they are means over.

    left_out: images that have a truth but no usable map of this method.
    source: of a published line where it comes from, and its protocol.
    """

    method: str
    images: int
    values: dict[str, float]
    left_out: int = 0
    source: str = ""


@dataclass
class SetTable:
    """All lines of one set.

    Attributes:
        columns: keys of metrics.COLUMNS that any line has, in order.
        measured, published: lines from maps that were scored here, and numbers taken from a paper.
        differences: of every two measured methods, in every column that single images have.
    """

    dataset: str
    columns: list[str]
    measured: list[Line]
    published: list[Line]
    differences: list[Difference]

    @property
    def images(self) -> int:
        """Most images that a method of this set was scored on."""
        return max(line.images for line in self.measured)

    @property
    def sources(self) -> list[str]:
        """Where the published lines come from, each once."""
        return list(dict.fromkeys(line.source for line in self.published))

    def rank(self, key: str, value: float, digits: int = DIGITS) -> int:
        """1 or 2 when the value as printed is the best or second best of its column, published ones too; else 0."""
        sign = 1 if COLUMNS[key].lower_is_better else -1
        lines = self.measured + self.published
        printed = sorted({sign * round(line.values[key], digits) for line in lines if key in line.values})
        position = printed.index(sign * round(value, digits)) + 1
        return position if position <= 2 and len(printed) > 1 else 0

    def name_of(self, line: Line) -> str:
        """The method, with a warning where its scores are not those of all images."""
        if not line.left_out and line.images == self.images:
            return line.method
        return f"{line.method} ({line.images} images" + (f", {line.left_out} left out)" if line.left_out else ")")


def set_tables(scores: list[MethodScores], published: Path | None) -> list[SetTable]:
    """One table a set, in the order of the scores; published numbers join a set of the same name and size.

    Raises:
        ValueError: two scores of the same method on the same set, or against different masks; a file of published
            numbers that is none, or has a column that is not ours.
    """
    by_set: dict[str, list[MethodScores]] = {}
    for scored in scores:
        if scored.method in {other.method for other in by_set.setdefault(scored.dataset, [])}:
            raise ValueError(f"{scored.method} was scored twice on {scored.dataset}: a method needs a name of its own")
        by_set[scored.dataset].append(scored)
    known = read_published(published) if published else []
    return [_set_table(name, group, known) for name, group in by_set.items()]


def read_published(path: Path) -> list[dict]:
    """Tables of papers: each with "source", "protocol", "set", "images" and "rows", scores by method and column.

    Raises:
        ValueError: another file; a column that is none of metrics.COLUMNS, for a column is one protocol.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        for table in known:
            for method, values in table["rows"].items():
                if unknown := values.keys() - COLUMNS.keys():
                    raise ValueError(f"{method} has the column {', '.join(unknown)}, which is no protocol here")
            table["source"], table["protocol"], table["set"], table["images"]  # all there?
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a file of published numbers ({type(error).__name__}: {error})") from None
    return known


def _set_table(name: str, scores: list[MethodScores], known: list[dict]) -> SetTable:
    _check_same_masks(scores)
    measured = []
    for scored in scores:
        notes = scored.about.get("notes", {})
        left_out = len(notes.get("missing", ())) + len(notes.get("unusable", ()))
        measured.append(
            Line(scored.method, int(scored.totals["images"]), {k: scored.totals[k] for k in scored.columns}, left_out)
        )
    images = max(line.images for line in measured)
    papers = [table for table in known if (table["set"], table["images"]) == (name, images)]
    published = [
        Line(method, images, values, source=f"{paper['source']}: {paper['protocol']}")
        for paper in papers
        for method, values in paper["rows"].items()
    ]
    columns = [key for key in COLUMNS if any(key in line.values for line in measured)]
    for line in published:
        line.values = {key: value for key, value in line.values.items() if key in columns}
    pairs = [paired_difference(a, b, key) for key in columns for a, b in combinations(scores, 2)]
    return SetTable(name, columns, measured, published, [pair for pair in pairs if pair])


def _check_same_masks(scores: list[MethodScores]) -> None:
    """Raises ValueError when an image has different shares in focus with two methods: other masks or polarity."""
    seen: dict[str, tuple[str, float]] = {}
    for scored in scores:
        for row in scored.rows:
            method, share = seen.setdefault(row["name"], (scored.method, row["in_focus"]))
            if abs(share - row["in_focus"]) > 1e-9:
                raise ValueError(
                    f"{scored.dataset}: {scored.method} and {method} were scored against different masks of "
                    f"{row['name']}; give their sets different names"
                )


def number(value: float, digits: int = DIGITS) -> str:
    """A score as the field prints it: .052, 1.000."""
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0.") else text


def markdown_table(rows: list[list[str]]) -> str:
    """A Markdown table of cells; the first row is the head, and all columns but the first are numbers."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rows.insert(1, ["---", *["---:"] * (len(rows[0]) - 1)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def markdown_lines(table: SetTable, lines: list[Line], columns: list[str]) -> str:
    """A Markdown table of scores with the best of each column in bold."""
    return markdown_table(score_rows(table, lines, columns, DIGITS, "**{}**".format))


def score_rows(
    table: SetTable, lines: list[Line], columns: list[str], digits: int, best: Callable[[str], str]
) -> list[list[str]]:
    """Cells of a table of scores with its head; `best` marks the best of each column."""
    rows = [["method", *(f"{COLUMNS[k].title} {'↓' if COLUMNS[k].lower_is_better else '↑'}" for k in columns)]]
    for line in lines:
        cells = [number(line.values[k], digits) if k in line.values else "" for k in columns]
        first = [k in line.values and table.rank(k, line.values[k], digits) == 1 for k in columns]
        rows.append([table.name_of(line), *(best(cell) if is_best else cell for cell, is_best in zip(cells, first))])
    return rows


def markdown(table: SetTable, differences: tuple[str, ...] = ("mae", "p3_f")) -> str:
    """The set's tables with the paired differences of some columns."""
    parts = [f"**{table.dataset}, {table.images} images**", markdown_lines(table, table.measured, table.columns)]
    for source in table.sources:
        lines = [line for line in table.published if line.source == source]
        columns = [key for key in table.columns if any(key in line.values for line in lines)]
        parts.append(f"Published, {source}; the measured ones follow.")
        parts.append(markdown_lines(table, lines + table.measured, columns))
    chosen = [difference for difference in table.differences if difference.column in differences]
    if chosen:
        rows = [["difference", "column", "mean ± standard error", "images", "what it shows"]]
        for difference in chosen:
            shown = f"{difference.better} is better" if difference.shown else "no difference beyond noise"
            rows.append(
                [
                    f"{difference.second} − {difference.first}",
                    COLUMNS[difference.column].title,
                    f"{difference.mean:+.4f} ± {difference.error:.4f}",
                    str(difference.images),
                    shown,
                ]
            )
        parts += ["Paired differences, image by image (more than 2 standard errors count):", markdown_table(rows)]
    parts.append("\n".join(f"- {line}" for line in explained(table.columns)))
    return "\n\n".join(parts)


def printed(scores: list[MethodScores]) -> str:
    """What a terminal shows of scores: an aligned table a set, with more digits than in papers, and the protocols."""
    tables = set_tables(scores, published=None)
    parts = [
        f"{table.dataset}, {table.images} images\n{aligned(score_rows(table, table.measured, table.columns, 4, str))}"
        for table in tables
    ]
    return "\n".join([*parts, *explained(key for table in tables for key in table.columns)])


def aligned(rows: list[list[str]]) -> str:
    """A table of cells for a terminal: the first column to the left, numbers to the right."""
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in rows
    )


def csv_rows(tables: list[SetTable]) -> list[dict]:
    """Every line of every set with full precision; an empty cell where there is no number."""
    rows = []
    for table in tables:
        for kind, lines in (("measured", table.measured), ("published", table.published)):
            for line in lines:
                scores = {COLUMNS[key].title: line.values.get(key, "") for key in COLUMNS}
                rows.append({"set": table.dataset, "kind": kind, "method": line.method, "images": line.images} | scores)
    return rows


DIFFERENCE_FIELDS = ("set", "column", "first", "second", "second minus first", "standard error", "images", "better")


def difference_rows(tables: list[SetTable]) -> list[dict]:
    """Every paired difference of every set; "better" is empty where there is none beyond noise."""
    rows = []
    for table in tables:
        for d in table.differences:
            values = (table.dataset, COLUMNS[d.column].title, d.first, d.second, d.mean, d.error, d.images, d.better)
            rows.append(dict(zip(DIFFERENCE_FIELDS, values)))
    return rows
