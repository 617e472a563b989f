"""`python -m benchmarks.bursts`: do predict's bursts hold what belongs together, and nothing else?

Frames of a burst are made of the pictures that scikit-image ships: cut out up to 3 % beside each other, defocused in
linear light by discs of up to 3 % of the longer side, exposed by -0.3 to +0.3 stops, and given noise of up to 12
levels. Beside their likeness stands that of different pictures, and of parts of one picture. Then the frames of each
burst are ranked, by the shipped network's maps, and the ranks compared with the defocus.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from skimage import data
from tqdm import tqdm

from ran.evaluation.report.tables import markdown_table
from ran.imaging.blur import display, linear, spread
from ran.imaging.renderings import numbers, shrunk
from ran.predictor import load_model
from ran.tools.predict.bursts import LIKENESS, fingerprint, likeness, mark, thumbnails
from ran.utils.command_line import option, parse
from ran.utils.files import write_bytes, write_csv

SCENES = ("astronaut", "camera", "chelsea", "coffee", "rocket", "coins", "moon", "retina", "cell", "page", "text",
          "immunohistochemistry")  # fmt: skip
TEXTURES = ("brick", "grass", "gravel", "hubble_deep_field")  # nothing in them is larger than a few per cent
SHIFT, STOPS, NOISE, RADIUS = 0.03, 0.3, 12, 0.015  # at most: shares of a side, stops, levels, share of the longer side


@dataclass
class Options:
    """Options of the measurement."""

    frames: int = option(8, "of a burst", at_least=2)
    seed: int = option(0, "seed of everything random", at_least=0)
    output: str = option("results/bursts", "folder for likeness.csv, ranks.csv and bursts.md")


def measure(options: Options) -> None:
    rng = np.random.default_rng(options.seed)
    pictures = {name: read(name) for name in SCENES + TEXTURES}
    made = {name: list(frames(picture, options.frames, rng)) for name, picture in pictures.items()}
    bursts = {name: [fingerprint(frame) for frame, _ in found] for name, found in made.items()}
    rows = [row("frames of a burst", name, a, b) for name in pictures for a, b in combinations(bursts[name], 2)]
    firsts = {name: found[0] for name, found in bursts.items()}
    rows += [row("two pictures", f"{a} {b}", firsts[a], firsts[b]) for a, b in combinations(pictures, 2)]
    for name, picture in pictures.items():
        height, width = np.array(picture.shape[:2]) // 2
        parts = [fingerprint(picture[y : y + height, x : x + width]) for y in (0, height) for x in (0, width)]
        rows += [row("quarters of a picture", name, a, b) for a, b in combinations(parts, 2)]
        parts = [fingerprint(part) for part in (picture[:, : 3 * width // 2], picture[:, width // 2 :])]
        rows.append(row("parts that share two thirds", name, *parts))
    write_csv(Path(options.output) / "likeness.csv", rows)
    ranked = ranks(made)
    write_csv(Path(options.output) / "ranks.csv", ranked)
    text = f"{table(rows, whole_bursts(bursts))}\n\n{rank_table(ranked)}"
    write_bytes(Path(options.output) / "bursts.md", (text + "\n").encode())
    print(text)


def read(name: str) -> np.ndarray:
    picture = getattr(data, name)()
    return np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture[..., :3]


def frames(picture: np.ndarray, count: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, float]]:
    """Frames, H x W x 3 uint8, and the radius, pixels, that each is defocused by."""
    height, width = (int(side / (1 + SHIFT)) for side in picture.shape[:2])
    for _ in range(count):
        y, x = rng.integers(0, picture.shape[0] - height + 1), rng.integers(0, picture.shape[1] - width + 1)
        radius = rng.uniform(0, RADIUS) * max(height, width)
        light = spread(linear(picture[y : y + height, x : x + width]), radius) * 2 ** rng.uniform(-STOPS, STOPS)
        noisy = display(light) + rng.normal(0, rng.uniform(0, NOISE), light.shape)
        yield np.rint(noisy.clip(0, 255)).astype(np.uint8), radius


def row(what: str, name: str, first: str, second: str) -> dict:
    one, other = thumbnails([first, second])
    return {"what": what, "name": name, "likeness": round(float(likeness(one, other[None])[0]), 4)}


def whole_bursts(bursts: dict[str, list[str]]) -> dict[str, str]:
    """How many bursts `mark` finds whole and by themselves in a table of all frames: of scenes, of textures."""
    rows = [
        {"name": name, "fingerprint": one, "sharpness": 0, "in_focus": 1}
        for name, found in bursts.items()
        for one in found
    ]
    mark(rows)
    pairs = {(row["name"], row["group"]) for row in rows}
    names, groups = (Counter(ends) for ends in zip(*pairs))
    whole = {name for name, group in pairs if names[name] == groups[group] == 1}
    return {
        "scenes": f"{len(whole.intersection(SCENES))} of {len(SCENES)}",
        "textures": f"{len(whole.intersection(TEXTURES))} of {len(TEXTURES)}",
    }


def table(rows: list[dict], whole: dict[str, str]) -> str:
    """Lowest, median and highest likeness, and the share from the limit on."""
    lines = [["likeness", "pairs", "lowest", "median", "highest", f"{LIKENESS} or more", "bursts found whole"]]
    for what in dict.fromkeys(row["what"] for row in rows):
        kinds = {"scenes": SCENES, "textures": TEXTURES} if what == "frames of a burst" else {"": SCENES + TEXTURES}
        for kind, names in kinds.items():
            found = [row["likeness"] for row in rows if row["what"] == what and row["name"].split()[0] in names]
            share = np.mean([value >= LIKENESS for value in found])
            cells = [f"{value:.2f}" for value in (min(found), np.median(found), max(found))]
            lines.append([f"{what}{kind and ', '}{kind}", str(len(found)), *cells, f"{share:.1%}", whole.get(kind, "")])
    return markdown_table(lines)


def ranks(made: dict[str, list[tuple[np.ndarray, float]]]) -> list[dict]:
    """Of every frame its blur, its rank by `mark`, and what that goes by."""
    predictor, rows = load_model(), []
    for name, found in tqdm(made.items()):
        # One fingerprint for all: here they are one burst, whatever their likeness.
        burst, same = [], fingerprint(found[0][0])
        for frame, radius in found:
            small = shrunk(frame)
            numbered = numbers(small, predictor.levels(small), frame.shape[:2])
            burst.append({"name": name, "radius": round(radius, 3), "fingerprint": same, **numbered})
        mark(burst)
        rows += [{key: row[key] for key in ("name", "radius", "in_focus", "sharpness", "rank")} for row in burst]
    return rows


def rank_table(rows: list[dict]) -> str:
    """Of the bursts, Spearman's correlation of the blur with the rank, and with the lack of sharpness alone."""
    header = ["order of the frames by", "bursts", "median", "lowest", "first is the least blurred", "else its radius"]
    lines = [header]
    orders = {"sharpness": lambda row: -row["sharpness"], "rank (sharpness x share in focus)": lambda row: row["rank"]}
    bursts = [[row for row in rows if row["name"] == name] for name in dict.fromkeys(row["name"] for row in rows)]
    for what, order in orders.items():
        found = [float(spearmanr([row["radius"] for row in burst], [*map(order, burst)])[0]) for burst in bursts]
        beyond = [min(burst, key=order)["radius"] - min(row["radius"] for row in burst) for burst in bursts]
        first = f"{sum(value == 0 for value in beyond)} of {len(bursts)}"
        cells = [f"{np.median(found):.2f}", f"{min(found):.2f}", first, f"at most {max(beyond):.2f} pixels more"]
        lines.append([what, str(len(bursts)), *cells])
    return markdown_table(lines)


if __name__ == "__main__":
    measure(parse(Options, sys.argv[1:], "python -m benchmarks.bursts", __doc__))
