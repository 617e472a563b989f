"""`ablation`: the paper's ablation, every row trained and tested under one recipe and the same seeds."""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from utils.config import Recipe, RunConfig, TestConfig, TrainConfig, option

if TYPE_CHECKING:
    from utils.scores import MethodScores

DESCRIPTION = "Train and test the rows of the paper's ablation; the options of train are the budget of every row."
ROWS = {
    "baseline": {"attention": "none", "connectivity": False},
    "connectivity": {"attention": "none"},
    "normal": {"attention": "normal", "connectivity": False},
    "reverse": {"attention": "reverse", "connectivity": False},
    "separated": {"connectivity": False},
    "full": {},
}
COLUMNS = ("mae", "p0_f", "p1_f", "p3_f", "p5_max_f", "s", "weighted_f")


@dataclass
class Options(Recipe):
    """Options of ablation: a recipe for all rows."""

    model_path: str = option("runs/ablation", "folder of the runs, ROW/seedN, and of the table")
    seeds: list[str] = option(["42"], "seeds that every row is trained with")
    rows: list[str] = option(list(ROWS), "rows to train")


def run(options: Options) -> int:
    """Trains and tests what is not there yet, a row at a time; writes ablation.md and scores after each.

    Returns:
        The exit status: 0, or 128 + signal when stopped; the same command goes on.

    Raises:
        ValueError: unknown rows or seeds, a folder with runs of another recipe; and what train and test raise.
    """
    from dataloader import find_sets
    from trainer import Tester, Trainer
    from utils.checkpoint import BEST, recipe
    from utils.files import write_bytes
    from utils.scores import read_scores, write_scores

    if unknown := set(options.rows) - ROWS.keys():
        raise ValueError(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    if wrong := [seed for seed in options.seeds if not seed.isdigit()]:
        raise ValueError(f"--seeds {' '.join(wrong)}: seeds are whole numbers from 0")
    folder = Path(options.model_path)
    find_sets(options.data_path, "test", options.datasets)  # fails now, not after the first training
    shared = {f.name: getattr(options, f.name) for f in dataclasses.fields(Recipe)}
    keep_recipe(folder / "recipe.json", recipe(TrainConfig(**shared)))
    runs: dict[str, list[list[MethodScores]]] = {}  # of each row, by seed, then by set
    for seed in options.seeds:
        for row in options.rows:
            path = folder / row / f"seed{seed}"
            scores = path / "scores.json"
            config = TrainConfig(**shared | ROWS[row] | {"model_path": str(path), "seed": int(seed), "resume": True})
            print(f"--- {row}, seed {seed}")
            if status := Trainer(config).train():
                return status
            if not scores.exists() or scores.stat().st_mtime < (path / BEST).stat().st_mtime:
                same = {f.name: getattr(config, f.name) for f in dataclasses.fields(RunConfig)}
                Tester(TestConfig(**same, report=False)).test()
            runs.setdefault(row, []).append(read_scores(path))
            write_scores(folder, [average(row, results) for row, seeds in runs.items() for results in zip(*seeds)])
            write_bytes(folder / "ablation.md", table(runs).encode())
    print((folder / "ablation.md").read_text(), end="")
    print(f"table in {folder / 'ablation.md'}, scores in {folder / 'scores.json'}")
    return 0


def keep_recipe(path: Path, recipe: dict) -> None:
    """Writes the recipe that all rows share, or raises ValueError when the folder's runs have another one."""
    from utils.files import write_json

    known = json.loads(path.read_text()) if path.exists() else recipe
    if differing := [key for key in recipe if known.get(key) != recipe[key]]:
        options = ", ".join(f"--{key} {known.get(key)} (now {recipe[key]})" for key in differing)
        raise ValueError(
            f"{path.parent} holds runs with {options}: the same options go on, another --model_path starts"
        )
    write_json(path, recipe)


def average(method: str, runs: "Sequence[MethodScores]") -> "MethodScores":
    """One method's scores on a set, each number the mean over some runs of it."""
    import numpy as np

    def mean(dicts):
        return {k: v if k == "name" else float(np.mean([one[k] for one in dicts])) for k, v in dicts[0].items()}

    totals = mean([run.totals for run in runs]) | {"images": runs[0].totals["images"]}
    rows = [mean(rows) for rows in zip(*(run.rows for run in runs))]
    curves = np.mean([run.curves for run in runs], axis=0)
    return dataclasses.replace(runs[0], method=method, totals=totals, rows=rows, curves=curves, about={})


def table(runs: "dict[str, list[list[MethodScores]]]") -> str:
    """Markdown: a line a row with mean and standard deviation over seeds, and its MAE beside the first row's.

    Args:
        runs: scores of each row, by seed, then by set.
    """
    from utils.metrics import COLUMNS as TITLES
    from utils.scores import paired_difference

    parts = []
    for sets in zip(*(zip(*seeds) for seeds in runs.values())):  # one set after the other: all rows, all seeds
        head = ["row", "seeds", *(TITLES[key].title for key in COLUMNS), f"MAE − that of {next(iter(runs))}"]
        lines = [head, ["---"] * len(head)]
        means = [average(row, seeds) for row, seeds in zip(runs, sets)]
        for one, seeds in zip(means, sets):
            cells = [spread([seed.totals[key] for seed in seeds]) for key in COLUMNS]
            gain = paired_difference(means[0], one, "mae") if one is not means[0] else None
            lines.append([one.method, str(len(seeds)), *cells, f"{gain.mean:+.4f} ± {gain.error:.4f}" if gain else ""])
        rows = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"{means[0].dataset}, {means[0].totals['images']} images\n\n{rows}\n")
    note = "Scores: mean ± standard deviation over seeds. Last column: mean ± standard error over images (paired).\n"
    return "\n".join([*parts, note])


def spread(values: list[float]) -> str:
    """Mean, and the standard deviation where there are several values."""
    deviation = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{deviation}"
