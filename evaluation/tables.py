"""Tables of the scores on a set: Markdown, LaTeX, CSV, and aligned text for a terminal."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from ..utils.files import read_lines
from .metrics import COLUMNS, explained
from .scores import Difference, MethodScores, paired_difference

PUBLISHED = Path(__file__).parent.parent / "configs/published.json"
SPLITS = PUBLISHED.with_name("splits")
DIGITS = 3
WIDE = 6  # columns that fit into one of two columns of a paper
# Formats of a score by its rank: none, best, second best.
MARKDOWN, LATEX, PLAIN = ("{}", "**{}**", "{}"), ("{}", "\\textbf{{{}}}", "\\underline{{{}}}"), ("{}", "{}", "{}")


@dataclass
class Line:
    """One method's scores by the keys of metrics.COLUMNS.

    Attributes:
        images, left_out: how many images the scores are means over, and how many masks had no usable map.
        source: where the line was published, and under which protocol; empty for a measured line.
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
        columns: keys of metrics.COLUMNS that a measured line has, in order.
        measured, published: lines from maps that were scored here, and lines from papers.
        differences: of every two measured methods in every column of single images, on the images that all have.
        apart: why published lines are not ranked with measured ones; empty where they are.
    """

    dataset: str
    columns: list[str]
    measured: list[Line]
    published: list[Line] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    apart: str = ""

    @property
    def images(self) -> int:
        """The most images that a method of this set was scored on."""
        return max(line.images for line in self.measured)

    @property
    def sources(self) -> list[str]:
        """Where the published lines come from, each once."""
        return list(dict.fromkeys(line.source for line in self.published))

    def is_ranked(self, line: Line) -> bool:
        """Whether the line's scores are those of all images of this set."""
        return not self.apart if line.source else not line.left_out and line.images == self.images

    def rank(self, line: Line, key: str, digits: int = DIGITS) -> int:
        """1 or 2 if the line's score, as printed, is the best or second best of its column; else 0."""
        sign = 1 if COLUMNS[key].lower_is_better else -1
        lines = [one for one in self.measured + self.published if key in one.values and self.is_ranked(one)]
        scores = sorted({sign * round(one.values[key], digits) for one in lines})
        if len(scores) < 2 or not self.is_ranked(line):
            return 0
        place = scores.index(sign * round(line.values[key], digits)) + 1
        return place if place <= 2 else 0

    def name_of(self, line: Line) -> str:
        """The method, marked where its scores are not those of all images."""
        left_out = f", {line.left_out} left out" if line.left_out else ""
        whole = line.source or self.is_ranked(line)
        return line.method if whole else f"{line.method} ({line.images} images{left_out}; not ranked)"

    def cell(self, line: Line, key: str, formats: tuple[str, ...] = PLAIN, digits: int = DIGITS) -> str:
        """A score of a line by the format of its rank; empty where there is none."""
        value = line.values.get(key)
        return "" if value is None else formats[self.rank(line, key, digits)].format(number(value, digits))


def number(value: float, digits: int = DIGITS) -> str:
    """A score as the field prints it: .052, 1.000."""
    return f"{value:.{digits}f}".removeprefix("0")


def title(key: str) -> str:
    """A column's title with an arrow towards the better end."""
    return f"{COLUMNS[key].title} {'↓' if COLUMNS[key].lower_is_better else '↑'}"


def set_tables(scores: list[MethodScores], published: Path | None = PUBLISHED) -> list[SetTable]:
    """A table for each set, in the order of the scores, with the published lines of a set of that name.

    Args:
        published: tables of papers, see configs/published.json.

    Raises:
        ValueError: two scores of one method on one set, or against different masks.
    """
    by_set: dict[str, list[MethodScores]] = {}
    for scored in scores:
        if scored.method in {other.method for other in by_set.setdefault(scored.dataset, [])}:
            raise ValueError(f"{scored.method} was scored twice on {scored.dataset}: a method needs a name of its own")
        by_set[scored.dataset].append(scored)
    papers = json.loads(published.read_text(encoding="utf-8")) if published else []
    return [_set_table(name, group, [p for p in papers if p["set"] == name]) for name, group in by_set.items()]


def _set_table(name: str, scores: list[MethodScores], papers: list[dict]) -> SetTable:
    _check_same_masks(scores)
    columns = [key for key in COLUMNS if any(key in scored.totals for scored in scores)]
    common = set.intersection(*({row["name"] for row in scored.rows} for scored in scores))
    shared = [replace(one, rows=[row for row in one.rows if row["name"] in common]) for one in scores]
    pairs = [paired_difference(a, b, key) for key in columns for a, b in combinations(shared, 2)]
    published = [
        Line(method, paper["images"], kept, source=f"{paper['source']}: {paper['protocol']}")
        for paper in papers
        for method, values in paper["rows"].items()
        if (kept := {key: value for key, value in values.items() if key in columns})
    ]
    measured = [
        Line(x.method, int(x.totals["images"]), {key: x.totals[key] for key in x.columns}, len(x.left_out))
        for x in scores
    ]
    apart = _difference_of_tests(name, scores) if published else ""
    return SetTable(name, columns, measured, published, [pair for pair in pairs if pair], apart)


def _check_same_masks(scores: list[MethodScores]) -> None:
    """Raises ValueError when an image has different shares in focus with two methods: other masks or polarity."""
    shares: dict[str, float] = {}
    for scored in scores:
        for row in scored.rows:
            if abs(shares.setdefault(row["name"], row["in_focus"]) - row["in_focus"]) > 1e-9:
                what = f"{scored.method} was scored against another mask of {row['name']} than a method before it"
                raise ValueError(f"{scored.dataset}: {what}; give their sets different names")


def _difference_of_tests(name: str, scores: list[MethodScores]) -> str:
    """Why the scored images are not known to be the set's published test images; empty where they are."""
    path = SPLITS / f"{name}_test.txt"
    if not path.is_file():
        return f"configs/splits has no list of {name}'s test images"
    listed, names = set(read_lines(path)), {row["name"] for scored in scores for row in scored.rows}
    count = max(len(scored.rows) + len(scored.left_out) for scored in scores)
    return "" if names <= listed and count == len(listed) else f"other images than those of configs/splits/{path.name}"


def markdown_table(rows: list[list[str]]) -> str:
    """A Markdown table of cells; the first row is the head, and all columns but the first are numbers."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rows.insert(1, ["---", *["---:"] * (len(rows[0]) - 1)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def markdown_lines(table: SetTable, lines: list[Line], columns: Iterable[str]) -> str:
    """A Markdown table of scores with the best of each column in bold."""
    rows = [[table.name_of(line), *(table.cell(line, key, MARKDOWN) for key in columns)] for line in lines]
    return markdown_table([["method", *map(title, columns)], *rows])


def markdown(table: SetTable, differences: tuple[str, ...] = ("mae", "p3_f")) -> str:
    """The set's tables, with the paired differences of some columns."""
    parts = [f"**{table.dataset}, {table.images} images**", markdown_lines(table, table.measured, table.columns)]
    for source in table.sources:
        lines = [line for line in table.published if line.source == source]
        columns = [key for key in table.columns if any(key in line.values for line in lines)]
        how = f", not comparable ({table.apart})." if table.apart else "; the measured ones follow."
        shown = lines if table.apart else lines + table.measured
        parts += [f"Published, {source}{how}", markdown_lines(table, shown, columns)]
    rows = [
        [
            f"{one.second} − {one.first}",
            COLUMNS[one.column].title,
            f"{one.mean:+.4f} ± {one.error:.4f}",
            str(one.images),
            f"{one.better} is better" if one.better else "no difference beyond noise",
        ]
        for one in table.differences
        if one.column in differences
    ]
    if rows:
        head = ["difference", "column", "mean ± standard error", "images", "what it shows"]
        parts += ["Paired differences, image by image (more than 2 standard errors count):"]
        parts += [markdown_table([head, *rows])]
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in explained(table.columns))])


def latex(table: SetTable, columns: list[str]) -> str:
    """A booktabs table with the best of each column in bold and the second best underlined.

    Args:
        columns: keys of metrics.COLUMNS to show; with more than WIDE it goes over both columns of a paper.
    """
    columns = [key for key in table.columns if key in columns]
    published = [line for line in table.published if line.values.keys() & set(columns)]

    def rows(lines: list[Line]) -> list[str]:
        names = ["{}" + escape(table.name_of(line)) for line in lines]  # {}: after \\ LaTeX takes [ and * for options
        cells = [[table.cell(line, key, LATEX) or "--" for key in columns] for line in lines]
        return [" & ".join([name, *row]) + " \\\\" for name, row in zip(names, cells)]

    of_set = f"Defocus blur detection on {table.dataset} ({table.images} images)"
    caption = [f"{of_set}; best in bold, second best underlined.", *(f"{line}." for line in explained(columns))]
    group = []
    if published:
        caption.append(f"Published numbers: {'; '.join(dict.fromkeys(line.source for line in published))}.")
        heading = escape(f"Published, not comparable ({table.apart})" if table.apart else "Published")
        group = ["\\midrule", f"\\multicolumn{{{len(columns) + 1}}}{{l}}{{\\emph{{{heading}}}}} \\\\", *rows(published)]
    kind = "table*" if len(columns) > WIDE else "table"
    heads = [escape(title(key)).replace("↓", "$\\downarrow$").replace("↑", "$\\uparrow$") for key in columns]
    return "\n".join(
        [
            f"% \\usepackage{{booktabs}}\n\\begin{{{kind}}}[t]\n\\centering",
            f"\\caption{{{escape(' '.join(caption))}}}",
            f"\\label{{tab:{''.join(c if c.isalnum() else '-' for c in table.dataset.lower())}}}",
            f"\\setlength{{\\tabcolsep}}{{4pt}}\n\\begin{{tabular}}{{l{'c' * len(columns)}}}\n\\toprule",
            " & ".join(["Method", *heads]) + " \\\\",
            "\\midrule",
            *rows(table.measured),
            *group,
            f"\\bottomrule\n\\end{{tabular}}\n\\end{{{kind}}}",
        ]
    )


def escape(text: str) -> str:
    """Text for LaTeX."""
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"} | {c: f"${c}$" for c in "<>|"}
    return "".join(special.get(c, c) for c in text)


def printed(scores: list[MethodScores]) -> str:
    """What a terminal shows of scores: an aligned table a set with four digits, and the protocols."""
    tables, parts = set_tables(scores, published=None), []
    for table in tables:
        rows = [["method", *map(title, table.columns)]]
        rows += [[table.name_of(x), *(table.cell(x, key, digits=4) for key in table.columns)] for x in table.measured]
        widths = [max(map(len, cells)) for cells in zip(*rows)]
        parts.append(f"{table.dataset}, {table.images} images")
        parts += ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([*parts, *explained(key for table in tables for key in table.columns)])


def csv_rows(tables: list[SetTable]) -> list[dict]:
    """Every line of every set with full precision; an empty cell where there is no number."""
    return [
        {"set": table.dataset, "kind": "published" if line.source else "measured", "method": line.method}
        | {"images": line.images, "left out": line.left_out}
        | {column.title: line.values.get(key, "") for key, column in COLUMNS.items()}
        for table in tables
        for line in table.measured + table.published
    ]
