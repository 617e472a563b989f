"""Figures of one set: precision-recall and F-threshold curves, and a grid of examples; PNG and PDF."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure  # no pyplot: no display, no global state
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ...utils.files import atomic
from ..scores import MethodScores

# Told apart in greyscale and by colour-blind readers: dashes and markers differ, and the greys too.
# Their numbers have no common factor, so that 42 methods differ.
LINES = (
    {"color": "#000000", "linestyle": "-"},
    {"color": "#d55e00", "linestyle": "--"},
    {"color": "#0072b2", "linestyle": "-."},
    {"color": "#009e73", "linestyle": ":"},
    {"color": "#cc79a7", "linestyle": (0, (6, 2, 1, 2))},
    {"color": "#999999", "linestyle": (0, (1, 1))},
)
MARKERS = "os^Dvx*"


def curves_figure(scores: list[MethodScores]) -> Figure:
    """Mean precision against mean recall, and mean F against the threshold, of all methods on a set (P5)."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, scored in enumerate(scores):
        precision, recall, f = scored.curves
        style = LINES[number % len(LINES)] | {"marker": MARKERS[number % len(MARKERS)], "markersize": 4}
        style |= {"linewidth": 1.4, "label": plain(scored.method)}
        # From the first threshold that calls any pixel positive in some image: before it, precision means nothing.
        start = int(np.argmax(recall > 0))
        left.plot(recall[start:], precision[start:], markevery=0.1, **style)
        right.plot(np.arange(255, -1, -1), f, markevery=(3 * number, 32), **style)
    left.set(xlabel="recall", ylabel="precision", title="precision and recall", xlim=(0, 1), ylim=(0, 1.02))
    right.set(xlabel="threshold", ylabel="F", title="F-measure (P5)", xlim=(0, 255), ylim=(0, 1.02))
    for panel in (left, right):
        panel.grid(alpha=0.3)
    right.legend(fontsize="small", loc="lower center")
    title = f"{plain(scores[0].dataset)}: in focus, maps stretched to 0..1, means over images"
    figure.suptitle(title, fontsize="medium")
    return _arranged(figure)


def grid_figure(pictures: list[tuple[str, list[np.ndarray]]], titles: list[str]) -> Figure:
    """Examples, a line an image.

    Args:
        pictures: a label and the pictures of each line: photograph, truth, and each method's map.
        titles: over the columns.
    """
    width = 1.7 * len(titles)
    heights = [line[0].shape[0] / line[0].shape[1] for _, line in pictures]
    layout = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    figure = Figure(figsize=(width, 0.4 + sum(1.7 * height for height in heights)), layout=layout)
    panels = figure.subplots(len(pictures), len(titles), squeeze=False, height_ratios=heights)
    for panel, title in zip(panels[0], titles):
        panel.set_title(plain(title), fontsize="small")
    for line, (label, row) in zip(panels, pictures):
        line[0].set_ylabel(plain(label), fontsize="xx-small")
        for panel, picture in zip(line, row):
            panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
            panel.set(xticks=[], yticks=[])
    return _arranged(figure)


def _arranged(figure: Figure) -> Figure:
    """Its panels in their places for good: otherwise each file of it is drawn once more to find them."""
    layout = figure.get_layout_engine()
    assert layout is not None  # each figure here has one
    layout.execute(figure)
    figure.set_layout_engine(None)
    return figure


def plain(text: str) -> str:
    """A label that matplotlib takes as it is: no formula between dollars, no hidden line for a leading underscore."""
    text = text.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Writes name.png and name.pdf, without the time of writing: the same scores give the same files."""
    for kind, metadata in (("png", None), ("pdf", {"CreationDate": None})):
        with atomic(folder / f"{name}.{kind}") as temporary:
            figure.savefig(temporary, dpi=150, format=kind, metadata=metadata)
