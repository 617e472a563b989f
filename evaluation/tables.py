"""Tables of scores: Markdown, LaTeX, CSV, and aligned text for a terminal."""

from collections.abc import Callable, Iterable

from .comparison import LATEX, MARKDOWN, SetTable, number, set_tables
from .metrics import COLUMNS, explained
from .scores import MethodScores

SHORT = ("mae", "p0_f", "p3_f", "s", "weighted_f")  # columns of each of several sets on a terminal
LATEX_TEXT = str.maketrans(
    {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    | {c: f"\\{c}" for c in "&%$#_{}"}
    | {c: f"${c}$" for c in "<>|"}
    | {"↓": "$\\downarrow$", "↑": "$\\uparrow$"}
)
DIFFERENCE = ["difference", "column", "mean ± standard error", "images", "what it shows"]  # see Difference.cells


def title(key: str) -> str:
    """A column's title with an arrow towards the better end."""
    return f"{COLUMNS[key].title} {'↓' if COLUMNS[key].lower_is_better else '↑'}"


def markdown_table(rows: list[list[str]]) -> str:
    """A Markdown table of cells; the first row is the head, and all columns but the first are numbers."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    rows.insert(1, ["---", *["---:"] * (len(rows[0]) - 1)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def markdown_lines(table: SetTable, lines: list[MethodScores], columns: Iterable[str]) -> str:
    """A Markdown table of scores with the best of each column in bold."""
    rows = [[line.title, *(table.cell(line, key, MARKDOWN) for key in columns)] for line in lines]
    return markdown_table([["method", *map(title, columns)], *rows])


def markdown(table: SetTable, paired: tuple[str, ...] = ("mae", "p3_f")) -> str:
    """The set's tables, with the paired differences of some columns."""
    parts = [f"**{table.title}**", markdown_lines(table, table.lines, table.columns)]
    if rows := [difference.cells for difference in table.differences(paired)]:
        parts.append("Paired differences, image by image (more than 2 standard errors count):")
        parts.append(markdown_table([DIFFERENCE, *rows]))
    parts.append("\n".join(f"- {line}" for line in [*table.remarks, *explained(table.columns)]))
    return "\n\n".join(parts)


def joint_rows(tables: list[SetTable], columns: list[str], cell: Callable) -> list[list[str]]:
    """A row for each method, as a paper has it: its name, then its cells on each set in turn.

    Args:
        cell: the text of a score; takes a table, a line of it, and a key of COLUMNS.
    """
    on_sets: list[dict] = [{(x.source, x.method): x for x in table.lines} for table in tables]
    rows = []
    for key in dict.fromkeys(key for lines in on_sets for key in lines):
        row = [next(lines[key].title for lines in on_sets if key in lines)]
        for table, lines in zip(tables, on_sets):
            line = lines.get(key)
            row += [cell(table, line, column) if line and column in line.totals else "" for column in columns]
        rows += [row] * any(row[1:])
    return rows


def latex(tables: list[SetTable], columns: list[str]) -> str:
    """A booktabs tabular of all sets: the best of each column in bold, the second best underlined.

    Comments above it have what a caption should say. `columns` are the keys of COLUMNS to show of each set.
    """

    def row(cells: list[str]) -> str:
        return " & ".join(cell or "--" for cell in cells) + r" \\"

    columns = [key for key in columns if any(key in table.columns for table in tables)]
    width, count = len(columns), len(columns) * len(tables)
    notes = ["Needs booktabs; Chinese, Japanese and Korean names also need XeLaTeX and xeCJK"]
    notes += ["The best of each column is bold, the second best is underlined"]
    notes += [f"{table.dataset}: {remark}" for table in tables for remark in table.remarks]
    sets = [f"\\multicolumn{{{width}}}{{c}}{{{escape(table.title)}}}" for table in tables]
    rules = [f"\\cmidrule(lr){{{start}-{start + width - 1}}}" for start in range(2, 2 + count, width)]
    lines = [f"% {note}." for note in notes + explained(columns)]
    lines += [f"\\begin{{tabular}}{{l{'c' * count}}}", "\\toprule", row(["{}", *sets]), *rules]
    lines += [row(["Method", *(escape(title(key)) for key in columns * len(tables))]), "\\midrule"]
    for name, *cells in joint_rows(tables, columns, lambda table, line, key: table.cell(line, key, LATEX)):
        lines.append(row(["{}" + escape(name), *cells]))  # {}: after \\ LaTeX takes [ for an option
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def escape(text: str) -> str:
    """Text for LaTeX."""
    return text.translate(LATEX_TEXT)


def printed(scores: list[MethodScores]) -> str:
    """What a terminal shows of scores: one aligned table with four digits, remarks, and the protocols.

    One set has all columns, a line each; each of several sets has those of SHORT.
    """
    tables = set_tables(scores, published=None)
    columns = [key for key in tables[0].columns if len(tables) == 1 or key in SHORT]
    heads = [f"{table.dataset} " * (len(tables) > 1) + title(key) for table in tables for key in columns]
    rows = joint_rows(tables, columns, lambda _, line, key: number(line.totals[key], 4))
    rows.insert(0, ["method", *heads])
    rows = rows if len(tables) > 1 else [*map(list, zip(*rows))]  # eighteen columns fit no terminal
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    remarks = [f"{table.dataset}: {remark}" for table in tables for remark in table.remarks]
    return "\n".join(["; ".join(table.title for table in tables), *lines, *remarks, *explained(columns)])


def csv_rows(tables: list[SetTable]) -> list[dict]:
    """Every score of every set with full precision; an empty cell where there is no number."""
    return [
        {"set": table.dataset, "kind": "published" if line.source else "measured", "method": line.method}
        | {"images": line.images}
        | {column.title: line.totals.get(key, "") for key, column in COLUMNS.items()}
        for table in tables
        for line in table.lines
    ]
