"""A table of one set's scores for a paper, in LaTeX (booktabs)."""

from ..metrics import COLUMNS, PROTOCOLS
from .tables import Line, SetTable, number


def latex(table: SetTable) -> str:
    """A booktabs table: protocols over the columns, arrows for direction, best in bold, second best underlined."""
    spans = [(p, [k for k in table.columns if COLUMNS[k].protocol == p]) for p in ("", *PROTOCOLS)]
    spans = [(protocol, keys) for protocol, keys in spans if keys]
    groups = " & ".join(f"\\multicolumn{{{len(keys)}}}{{c}}{{{protocol}}}" for protocol, keys in spans)
    rules, at = "", 2
    for protocol, keys in spans:
        rules += f"\\cmidrule(lr){{{at}-{at + len(keys) - 1}}}" if protocol else ""
        at += len(keys)
    heads = []
    for key in table.columns:
        column = COLUMNS[key]
        title = column.title.removeprefix(column.protocol + " ")
        heads.append(f"{title} $\\{'down' if column.lower_is_better else 'up'}arrow$")
    body = [_latex_line(table, line) for line in table.measured]
    if table.published:
        body += ["\\midrule", f"\\multicolumn{{{at - 1}}}{{l}}{{\\emph{{Published}}}} \\\\"]
        body += [_latex_line(table, line) for line in table.published]
    source = f" Published numbers: {escape('; '.join(table.sources))}." if table.sources else ""
    lines = [
        "% \\usepackage{booktabs,graphicx}",
        "\\begin{table}[t]",
        "\\centering",
        f"\\caption{{Defocus blur detection on {escape(table.dataset)} ({table.images} images); best in bold, second "
        f"best underlined.{source}}}",
        "\\resizebox{\\linewidth}{!}{%",
        f"\\begin{{tabular}}{{l{'c' * len(table.columns)}}}",
        "\\toprule",
        f" & {groups} \\\\ {rules}",
        f"Method & {' & '.join(heads)} \\\\",
        "\\midrule",
        *body,
        "\\bottomrule",
        "\\end{tabular}}",
        "\\end{table}",
    ]
    return "\n".join(lines)


def _latex_line(table: SetTable, line: Line) -> str:
    cells = []
    for key in table.columns:
        value = line.values.get(key)
        mark = "%s" if value is None else ("%s", "\\textbf{%s}", "\\underline{%s}")[table.rank(key, value)]
        cells.append("--" if value is None else mark % number(value))
    # {}: after a line's end LaTeX takes "[" and "*" for options.
    return f"{{}}{escape(table.name_of(line))} & {' & '.join(cells)} \\\\"


def escape(text: str) -> str:
    """Text for LaTeX."""
    special = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    special |= {c: f"\\{c}" for c in "&%$#_{}"} | {c: f"${c}$" for c in "<>|"}
    return "".join(special.get(c, c) for c in text)
