"""The report on scored methods: tables, curves, a grid of examples, and one HTML page with the images."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ..data.images import read_image
from ..data.masks import read_map, read_mask
from ..data.names import list_images
from ..utils.files import write_bytes, write_csv
from ..utils.options import ReportOptions
from ..utils.progress import in_threads
from .figures import curves_figure, grid_figure, save_figure
from .metrics import columns_of
from .page import example_of, figure_uri, render
from .scores import Difference, MethodScores
from .tables import csv_rows, latex, markdown, set_tables

PAGE_SIDE, GRID_SIDE = 400, 600  # pixels
PAGE_IMAGES = 200  # 20 MB for two methods
GRID_IMAGES = 2  # best, median and worst ones each


class Gallery:
    """The images, masks and maps behind the scores of some methods on a set.

    Attributes:
        titles: "image", "ground truth" and the methods, as far as their folders exist.
        errors: MAE of each image that can be shown, mean over the methods, by name, largest first.
        remarks: sentences about what cannot be shown.
    """

    def __init__(self, scores: list[MethodScores]):
        first = scores[0].pictures
        folders: list[tuple[str, str, Callable[[Path], np.ndarray]]] = [
            ("image", next((x.pictures.images for x in scores if x.pictures.images), ""), read_image),
            ("ground truth", first.masks, partial(read_mask, white=first.masks_white)),
            *((x.method, x.pictures.maps, partial(read_map, white=x.pictures.maps_white)) for x in scores),
        ]
        there = [(title, Path(path), read) for title, path, read in folders if path and Path(path).is_dir()]
        self.titles = [title for title, _, _ in there]
        self._files = [(list_images(path, (".npy", ".mat")), read) for _, path, read in there]
        self._maes = {x.method: {row["name"]: row["mae"] for row in x.rows} for x in scores}
        known = [*(files for files, _ in self._files), *self._maes.values()] if self._files else [{}]
        common = set.intersection(*map(set, known))
        errors = {name: sum(of[name] for of in self._maes.values()) / len(scores) for name in sorted(common)}
        self.errors = dict(sorted(errors.items(), key=lambda item: -item[1]))
        absent = [f"{title} ({path or 'no folder known'})" for title, path, _ in folders if title not in self.titles]
        self.remarks = [f"not shown, because the folder is missing: {', '.join(absent)}"] if absent else []
        scored = {row["name"] for x in scores for row in x.rows}
        if self.titles and (lost := sorted(scored - errors.keys())):
            reason = f"because a folder or a method lacks them: {', '.join(lost[:5])}{' ...' * (len(lost) > 5)}"
            self.remarks.append(f"{len(lost)} of {len(scored)} images not shown, {reason}")

    def example(self, name: str) -> dict:
        """What the page shows of one image."""
        return example_of(name, self.read(name, PAGE_SIDE), {x: self._maes[x][name] for x in self._maes})

    def read(self, name: str, side: int) -> dict[str, np.ndarray]:
        """What there is of one image, by title, in the size of the first, at most `side` pixels a side."""
        images = [read(files[name][0]) for files, read in self._files]
        height, width = images[0].shape[:2]
        scale = min(1, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shrunk = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
        return dict(zip(self.titles, shrunk))

    def best_median_worst(self) -> dict[str, str]:
        """Labels of GRID_IMAGES images each with the lowest, median and highest error, by name."""
        order = list(self.errors)[::-1]
        labels: dict[str, str] = {}
        last = max(0, len(order) - GRID_IMAGES)
        for what, place in (("best", 0), ("median", last // 2), ("worst", last)):
            for name in order[place : place + GRID_IMAGES]:
                labels.setdefault(name, f"{name}\n{what}: {self.errors[name]:.3f}")  # groups of few images overlap
        return labels


def write_report(scores: list[MethodScores], options: ReportOptions) -> list[str]:
    """Writes index.html, tables.md, tables.tex, tables.csv, differences.csv, and for each set its curves and examples.

    Args:
        scores: methods on sets; those of one set are compared.
        options: options of the command; `scores` and `methods` are not used here.

    Returns:
        Sentences about what is not shown.

    Raises:
        ValueError: a method twice on a set, an unknown protocol or example, a damaged image.
    """
    columns, folder, tables = columns_of(options.columns), Path(options.output), set_tables(scores)
    groups = [[scored for scored in scores if scored.dataset == table.dataset] for table in tables]
    galleries = [Gallery(group) for group in groups]
    if unknown := set(options.examples) - {name for gallery in galleries for name in gallery.errors}:
        raise ValueError(f"no image {', '.join(sorted(unknown))} that every method of its set has a map of")
    sections, figures, methods = [], {}, list(dict.fromkeys(scored.method for scored in scores))
    for table, group, gallery in zip(tables, groups, galleries):
        worst = list(gallery.errors)[:PAGE_IMAGES]
        if len(worst) < len(gallery.errors):
            gallery.remarks.append(f"the page has the {PAGE_IMAGES} images with the largest errors")
        curves = figures[f"{table.dataset}_curves"] = curves_figure(group)
        examples = list(in_threads(gallery.example, worst, "images", "image"))
        sections.append((table, figure_uri(curves), gallery.remarks, examples))
        labels = {name: name for name in options.examples if name in gallery.errors} or gallery.best_median_worst()
        if rows := {label: list(gallery.read(name, GRID_SIDE).values()) for name, label in labels.items()}:
            figures[f"{table.dataset}_examples"] = grid_figure(rows, gallery.titles)
    for name, figure in figures.items():
        save_figure(figure, folder, name)
    differences = [{"set": t.dataset} | asdict(x) | {"better": x.better} for t in tables for x in t.differences]
    texts = {"tables.md": [*map(markdown, tables)], "tables.tex": [latex(table, columns) for table in tables]}
    texts["index.html"] = [render("Focus maps of " + ", ".join(methods), sections)]
    for name, parts in texts.items():
        write_bytes(folder / name, ("\n\n".join(parts) + "\n").encode("utf-8", "replace"))
    write_csv(folder / "tables.csv", csv_rows(tables))
    write_csv(folder / "differences.csv", differences, ("set", *Difference.__annotations__, "better"))
    return [f"{table.dataset}: {remark}" for table, gallery in zip(tables, galleries) for remark in gallery.remarks]
