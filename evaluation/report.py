"""The report on scored methods: tables, curves, a grid of examples, CSV files, and one HTML page with the images."""

import base64
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import rc_context

from ..data.images import read_image
from ..data.masks import read_map, read_mask
from ..utils.files import write_bytes, write_csv
from ..utils.progress import in_threads
from .comparison import number, set_tables
from .figures import curves_figure, grid_figure, save_figure
from .metrics import columns_of, explained
from .scores import MethodScores, files_by_name, image_rows
from .tables import csv_rows, latex, markdown, title

PAGE_SIDE, GRID_SIDE = 400, 600  # pixels
PAGE_IMAGES = 200  # 20 MB for two methods
GRID_IMAGES = 6
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, undefined=StrictUndefined
)
TOO_HIGH, TOO_LOW = np.array([213, 94, 0]), np.array([0, 114, 178])  # RGB of a signed error of +1 and -1


class Gallery:
    """The images, masks and maps behind the scores of some methods on a set.

    Attributes:
        errors: MAE of each image that can be shown, mean over the methods, by name, largest first.
        remarks: sentences about what cannot be shown.
    """

    def __init__(self, scores: list[MethodScores]):
        first = next((one for one in scores if "images" in one.folders), scores[0])
        kinds: list[tuple[str, MethodScores, str, Callable]] = [("image", first, "images", read_image)]
        kinds += [("ground truth", first, "masks", read_mask), *((one.method, one, "maps", read_map) for one in scores)]
        names = {row["name"] for row in first.rows}
        self._files: dict[str, tuple[Callable, dict[str, Path]]] = {}
        self.remarks = []
        for heading, one, kind, read in kinds:
            folder, white = Path(one.folders.get(kind, "no folder known")), one.about.get("white", {})
            if folder.is_dir():
                read = partial(read, white=white[kind]) if kind in white else read
                self._files[heading] = read, files_by_name(folder, names)
            else:
                advice = "; `test --save_map True` keeps maps" if kind == "maps" else ""
                self.remarks.append(f"{heading} is not shown, its folder is missing ({folder}){advice}")
        self._maes = {one.method: {row["name"]: row["mae"] for row in one.rows} for one in scores}
        shown = names.intersection(*(files for _, files in self._files.values()))
        errors = {name: fmean(maes[name] for maes in self._maes.values()) for name in sorted(shown) if self._files}
        self.errors = dict(sorted(errors.items(), key=lambda item: -item[1]))
        if self._files and (lost := len(names) - len(shown)):
            self.remarks.append(f"{lost} of {len(names)} images are not shown, because a folder lacks them")
        if len(self.errors) > PAGE_IMAGES:
            self.remarks.append(f"the page has the {PAGE_IMAGES} images with the largest errors")

    def read(self, name: str, side: int) -> dict[str, np.ndarray]:
        """What there is of one image, by title, in the size of the first, at most `side` pixels a side."""
        images = {heading: read(files[name]) for heading, (read, files) in self._files.items()}
        height, width = next(iter(images.values())).shape[:2]
        scale = min(1, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return {heading: cv2.resize(image, size, interpolation=cv2.INTER_AREA) for heading, image in images.items()}

    def example(self, name: str) -> dict:
        """What the page shows of one image: its name, and a caption and data URIs of each figure."""
        images = self.read(name, PAGE_SIDE)
        truth, figures = images.get("ground truth"), []
        for heading, image in images.items():
            error = self._maes[heading][name] if heading in self._maes else None
            shown = [image] if error is None or truth is None else [image, signed_error(image, truth)]
            caption = heading if error is None else f"{heading} {number(error)}"
            figures.append({"caption": caption, "uris": [webp(one) for one in shown]})
        return {"name": name, "figures": figures}

    def range_of_errors(self) -> list[str]:
        """Names of GRID_IMAGES images, at even steps from the smallest to the largest error."""
        order = list(self.errors)[::-1]
        places = np.linspace(0, len(order) - 1, min(GRID_IMAGES, len(order))).round().astype(int)
        return [order[place] for place in places]


def signed_error(focus_map: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8: white where a map is right, orange where it is too high, blue where it is too low."""
    error = (focus_map.astype(np.float32) - truth)[..., None] / 255
    return np.rint(255 - abs(error) * (255 - np.where(error > 0, TOO_HIGH, TOO_LOW))).astype(np.uint8)


def uri(kind: str, data: bytes) -> str:
    """An image file's bytes as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def webp(image: np.ndarray) -> str:
    """A grey or RGB image as a data URI."""
    quality = [cv2.IMWRITE_WEBP_QUALITY, 90 if image.ndim == 2 else 80]
    return uri("webp", cv2.imencode(".webp", image[..., ::-1] if image.ndim == 3 else image, quality)[1].tobytes())


def write_report(
    scores: list[MethodScores], folder: Path, protocols: Sequence[str] = ("P0", "P3", "S"), names: Sequence[str] = ()
) -> list[str]:
    """Writes index.html, tables (.md, .tex, .csv), images.csv, and each set's curves and examples.

    Methods on one set are compared.

    Args:
        protocols: columns of tables.tex beside MAE. names: images of the grid of examples, see Gallery.range_of_errors.

    Returns sentences about what is not shown.
    Raises ValueError: see SetTable; also an unknown protocol or name, a damaged image.
    """
    columns, tables = columns_of(protocols), set_tables(scores)
    galleries = [Gallery(table.measured) for table in tables]
    if unknown := set(names).difference(*(gallery.errors for gallery in galleries)):
        raise ValueError(f"--examples {' '.join(sorted(unknown))}: no such image with a map of every method")
    heading = "Focus maps of " + ", ".join(dict.fromkeys(scored.method for scored in scores))
    sections = []
    with rc_context({"pdf.fonttype": 42, "text.parse_math": False}):  # 42: text stays text
        for table, gallery in zip(tables, galleries):
            examples = list(in_threads(gallery.example, list(gallery.errors)[:PAGE_IMAGES], "images", "image"))
            curves = curves_figure(table.measured)
            curves.savefig(svg := io.BytesIO(), format="svg", metadata={"Date": None})
            save_figure(curves, folder / f"{table.dataset}_curves")
            sections.append((table, uri("svg+xml", svg.getvalue()), gallery.remarks, examples))
            chosen = [name for name in names if name in gallery.errors] or gallery.range_of_errors()
            rows = {f"{name}\nMAE {number(gallery.errors[name])}": gallery.read(name, GRID_SIDE) for name in chosen}
            if rows:
                save_figure(grid_figure(rows), folder / f"{table.dataset}_examples")
    page = TEMPLATES.get_template("page.html").render(
        heading=heading, sections=sections, title=title, explained=explained
    )
    texts = {"index.html": page, "tables.md": "\n\n".join(map(markdown, tables)), "tables.tex": latex(tables, columns)}
    for name, text in texts.items():
        write_bytes(folder / name, (text + "\n").encode("utf-8", "replace"))
    write_csv(folder / "tables.csv", csv_rows(tables))
    write_csv(folder / "images.csv", image_rows(scores))
    return [f"{table.dataset}: {remark}" for table, gallery in zip(tables, galleries) for remark in gallery.remarks]
