"""Tables of scores: Markdown, LaTeX, CSV, and aligned text for a terminal."""

from collections.abc import Iterable
from dataclasses import asdict

from .comparison import LATEX, MARKDOWN, PLAIN, SetTable, set_tables
from .metrics import COLUMNS, explained
from .scores import Difference, MethodScores

WIDE = 6  # columns that fit into one of two columns of a paper
SHORT = ("mae", "p0_f", "p3_f", "s", "weighted_f")  # columns of each of several sets on a terminal


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
    rows = [[table.name_of(line), *(table.cell(line, key, MARKDOWN) for key in columns)] for line in lines]
    return markdown_table([["method", *map(title, columns)], *rows])


def markdown(table: SetTable, paired: tuple[str, ...] = ("mae", "p3_f")) -> str:
    """The set's tables, with the paired differences of some columns."""
    parts = [f"**{table.title}**", markdown_lines(table, table.measured, table.columns)]
    for source in table.sources:
        lines = [line for line in table.published if line.source == source]
        columns = [key for key in table.columns if any(key in line.totals for line in lines)]
        how = f", not comparable ({table.apart})." if table.apart else "; the measured ones follow."
        shown = lines if table.apart else lines + table.measured
        parts += [f"Published, {source}{how}", markdown_lines(table, shown, columns)]
    head = ["difference", "column", "mean ± standard error", "images", "what it shows"]
    if rows := [one.cells for one in table.differences if one.column in paired]:
        parts += ["Paired differences, image by image (more than 2 standard errors count):"]
        parts += [markdown_table([head, *rows])]
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in [*table.remarks, *explained(table.columns)])])


def _joint(tables: list[SetTable], kind: str, columns: list[str], formats: tuple, digits: int = 3) -> list[list[str]]:
    """A row a measured or published (kind) method, as a paper has it: its name, and its cells on each set in turn."""
    lines = {(line.source, line.method, table): line for table in tables for line in getattr(table, kind)}
    rows = []
    for source, method in dict.fromkeys(key[:2] for key in lines):
        own = [(table, lines.get((source, method, table))) for table in tables]
        marks = [f"{table.dataset}: " * (len(tables) > 1) + mark for table, x in own if x and (mark := table.mark(x))]
        cells = [table.cell(x, key, formats, digits) if x else "" for table, x in own for key in columns]
        if any(cells):
            rows.append([f"{method} ({'; '.join(marks)})" if marks else method, *cells])
    return rows


def latex(tables: list[SetTable], columns: list[str]) -> str:
    """One booktabs table of all sets: the best of each column in bold, the second best underlined.

    Args:
        columns: keys of metrics.COLUMNS to show of each set; with more than WIDE in all the table is a table*.
    """
    columns = [key for key in columns if any(key in table.columns for table in tables)]
    width, count = len(columns), len(columns) * len(tables)
    measured, published = (  # {}: after \\ LaTeX takes [ and * for options
        ["{}" + " & ".join([escape(name), *(cell or "--" for cell in cells)]) + " \\\\" for name, *cells in rows]
        for rows in (_joint(tables, kind, columns, LATEX) for kind in ("measured", "published"))
    )
    caption = ["Defocus blur detection; best in bold, second best underlined."]
    caption += [f"On {table.dataset}, {remark}." for table in tables for remark in table.remarks]
    if published:
        used = dict.fromkeys(x.source for table in tables for x in table.published if x.totals.keys() & set(columns))
        caption.append(f"Published: {'; '.join(used)}.")
        caption += [f"Published scores on {x.dataset} are not comparable: {x.apart}." for x in tables if x.apart]
        apart = [table.dataset for table in tables if table.apart]
        heading = escape(f"Published, not comparable on {', '.join(apart)}" if apart else "Published")
        published.insert(0, f"\\midrule\n\\multicolumn{{{1 + count}}}{{l}}{{\\emph{{{heading}}}}} \\\\")
    caption += [f"{line}." for line in explained(columns)]
    kind, label = "table*" if count > WIDE else "table", "-".join(table.dataset.lower() for table in tables)
    sets = [f"\\multicolumn{{{width}}}{{c}}{{{escape(table.title)}}}" for table in tables]
    rules = [f"\\cmidrule(lr){{{2 + start}-{1 + start + width}}}" for start in range(0, count, width)]
    heads = [title(key).replace("↓", "$\\downarrow$").replace("↑", "$\\uparrow$") for key in columns]
    return "\n".join(
        [
            "% \\usepackage{booktabs}; Chinese, Japanese and Korean names need XeLaTeX and \\usepackage{xeCJK}",
            f"\\begin{{{kind}}}[t]\n\\centering\n\\caption{{{escape(' '.join(caption))}}}",
            f"\\label{{tab:{''.join(c if c.isalnum() else '-' for c in label)}}}\n\\setlength{{\\tabcolsep}}{{4pt}}",
            f"\\begin{{tabular}}{{l{'c' * count}}}\n\\toprule",
            " & ".join(["", *sets]) + " \\\\\n" + "".join(rules),
            " & ".join(["Method", *heads * len(tables)]) + " \\\\\n\\midrule",
            *measured,
            *published,
            f"\\bottomrule\n\\end{{tabular}}\n\\end{{{kind}}}",
        ]
    )


def escape(text: str) -> str:
    """Text for LaTeX."""
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"} | {c: f"${c}$" for c in "<>|"}
    return "".join(special.get(c, c) for c in text)


def printed(scores: list[MethodScores]) -> str:
    """What a terminal shows of scores: one aligned table with four digits, remarks, and the protocols.

    One set has all columns, each of several sets those of SHORT.
    """
    tables = set_tables(scores, published=None)
    columns = [key for key in tables[0].columns if len(tables) == 1 or key in SHORT]
    rows = [["method", *[title(key) for key in columns] * len(tables)], *_joint(tables, "measured", columns, PLAIN, 4)]
    widths = [max(map(len, cells)) for cells in zip(*rows)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    starts = range(1, len(widths), len(columns))
    groups = ["  ".join(" " * width for width in widths[start : start + len(columns)]) for start in starts]
    heads = [table.title.ljust(len(group)) for table, group in zip(tables, groups)]
    remarks = [f"{table.dataset}: {remark}" for table in tables for remark in table.remarks]
    more = ["scores.json and the report have all columns"] * (len(tables) > 1)
    return "\n".join(["  ".join([" " * widths[0], *heads]).rstrip(), *lines, *remarks, *more, *explained(columns)])


def differences(tables: list[SetTable]) -> tuple[list[dict], tuple[str, ...]]:
    """A dict for each paired difference of every set, and the keys."""
    rows = [{"set": table.dataset} | asdict(x) | {"better": x.better} for table in tables for x in table.differences]
    return rows, ("set", *Difference.__annotations__, "better")


def csv_rows(tables: list[SetTable]) -> list[dict]:
    """Every score of every set with full precision; an empty cell where there is no number."""
    return [
        {"set": table.dataset, "kind": "published" if line.source else "measured", "method": line.method}
        | {"images": line.images, "left out": len(line.left_out)}
        | {column.title: line.totals.get(key, "") for key, column in COLUMNS.items()}
        for table in tables
        for line in table.measured + table.published
    ]
