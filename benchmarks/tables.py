"""The tables of the benchmarks."""


def markdown(report: dict) -> str:
    """The tables of a report, under the machine's name."""
    names = ", ".join(f"{key} {value}" for key, value in report["machine"].items() if key != "device")
    parts = [f"{report['machine']['device']}; {names}; medians."]
    for name, section in report["sections"].items():
        if name == "scaling":
            continue  # the plot shows it
        parts += [f"**{section['title']}**", table(section["rows"])]
    return "\n\n".join(parts) + "\n"


def table(rows: list[dict]) -> str:
    """Markdown table of rows with the same keys."""
    from ran.evaluation.report.tables import markdown_table  # in a child: it would raise the peaks of later sections

    return markdown_table([list(rows[0]), *([cell(value) for value in row.values()] for row in rows)])


def cell(value) -> str:
    """A number with three digits that count."""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, str):
        return value
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
