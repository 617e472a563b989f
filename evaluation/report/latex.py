"""A table of one set's scores for a paper, in LaTeX (booktabs)."""

from ..metrics import COLUMNS, PROTOCOLS, explained
from .tables import Line, SetTable, number

WIDE = 6  # columns that fit into one of two columns of a paper


def latex(table: SetTable, columns: list[str]) -> str:
    """A booktabs table: protocols over the columns, arrows for direction, best in bold, second best underlined.

    Nothing is scaled: with more than WIDE columns it is one over both columns of a paper.

    Args:
        columns: keys of metrics.COLUMNS to show, of those that the table has.
    """
    columns = [key for key in table.columns if key in columns]
    body = [_latex_line(table, line, columns) for line in table.measured]
    if published := [line for line in table.published if line.values.keys() & set(columns)]:
        body += ["\\midrule", f"\\multicolumn{{{len(columns) + 1}}}{{l}}{{\\emph{{Published}}}} \\\\"]
        body += [_latex_line(table, line, columns) for line in published]
    source = f" Published numbers: {'; '.join(table.sources)}." if published else ""
    of_set = f"Defocus blur detection on {table.dataset} ({table.images} images)"
    caption = [f"{of_set}; best in bold, second best underlined.", *(f"{line}." for line in explained(columns))]
    kind = "table*" if len(columns) > WIDE else "table"
    lines = [
        "% \\usepackage{booktabs}",
        f"\\begin{{{kind}}}[t]",
        "\\centering",
        f"\\caption{{{escape(' '.join(caption) + source)}}}",
        f"\\label{{tab:{''.join(c if c.isalnum() else '-' for c in table.dataset.lower())}}}",
        "\\setlength{\\tabcolsep}{4pt}",
        f"\\begin{{tabular}}{{l{'c' * len(columns)}}}",
        "\\toprule",
        *_heads(columns),
        "\\midrule",
        *body,
        "\\bottomrule",
        "\\end{tabular}",
        f"\\end{{{kind}}}",
    ]
    return "\n".join(lines)


def _heads(columns: list[str]) -> list[str]:
    """Two lines: protocols over their columns, with rules below, and what each column is."""
    spans = [(p, [k for k in columns if COLUMNS[k].protocol == p]) for p in ("", *PROTOCOLS)]
    spans = [(protocol, keys) for protocol, keys in spans if keys]
    groups = " & ".join(f"\\multicolumn{{{len(keys)}}}{{c}}{{{_group(protocol, keys)}}}" for protocol, keys in spans)
    rules, at = "", 2
    for protocol, keys in spans:
        rules += f"\\cmidrule(lr){{{at}-{at + len(keys) - 1}}}" if _group(protocol, keys) else ""
        at += len(keys)
    heads = []
    for key in columns:
        column = COLUMNS[key]
        title = column.title.removeprefix(column.protocol + " ")
        heads.append(f"{title} $\\{'down' if column.lower_is_better else 'up'}arrow$")
    return [f" & {groups} \\\\ {rules}", f"Method & {' & '.join(heads)} \\\\"]


def _group(protocol: str, keys: list[str]) -> str:
    """What stands over the columns of a protocol; nothing where their own head says it."""
    return protocol if any(COLUMNS[key].title != protocol for key in keys) else ""


def _latex_line(table: SetTable, line: Line, columns: list[str]) -> str:
    cells = []
    for key in columns:
        value = line.values.get(key)
        mark = "%s" if value is None else ("%s", "\\textbf{%s}", "\\underline{%s}")[table.rank(key, value)]
        cells.append("--" if value is None else mark % number(value))
    # {}: after a line's end LaTeX takes "[" and "*" for options.
    twice = line in table.published and line.method in {measured.method for measured in table.measured}
    name = table.name_of(line) + ", as published" * twice
    return f"{{}}{escape(name)} & {' & '.join(cells)} \\\\"


def escape(text: str) -> str:
    """Text for LaTeX."""
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"} | {c: f"${c}$" for c in "<>|"}
    return "".join(special.get(c, c) for c in text)
