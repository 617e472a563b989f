"""`python -m benchmarks.one_class`: how much of pictures that are all in focus, or all blurred, is called in focus.

Such pictures are what photographers and textures give, and what data sets of the field lack. They are cut from a test
set: the largest square of each picture that the mask calls one class; those in focus are scored as they are, and
defocused all over by a disc of a radius of 1 % of their side with noise of 4 levels.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ran.evaluation.report.tables import markdown_table
from ran.imaging.blur import display, linear, spread
from ran.imaging.layouts import find_sets
from ran.imaging.masks import largest_square, read_pair
from ran.predictor import load_model
from ran.utils.command_line import option, parse
from ran.utils.files import write_bytes, write_csv
from ran.utils.options import data_path_option

RADIUS, NOISE = 0.01, 4
KINDS = ("in focus", "the same, defocused", "blurred")


@dataclass
class Options:
    """Options of the measurement."""

    weights: list[str] = option(
        ["ran_resnet18", "ran_lite2", "ran_photos"], "weights files, or names of shipped models"
    )
    data_path: str = data_path_option("dataset folder; its test pictures are cut")
    dataset: str = option("CUHK", "the set")
    output: str = option("results/one_class", "folder for scores.csv and one_class.md")


def measure(options: Options) -> None:
    """Scores every weights file on every square."""
    pairs = find_sets(options.data_path, "test", [options.dataset])[options.dataset]
    squares = [
        (pair.stem, kind, square) for pair in pairs for kind, square in squares_of(*read_pair(pair.image, pair.mask))
    ]
    rows = []
    for weights in options.weights:
        model = load_model(weights)
        for stem, kind, square in tqdm(squares, Path(weights).stem, leave=False):
            share = float((model(square) >= 0.5).mean())
            rows.append({"weights": Path(weights).stem, "name": stem, "kind": kind, "in_focus": share})
    write_csv(Path(options.output) / "scores.csv", rows)
    write_bytes(Path(options.output) / "one_class.md", (table(rows) + "\n").encode())
    print(table(rows))


def squares_of(picture: np.ndarray, mask: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The largest square in focus, as it is and defocused, and the largest blurred one, where there are such."""
    found = []
    for kind, part in ((KINDS[0], mask), (KINDS[2], 255 - mask)):
        square = largest_square(picture, part)
        if square is None:
            continue
        found.append((kind, square))
        if kind == KINDS[0]:
            blurred = display(spread(linear(square), RADIUS * len(square)))
            noise = np.random.default_rng(0).normal(0, NOISE, square.shape)
            found.append((KINDS[1], np.round(blurred + noise).clip(0, 255).astype(np.uint8)))
    return found


def table(rows: list[dict]) -> str:
    """Share called in focus by weights and kind, the mean over squares."""
    counts = Counter(row["kind"] for row in rows if row["weights"] == rows[0]["weights"])
    lines = [["weights", *(f"{kind} ({counts[kind]})" for kind in KINDS)]]
    for weights in dict.fromkeys(row["weights"] for row in rows):
        shares = [[r["in_focus"] for r in rows if (r["weights"], r["kind"]) == (weights, kind)] for kind in KINDS]
        lines.append([weights, *(f"{np.mean(values):.3f}" for values in shares)])
    return markdown_table(lines)


if __name__ == "__main__":
    measure(parse(Options, sys.argv[1:], "python -m benchmarks.one_class", __doc__))
