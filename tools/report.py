"""`report`: scored methods side by side, as tables, figures and one HTML page."""

from dataclasses import dataclass
from pathlib import Path

from utils.config import option

DESCRIPTION = "Turn the scores of test and evaluate into tables (Markdown, LaTeX, CSV), curves and an HTML page."


@dataclass
class Options:
    """Options of report."""

    scores: list[str] = option([], "folders of test or evaluate, or their scores.json; methods on one set are compared")
    output: str = option("runs/report", "folder to write")
    methods: list[str] = option([], "methods to show, in this order (default: all)")
    published: str = option(
        "yes", "numbers taken from papers, apart from the measured ones: yes, no, or a file like configs/published.json"
    )
    pictures: bool = option(True, "show photographs and maps; False needs the scores alone")
    examples: list[str] = option([], "images in the grid, by file stem (default: best, median and worst ones)")
    by: str = option("", "method by whose MAE the grid's images are chosen (default: the one with the lowest)")
    count: int = option(2, "how many best, median and worst images the grid has", at_least=1)
    title: str = option("Focus maps compared", "title of the page")


def run(options: Options) -> None:
    """Writes the report.

    Raises:
        FileNotFoundError, ValueError: no scores, unreadable ones, a method twice on one set, unknown names.
    """
    from utils.report import write_report
    from utils.report.tables import PUBLISHED
    from utils.scores import read_scores

    if not options.scores:
        raise ValueError("--scores names the folders that test or evaluate wrote")
    scores = [one for path in options.scores for one in read_scores(path)]
    if unknown := set(options.methods) - {one.method for one in scores}:
        raise ValueError(f"no method {', '.join(sorted(unknown))}; there are {', '.join(one.method for one in scores)}")
    if options.methods:
        scores = sorted((one for one in scores if one.method in options.methods),
                        key=lambda one: options.methods.index(one.method))  # fmt: skip
    published = {"yes": PUBLISHED, "true": PUBLISHED, "no": None, "false": None}.get(
        options.published.lower(), Path(options.published)
    )
    folder = Path(options.output)
    remarks = write_report(
        scores, folder, published=published, pictures=options.pictures, examples=options.examples, by=options.by,
        count=options.count, title=options.title,
    )  # fmt: skip
    for remark in remarks:
        print(remark)
    print(f"report in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
