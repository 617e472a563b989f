"""`python -m benchmarks.sharpness`: does the sharpness of predict's table follow the blur, whatever noise and exposure?

Squares in focus are cut from training pictures, blurred in linear light by known amounts, exposed, clipped, and given
noise; the rank correlation of what is measured with the blur is taken in each square, beside that of the Laplacian.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.stats import spearmanr
from tqdm import tqdm

from ran.evaluation.report.tables import markdown_table
from ran.imaging.blur import GAMMA, linear, spread
from ran.imaging.layouts import find_sets
from ran.imaging.masks import largest_square, read_pair
from ran.imaging.sharpness import sharpness
from ran.utils.command_line import option, parse
from ran.utils.files import write_bytes, write_csv
from ran.utils.options import data_path_option

BLURS = (0, 0.5, 1, 1.5, 2, 3, 4, 6)  # standard deviations, pixels; a disc has twice as large a radius
NOISE, STOPS = (0, 3, 6, 12), (-2, -1, 0, 1)
SIDE = 256  # of a square at most, pixels
MEASURES = {
    "Laplacian": lambda grey: float(cv2.Laplacian(grey, cv2.CV_32F).std()),
    "sharpness": lambda grey: sharpness(grey, np.ones(grey.shape, bool)),
}


@dataclass
class Options:
    """Options of the measurement."""

    data_path: str = data_path_option("dataset folder; its training pictures are cut")
    dataset: str = option("CUHK", "the set")
    squares: int = option(40, "how many pictures' squares, evenly spread over the set", at_least=1)
    output: str = option("results/sharpness", "folder for correlations.csv and sharpness.md")


def measure(options: Options) -> None:
    """Correlates the measures with the blur in every square."""
    pairs = find_sets(options.data_path, "train", [options.dataset])[options.dataset]
    squares = [
        (pair.stem, square)
        for pair in pairs[:: max(1, len(pairs) // (2 * options.squares))]
        if (square := largest_square(*read_pair(pair.image, pair.mask))) is not None
    ]
    rows = [row for stem, square in tqdm(squares[: options.squares]) for row in correlations(stem, square)]
    write_csv(Path(options.output) / "correlations.csv", rows)
    write_bytes(Path(options.output) / "sharpness.md", (table(rows) + "\n").encode())
    print(table(rows))


def correlations(stem: str, square: np.ndarray) -> Iterator[dict]:
    """Spearman's correlation of each measure with the lack of blur, for each condition and over all."""
    start = max(0, (len(square) - SIDE) // 2)
    square = square[start : start + SIDE, start : start + SIDE]
    for kernel in ("Gaussian", "disc"):
        made = list(variants(square, kernel))
        blur = np.array([variant[0] for variant in made])
        conditions = np.array([variant[1:3] for variant in made])
        for name, function in MEASURES.items():
            found = np.array([function(variant[3]) for variant in made])
            same = {"all": np.ones(len(made), bool)}
            same |= {f"{n}, {s:+d}": (conditions == (n, s)).all(axis=1) for n in NOISE for s in STOPS}
            for condition, chosen in same.items():
                value = -float(spearmanr(blur[chosen], found[chosen])[0])
                yield {"name": stem, "kernel": kernel, "measure": name, "noise, stops": condition, "spearman": value}


def variants(square: np.ndarray, kernel: str) -> Iterator[tuple[float, int, int, np.ndarray]]:
    """Blur, noise, stops, and the grey picture, uint8, of every combination."""
    rng, light = np.random.default_rng(0), linear(square)
    for blur in BLURS:
        if blur and kernel == "disc":
            blurred = spread(light, 2 * blur)
        else:
            blurred = cv2.GaussianBlur(light, (0, 0), blur, borderType=cv2.BORDER_REFLECT) if blur else light
        for stops in STOPS:
            exposed = 255 * (blurred * 2.0**stops).clip(0, 1) ** (1 / GAMMA)
            for noise in NOISE:
                noisy = np.rint(exposed + rng.normal(0, noise, exposed.shape)).clip(0, 255).astype(np.uint8)
                yield blur, noise, stops, cv2.cvtColor(noisy, cv2.COLOR_RGB2GRAY)


def table(rows: list[dict]) -> str:
    """Median and worst decile over squares, kernels and exposures, of correlations at one noise and exposure; then of
    those over all noises and exposures."""
    names = len({row["name"] for row in rows})
    lines = [
        [f"noise ({names} squares)", *(f"{name}, {what}" for name in MEASURES for what in ("median", "worst 10 %"))]
    ]
    for noise in (*map(str, NOISE), "all"):
        cells = []
        for name in MEASURES:
            values = [
                row["spearman"] for row in rows if row["measure"] == name and row["noise, stops"].split(",")[0] == noise
            ]
            cells += [f"{np.median(values):.3f}", f"{np.percentile(values, 10):.3f}"]
        lines.append([noise, *cells])
    return markdown_table(lines)


if __name__ == "__main__":
    measure(parse(Options, sys.argv[1:], "python -m benchmarks.sharpness", __doc__))
