"""`report`: scored methods side by side, as tables, figures and one HTML page."""

from pathlib import Path

from ..evaluation.report import write_report
from ..evaluation.scores import read_scores
from ..utils.files import locked
from ..utils.tool_options import ReportOptions


def run(options: ReportOptions) -> None:
    """Writes the report.

    Raises:
        FileNotFoundError, ValueError: no scores, unreadable ones, a method twice on one set, unknown names.
    """
    if not options.scores:
        raise ValueError("--scores names the folders that test or evaluate wrote")
    scores = [scored for path in options.scores for scored in read_scores(path)]
    if unknown := set(options.methods) - {scored.method for scored in scores}:
        raise ValueError(
            f"no method {', '.join(sorted(unknown))}; there are {', '.join(scored.method for scored in scores)}"
        )
    if options.methods:
        scores = sorted(
            (scored for scored in scores if scored.method in options.methods),
            key=lambda scored: options.methods.index(scored.method),
        )
    folder = Path(options.output)
    with locked(folder):
        for remark in write_report(scores, options):
            print(remark)
    print(f"report in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
