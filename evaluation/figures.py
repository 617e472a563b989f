"""Figures of one set as PNG and PDF: precision-recall and F-threshold curves, and a grid of examples."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure  # pyplot would need a display and keep global state
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..utils.files import atomic
from .scores import MethodScores

# Lines differ in greyscale and to colour-blind readers. 6 colours and 7 markers make 42 different lines.
COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#999999")
DASHES = ("-", "--", "-.", ":", (0, (6, 2, 1, 2)), (0, (1, 1)))
MARKERS = "os^Dvx*"
DPI = 300


def curves_figure(scores: list[MethodScores]) -> Figure:
    """Mean precision against mean recall, and mean F against the threshold, of all methods on a set (P5)."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, scored in enumerate(scores):
        precision, recall, f = scored.curves
        style: dict[str, Any] = {"color": COLOURS[number % 6], "linestyle": DASHES[number % 6], "linewidth": 1.4}
        style |= {"marker": MARKERS[number % 7], "markersize": 4, "label": plain(scored.method)}
        start = int(np.argmax(recall > 0))  # no pixel is called positive before, and precision is undefined
        left.plot(recall[start:], precision[start:], markevery=0.1, **style)
        right.plot(np.arange(255, -1, -1), f, markevery=(3 * number, 32), **style)
    left.set(xlabel="recall", ylabel="precision", title="precision and recall", xlim=(0, 1), ylim=(0, 1.02))
    right.set(xlabel="threshold", ylabel="F", title="F-measure (P5)", xlim=(0, 255), ylim=(0, 1.02))
    for panel in (left, right):
        panel.grid(alpha=0.3)
    right.legend(fontsize="small", loc="lower center")
    heading = f"{plain(scores[0].dataset)}: in focus, maps stretched to 0..1, means over images"
    figure.suptitle(heading, fontsize="medium")
    return figure


def grid_figure(rows: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Images side by side: those of each row by the row's label, then by the title of their column."""
    shapes = [next(iter(row.values())).shape for row in rows.values()]
    heights = [shape[0] / shape[1] for shape in shapes]
    titles = next(iter(rows.values()))
    layout = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    figure = Figure(figsize=(1.7 * len(titles), 0.4 + 1.7 * sum(heights)), layout=layout)
    panels = figure.subplots(len(rows), len(titles), squeeze=False, height_ratios=heights)
    for panel, title in zip(panels[0], titles):
        panel.set_title(plain(title), fontsize="small")
    for line, (label, images) in zip(panels, rows.items()):
        line[0].set_ylabel(plain(label), fontsize="xx-small")
        for panel, image in zip(line, images.values()):
            panel.imshow(image, cmap="gray", vmin=0, vmax=255)
            panel.set(xticks=[], yticks=[])
    return figure


def plain(text: str) -> str:
    """A label that matplotlib can show: bytes of another encoding become "?", and no leading underscore hides it."""
    text = text.encode("utf-8", "replace").decode()
    return f" {text}" if text.startswith("_") else text


def save_figure(figure: Figure, path: Path) -> None:
    """Writes PATH.png and PATH.pdf, for print, without the time of writing: the same scores give the same files."""
    for kind, metadata in (("png", None), ("pdf", {"CreationDate": None})):
        with atomic(path.with_name(f"{path.name}.{kind}")) as temporary:
            figure.savefig(temporary, dpi=DPI, format=kind, metadata=metadata)
