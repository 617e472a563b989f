"""The report on scored methods: tables, curves, examples and one page, for people and for papers."""

from pathlib import Path

from ..files import write_bytes, write_csv
from ..metrics import COLUMNS
from ..scores import MethodScores
from .figures import curves_figure, grid_figure, save_figure
from .gallery import Gallery
from .page import page_set, write_page
from .tables import PUBLISHED, SetTable, csv_rows, latex, markdown, set_tables

PAGE_SIDE, GRID_SIDE = 400, 600  # pixels


def write_report(
    scores: list[MethodScores], folder: Path, *, published: Path | None = PUBLISHED, pictures: bool = True,
    examples: list[str] = (), by: str = "", count: int = 2, title: str = "Focus maps compared",
) -> list[str]:  # fmt: skip
    """Writes index.html, tables.md, tables.tex, tables.csv, differences.csv, and for each set curves and examples.

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
        ValueError: a method twice on a set; an example or a method that is not there; a damaged picture.
    """
    tables = set_tables(scores, published)
    if unknown := set(examples) - {row["name"] for one in scores for row in one.rows}:
        raise ValueError(f"no image {', '.join(sorted(unknown))} was scored")
    if by and by not in {one.method for one in scores}:
        raise ValueError(f"no method {by!r}; there are {', '.join(one.method for one in scores)}")
    sets, remarks = [], []
    for table in tables:
        group = [one for one in scores if one.dataset == table.dataset]
        curves = curves_figure(group)
        save_figure(curves, folder / f"{table.dataset}_curves")
        gallery = Gallery(group)
        note = f"no pictures: there are no {gallery.lacking}" if gallery.lacking else ""
        if not pictures:
            note = "made without pictures"
        elif note:
            remarks.append(f"{table.dataset}: {note}")
        shown = [] if note else gallery.names
        if shown:
            names = [name for name in examples if name in gallery.names]
            _write_grid(folder / f"{table.dataset}_examples", gallery, group, names, by, count)
        if len({len(one.rows) for one in group} | {len(gallery.names)}) > 1:
            remarks.append(f"{table.dataset}: only {len(gallery.names)} images were scored for every method")
        sets.append(page_set(table, group, curves, gallery.read(shown, PAGE_SIDE), note))
    write_bytes(folder / "tables.md", ("\n\n".join(map(markdown, tables)) + "\n").encode())
    write_bytes(folder / "tables.tex", ("\n\n".join(map(latex, tables)) + "\n").encode())
    write_csv(folder / "tables.csv", csv_rows(tables))
    _write_differences(folder / "differences.csv", tables)
    write_page(folder / "index.html", sets, title)
    return remarks


def _write_grid(
    path: Path, gallery: Gallery, scores: list[MethodScores], names: list[str], by: str, count: int
) -> None:
    best = min(scores, key=lambda one: one.totals["mae"])
    chooser = next((one for one in scores if one.method == by), best)
    labels = {name: name for name in names} or gallery.chosen(chooser, count)
    lines = [(labels[one.name], one.pictures) for one in gallery.read(list(labels), GRID_SIDE)]
    save_figure(grid_figure(lines, ["image", "ground truth", *(one.method for one in scores)]), path)


def _write_differences(path: Path, tables: list[SetTable]) -> None:
    rows = [
        {"set": table.dataset, "column": COLUMNS[one.column].title, "first": one.first, "second": one.second,
         "second minus first": one.mean, "standard error": one.error, "images": one.images, "better": one.better}
        for table in tables for one in table.differences
    ]  # fmt: skip
    if rows:
        write_csv(path, rows)
