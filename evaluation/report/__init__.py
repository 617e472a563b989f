"""The report on scored methods: tables, curves, examples and one page, for people and for papers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ...utils.files import write_bytes, write_csv
from ..scores import MethodScores
from .figures import curves_figure, grid_figure, save_figure
from .gallery import Gallery
from .page import page_example, page_set, write_page
from .tables import DIFFERENCE_FIELDS, PUBLISHED, csv_rows, difference_rows, latex, markdown, set_tables

PAGE_SIDE, GRID_SIDE = 400, 600  # pixels
PAGE_IMAGES = 500  # about 30 MB


def write_report(
    scores: list[MethodScores], folder: Path, *, published: Path | None = PUBLISHED, pictures: bool = True,
    examples: Sequence[str] = (), by: str = "", count: int = 2, title: str = "Focus maps compared",
) -> list[str]:  # fmt: skip
    """Writes index.html, tables.md, tables.tex, tables.csv, differences.csv, and for each set curves and examples.

    Everything is read before anything is written.

    Args:
        scores: methods on sets; those of one set are compared.
        published: file of published numbers, see configs/published.json; None for none.
        pictures: False leaves out all that needs photographs and maps.
        examples: names of the images in the grid; empty takes the `count` best, median and worst.
        by: the method by whose MAE they are chosen; where it is not, or empty, the one with the lowest MAE.
        title: of the page.

    Returns:
        Remarks for the user, a line each: what could not be shown.

    Raises:
        ValueError: a method twice on a set; an example or a method that is not there; a vanished or damaged picture.
    """
    tables = set_tables(scores, published)
    if by and by not in {one.method for one in scores}:
        raise ValueError(f"no method {by!r}; there are {', '.join(one.method for one in scores)}")
    groups = [[one for one in scores if one.dataset == table.dataset] for table in tables]
    galleries = [Gallery(group) for group in groups] if pictures else []
    if unknown := set(examples) - {name for gallery in galleries for name in gallery.names}:
        raise ValueError(f"no image {', '.join(sorted(unknown))} that every method of its set was scored on")
    figures: dict[str, Figure | None] = {}
    sets, remarks = [], []
    for number, (table, group) in enumerate(zip(tables, groups)):
        curves = figures[f"{table.dataset}_curves"] = curves_figure(group)
        note, shown = "made without pictures", []
        if pictures:
            gallery = galleries[number]
            note, names = _what_to_show(gallery, max(len(one.rows) for one in group))
            shown = list(gallery.read(names, PAGE_SIDE, partial(page_example, scores=group)))
            figures[f"{table.dataset}_examples"] = _grid(gallery, list(examples), by, count) if names else None
            remarks += [f"{table.dataset}: {note}"] if note else []
        sets.append(page_set(table, curves, shown, note))
    for name, figure in figures.items():
        if figure:
            save_figure(figure, folder, name)
    for table, one in zip(tables, sets):
        if not one["examples"]:  # of an earlier report
            for kind in ("png", "pdf"):
                (folder / f"{table.dataset}_examples.{kind}").unlink(missing_ok=True)
    write_bytes(folder / "tables.md", ("\n\n".join(map(markdown, tables)) + "\n").encode())
    write_bytes(folder / "tables.tex", ("\n\n".join(map(latex, tables)) + "\n").encode())
    write_csv(folder / "tables.csv", csv_rows(tables))
    write_csv(folder / "differences.csv", difference_rows(tables), DIFFERENCE_FIELDS)
    write_page(folder / "index.html", sets, title)
    return remarks


def _what_to_show(gallery: Gallery, scored: int) -> tuple[str, list[str]]:
    """A remark on what the page lacks of a set with so many scored images, and the names of the images it shows."""
    if gallery.lacking:
        return f"no pictures: there are no {gallery.lacking}", []
    names, remarks = gallery.names, []
    if len(names) < scored:
        remarks.append(f"only {len(names)} of {scored} images were scored for every method")
    if len(names) > PAGE_IMAGES:
        errors = dict.fromkeys(names, 0.0)
        for row in (row for one in gallery.scores for row in one.rows if row["name"] in errors):
            errors[row["name"]] += row["mae"]
        names = sorted(names, key=errors.__getitem__)[-PAGE_IMAGES:]
        remarks.append(f"the page shows the {PAGE_IMAGES} images with the largest errors")
    return "; ".join(remarks), names


def _grid(gallery: Gallery, examples: list[str], by: str, count: int) -> Figure:
    scores = gallery.scores
    best = min(scores, key=lambda one: one.totals["mae"])
    chooser = next((one for one in scores if one.method == by), best)
    labels = {name: name for name in examples if name in gallery.names} or gallery.chosen(chooser, count)
    lines = gallery.read(list(labels), GRID_SIDE, lambda one: (labels[one.name], one.pictures))
    return grid_figure(list(lines), ["image", "ground truth", *(one.method for one in scores)])
