"""`report`: scored methods side by side, as tables, figures and one HTML page."""

from pathlib import Path

from ..evaluation.report import write_report
from ..evaluation.scores import read_scores
from ..utils.files import locked
from ..utils.progress import say
from .options import ReportOptions


def run(options: ReportOptions) -> None:
    """Writes the report, and says what is not in it.

    Raises FileNotFoundError, ValueError: no scores, unreadable ones, a method twice on one set, methods scored on other
    images or masks, unknown names.
    """
    if not options.scores:
        raise ValueError("--scores names the folders that test or evaluate wrote")
    scores = [scored for path in options.scores for scored in read_scores(path)]
    known = list(dict.fromkeys(scored.method for scored in scores))
    if unknown := set(options.methods) - set(known):
        raise ValueError(f"--methods: no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    order = options.methods or known
    scores = sorted((one for one in scores if one.method in order), key=lambda one: order.index(one.method))
    folder = Path(options.output)
    with locked(folder):
        say(write_report(scores, folder, options.columns, options.examples))
    print(f"report in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
