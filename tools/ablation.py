"""`ablation`: the parts of the network switched off in turn, or other variants of a recipe, under one budget."""

import dataclasses
from itertools import product
from pathlib import Path
from typing import Any

from ..evaluation.metrics import COLUMNS as TITLES
from ..evaluation.scores import MethodScores, paired_difference, read_scores, write_scores
from ..evaluation.tables import markdown_table
from ..tester import Tester, sets_to_score
from ..trainer import Trainer
from ..utils.checkpoint import LOCAL, recipe
from ..utils.command_line import read_yaml, typed
from ..utils.files import locked, write_bytes
from ..utils.options import FOLDS, IMG_SIZE, RunConfig, TestConfig, TrainConfig
from .averages import average, spread, together
from .options import AblationOptions

ROWS: dict[str, dict] = {
    "baseline": {"attention": "none", "connectivity": False},
    "connectivity": {"attention": "none"},
    "normal": {"attention": "normal", "connectivity": False},
    "reverse": {"attention": "reverse", "connectivity": False},
    "separated": {"connectivity": False},
    "full": {},
}
# Options of train that the command sets itself.
OWN = LOCAL - {"num_workers"} | {"datasets", "fold", "seed"}
COLUMNS = ("mae", "p0_f", "p1_f", "p3_f", "p5_max_f", "s", "weighted_f")


def run(options: AblationOptions) -> None:
    """Trains and tests what is not there yet, a row at a time; writes ablation.md and scores after each.

    Raises:
        ValueError: unknown seeds or folds; runs of another recipe; what train and test raise.
        SystemExit: 128 + signal when stopped; the same command goes on.
    """
    variants = read_yaml(options.variants) if options.variants else ROWS
    rows = {name: recipe_of(values or {}, f"{options.variants}, {name}") for name, values in variants.items()}
    seeds, folder = dict.fromkeys(options.seeds), Path(options.model_path)
    if min(seeds) < 0 or not set(options.folds) <= set(range(1, FOLDS + 1)) and options.folds != [0]:
        raise ValueError(f"--seeds are 0 or more; --folds are 1 to {FOLDS}, or 0 alone for the test sets")
    shared = shared_options(options)
    # Before the first training, since it fails where there is nothing to score.
    sets = {fold: scored_sets(TrainConfig(**shared | {"fold": fold})) for fold in options.folds}
    runs: dict[str, dict[str, list[MethodScores]]] = {}  # of each set, by row: one a seed
    with locked(folder):
        for seed, row in product(seeds, rows):
            parts = []
            for fold, tested in sets.items():
                path = folder / row / (f"seed{seed}_fold{fold}" if fold else f"seed{seed}")
                own = {"model_path": str(path), "seed": seed, "fold": fold}
                parts.append(scores_of(TrainConfig(**shared | rows[row] | own), tested))
            for scored in map(together, zip(*parts)):
                runs.setdefault(scored.dataset, {}).setdefault(row, []).append(scored)
            write_scores(folder, [average(name, some) for of_set in runs.values() for name, some in of_set.items()])
            text = "\n".join(map(table, runs.values()))
            write_bytes(folder / "ablation.md", text.encode())
    print(f"{text}table in {folder / 'ablation.md'}, scores in {folder / 'scores.json'}")


def recipe_of(values: Any, where: str) -> dict:
    """Options of train in a file; raises ValueError for anything else, and for options that the command sets itself."""
    if not isinstance(values, dict) or values.keys() & OWN:
        raise ValueError(f"{where}: expected options of train with values, without {', '.join(sorted(OWN))}")
    return typed(TrainConfig, values, where)


def shared_options(options: AblationOptions) -> dict:
    """Options of train that all rows share: those of --recipe, and the command's own.

    Raises ValueError: see recipe_of; also a recipe with a network whose parts cannot be switched off.
    """
    shared = recipe_of(read_yaml(options.recipe), options.recipe) if options.recipe else {}
    if not shared.get("weights"):
        shared["img_size"] = shared.get("img_size") or IMG_SIZE
    elif not options.variants:
        raise ValueError(f"{options.recipe}: remove weights: no part of their network can be switched off")
    return shared | {key: getattr(options, key) for key in ("data_path", "datasets", "device")} | {"resume": True}


def scored_sets(config: TrainConfig) -> set[str]:
    """Names of the sets that rows are scored on, see sets_to_score: with a fold none that trains or validates whole."""
    whole = {f"{name}_fold{config.fold}" for name in (*config.extra, config.val)}
    return set(sets_to_score(config)) - whole


def scores_of(config: TrainConfig, sets: set[str]) -> list[MethodScores]:
    """A row's scores on these sets, after training (or the rest of it) and test; raises SystemExit when stopped."""
    folder = Path(config.model_path) / (f"fold{config.fold}" if config.fold else "")
    if (folder / "scores.json").exists():  # test writes it last
        done = read_scores(folder)
        trained = done[0].about["trained"]
        free = {"amp", *(trained["model"] if config.weights else ())}  # amp auto is stored as what it chose
        wanted = recipe(config.with_sizes(trained["config"])).items()
        if other := [key for key, value in wanted if key not in free and trained["config"].get(key) != value]:
            raise ValueError(f"{config.model_path} was trained with another {', '.join(other)}: remove it, or rename")
        if {scored.dataset for scored in done} == sets:
            return done
    print(f"--- {config.model_path}")
    if status := Trainer(config).train():
        print(f"stopped in {config.model_path}: the same command continues")
        raise SystemExit(status)
    shared = {field.name: getattr(config, field.name) for field in dataclasses.fields(RunConfig)}
    Tester(TestConfig(**shared, report=False)).test()
    return read_scores(folder)


def table(rows: dict[str, list[MethodScores]]) -> str:
    """Markdown of each row's mean and standard deviation over seeds, and of its MAE beside that of the first row.

    Args:
        rows: scores on one set by row, one a seed.
    """
    means = [average(row, seeds) for row, seeds in rows.items()]
    first = means[0]
    lines = [["row", "seeds", *(TITLES[key].title for key in COLUMNS), f"MAE − that of {first.method}"]]
    for mean, seeds in zip(means, rows.values()):
        gain = paired_difference(first, mean, "mae") if mean is not first else None
        cells = [spread([seed.totals[key] for seed in seeds]) for key in COLUMNS]
        shown = f"{gain.mean:+.4f} ± {gain.error:.4f}" if gain else ""
        lines.append([mean.method, str(len(seeds)), *cells, shown])
    meaning = "± is the standard deviation over seeds, in the last column the standard error of the paired difference"
    title = f"{first.dataset}, {first.images} images; {meaning} over images (seeds not in it)."
    return f"{title}\n\n{markdown_table(lines)}\n"
