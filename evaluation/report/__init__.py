"""The report on scored methods: tables, curves, examples and one page, for people and for papers."""

from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ...utils.files import write_bytes, write_csv
from ...utils.tool_options import ReportOptions
from ..scores import MethodScores
from .figures import curves_figure, grid_figure, save_figure
from .gallery import Gallery
from .latex import latex
from .page import page_example, page_set, write_page
from .tables import DIFFERENCE_FIELDS, PUBLISHED, SetTable, csv_rows, difference_rows, markdown, set_tables

PAGE_SIDE, GRID_SIDE = 400, 600  # pixels
PAGE_IMAGES = 500  # about 30 MB


def write_report(scores: list[MethodScores], options: ReportOptions) -> list[str]:
    """Writes index.html, tables.md, tables.tex, tables.csv, differences.csv, and for each set curves and examples.

    Everything is read before anything is written.

    Args:
        scores: methods on sets; those of one set are compared.
        options: of report; its `scores` and `methods` are what the argument holds.

    Returns:
        Remarks for the user, a line each: what could not be shown.

    Raises:
        ValueError: a method twice on a set; an example or a method that is not there; a vanished or damaged picture.
    """
    published = {"yes": PUBLISHED, "true": PUBLISHED, "no": None, "false": None}.get(
        options.published.lower(), Path(options.published)
    )
    tables = set_tables(scores, published)
    if options.by and options.by not in {scored.method for scored in scores}:
        raise ValueError(f"no method {options.by!r}; there are {', '.join(scored.method for scored in scores)}")
    groups = [[scored for scored in scores if scored.dataset == table.dataset] for table in tables]
    galleries = [Gallery(group) if options.pictures else None for group in groups]
    if unknown := set(options.examples) - {name for gallery in galleries if gallery for name in gallery.names}:
        raise ValueError(f"no image {', '.join(sorted(unknown))} that every method of its set was scored on")
    sets, figures, remarks = [], {}, []
    for table, group, gallery in zip(tables, groups, galleries):
        curves = figures[f"{table.dataset}_curves"] = curves_figure(group)
        note, shown = "made without pictures", []
        if gallery:
            note, names = _what_to_show(gallery, max(len(scored.rows) for scored in group))
            shown = list(gallery.read(names, PAGE_SIDE, partial(page_example, scores=group)))
            if names:
                figures[f"{table.dataset}_examples"] = _grid(gallery, options)
            remarks += [f"{table.dataset}: {note}"] if note else []
        sets.append(page_set(table, curves, shown, note))
    _write(Path(options.output), tables, sets, figures, options.title)
    return remarks


def _write(folder: Path, tables: list[SetTable], sets: list[dict], figures: dict[str, Figure], title: str) -> None:
    for name, figure in figures.items():
        save_figure(figure, folder, name)
    for name in (f"{table.dataset}_examples" for table in tables):
        if name not in figures:  # of an earlier report
            for kind in ("png", "pdf"):
                (folder / f"{name}.{kind}").unlink(missing_ok=True)
    write_bytes(folder / "tables.md", ("\n\n".join(map(markdown, tables)) + "\n").encode())
    write_bytes(folder / "tables.tex", ("\n\n".join(map(latex, tables)) + "\n").encode())
    write_csv(folder / "tables.csv", csv_rows(tables))
    write_csv(folder / "differences.csv", difference_rows(tables), DIFFERENCE_FIELDS)
    write_page(folder / "index.html", sets, title)


def _what_to_show(gallery: Gallery, scored: int) -> tuple[str, list[str]]:
    """A remark on what the page lacks of a set with so many scored images, and the names of the images it shows."""
    if gallery.lacking:
        return f"no pictures: there are no {gallery.lacking}", []
    names, remarks = gallery.names, []
    if len(names) < scored:
        remarks.append(f"only {len(names)} of {scored} images were scored for every method")
    if len(names) > PAGE_IMAGES:
        errors = dict.fromkeys(names, 0.0)
        for row in (row for scored in gallery.scores for row in scored.rows if row["name"] in errors):
            errors[row["name"]] += row["mae"]
        names = sorted(names, key=errors.__getitem__)[-PAGE_IMAGES:]
        remarks.append(f"the page shows the {PAGE_IMAGES} images with the largest errors")
    return "; ".join(remarks), names


def _grid(gallery: Gallery, options: ReportOptions) -> Figure:
    scores = gallery.scores
    best = min(scores, key=lambda scored: scored.totals["mae"])
    chooser = next((scored for scored in scores if scored.method == options.by), best)
    named = {name: name for name in options.examples if name in gallery.names}
    labels = named or gallery.chosen(chooser, options.count)
    lines = gallery.read(list(labels), GRID_SIDE, lambda scored: (labels[scored.name], scored.pictures))
    return grid_figure(list(lines), ["image", "ground truth", *(scored.method for scored in scores)])
