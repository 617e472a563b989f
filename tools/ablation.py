"""`ablation`: the parts of the network switched off in turn, or other variants of a recipe, under one budget."""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..evaluation.metrics import COLUMNS as TITLES
from ..evaluation.report.tables import markdown_table, number
from ..evaluation.scores import MethodScores, paired_difference, read_scores, write_scores
from ..tester import Tester, sets_to_score
from ..trainer import Trainer
from ..utils.checkpoint import LOCAL, recipe
from ..utils.command_line import read_yaml, typed
from ..utils.files import locked, write_bytes, write_json
from ..utils.options import FOLDS, AblationOptions, Recipe, RunConfig, TestConfig, TrainConfig

ROWS: dict[str, dict] = {
    "baseline": {"attention": "none", "connectivity": False},
    "connectivity": {"attention": "none"},
    "normal": {"attention": "normal", "connectivity": False},
    "reverse": {"attention": "reverse", "connectivity": False},
    "separated": {"connectivity": False},
    "full": {},
}
COLUMNS = ("mae", "p0_f", "p1_f", "p3_f", "p5_max_f", "s", "weighted_f")


def run(options: AblationOptions) -> int:
    """Trains and tests what is not there yet, a row at a time; writes ablation.md and scores after each.

    Returns:
        The exit status: 0, or 128 + signal when stopped; the same command goes on.

    Raises:
        ValueError: unknown or repeated rows or seeds, a folder with runs of another recipe; what train and test raise.
    """
    known, against = read_variants(options.variants) if options.variants else (ROWS, {})
    names = options.rows or list(known)
    if unknown := (set(names) | set(against.values())) - known.keys():
        raise ValueError(f"no row {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    seeds, folds = whole_numbers("seeds", options.seeds), folds_of(options)
    if any(len(set(values)) < len(values) for values in (seeds, folds, names)):
        raise ValueError("a row, a seed or a fold is named twice")
    folder = Path(options.model_path)
    # Fails now, not after the first training.
    sets = {fold: sets_to_score(dataclasses.replace(options, fold=fold)) for fold in folds}
    shared = {f.name: getattr(options, f.name) for f in dataclasses.fields(Recipe)}
    with locked(folder):
        keep_recipe(folder / "recipe.json", recipe(TrainConfig(**shared)))
        return train_rows(folder, shared, {name: known[name] for name in names}, seeds, sets, against)


def train_rows(
    folder: Path, shared: dict, rows: dict[str, dict], seeds: list[int], sets: dict[int, dict], against: dict[str, str]
) -> int:
    """The work of run: each row's own options go over the shared ones; `sets` are what is scored, by fold."""
    runs: dict[str, dict[str, list[MethodScores]]] = {}  # of each set, by row: one a seed
    for seed in seeds:
        for row, options in rows.items():
            parts = []
            for fold, tested in sets.items():
                path = folder / row / (f"seed{seed}" + f"_fold{fold}" * bool(fold))
                own = {"model_path": str(path), "seed": seed, "fold": fold, "resume": True}
                config = TrainConfig(**shared | options | own)
                if status := train_and_test(config, set(tested)):
                    print(f"stopped in {path}: the same command goes on")
                    return status
                parts.append(read_scores(folder_of_scores(config)))
            for of_folds in zip(*parts):
                scored = together(of_folds)
                runs.setdefault(scored.dataset, {}).setdefault(row, []).append(scored)
            write_scores(folder, [average(name, some) for of_set in runs.values() for name, some in of_set.items()])
            write_bytes(folder / "ablation.md", "\n".join(table(of_set, against) for of_set in runs.values()).encode())
    print((folder / "ablation.md").read_text(encoding="utf-8"), end="")
    print(f"table in {folder / 'ablation.md'}, scores in {folder / 'scores.json'}")
    return 0


def folds_of(options: AblationOptions) -> list[int]:
    """The parts of the training pictures to leave out in turn; [0], none, where the test sets are scored.

    Raises:
        ValueError: words that are no parts, or parts beside --score test.
    """
    named = whole_numbers("folds", options.folds, 1) or [options.fold] * bool(options.fold)
    if options.score == "test":
        if named:
            raise ValueError("--score test scores the test sets: --fold and --folds go with --score folds")
        return [0]
    return named or list(range(1, FOLDS + 1))


def whole_numbers(name: str, words: list[str], first: int = 0) -> list[int]:
    if wrong := [word for word in words if not (word.isascii() and word.isdigit() and int(word) >= first)]:
        raise ValueError(f"--{name} {' '.join(wrong)}: {name} are whole numbers from {first}")
    return list(map(int, words))


def read_variants(path: str) -> tuple[dict[str, dict], dict[str, str]]:
    """Rows of a YAML file, name: {option of train: value}, and by name the row that each is compared with, if named.

    Raises:
        ValueError: rows without options of their own.
        SystemExit: options or values that train does not know, named on stderr.
    """
    known, against = {}, {}
    for name, values in read_yaml(path).items():
        values = values or {}
        if not isinstance(values, dict) or (shared := values.keys() & (LOCAL | {"datasets", "fold", "seed"})):
            what = f"{', '.join(sorted(shared))} is not a row's own" if isinstance(values, dict) else "no options"
            raise ValueError(f"{path}, {name}: {what}; a row maps options of the recipe to values")
        if "against" in values:
            against[name] = values.pop("against")
        known[name] = typed(TrainConfig, values, f"{path}, {name}")
    return known, against


def folder_of_scores(config: TrainConfig) -> Path:
    """Where test writes a run's scores."""
    return Path(config.model_path) / (f"fold{config.fold}" if config.fold else "")


def train_and_test(config: TrainConfig, sets: set[str]) -> int:
    """Trains a row, or goes on with it, and scores it on these sets; nothing where that is done. The exit status."""
    scores = folder_of_scores(config) / "scores.json"
    if scores.exists():  # they are written last
        done = read_scores(scores)
        trained = recipe(TrainConfig()) | done[0].about["trained"]["config"]  # a newer option had its default
        if other := [key for key, value in recipe(config).items() if key != "amp" and trained[key] != value]:
            raise ValueError(f"{config.model_path} was trained with another {', '.join(other)}: remove it, or rename")
        if {scored.dataset for scored in done} == sets:
            return 0
    print(f"--- {config.model_path}")
    if status := Trainer(config).train():
        return status
    same = {f.name: getattr(config, f.name) for f in dataclasses.fields(RunConfig)}
    Tester(TestConfig(**same, report=False)).test()
    return 0


def keep_recipe(path: Path, shared: dict) -> None:
    """Writes the recipe that all rows share, or raises ValueError when the folder's runs have another one."""
    known = recipe(TrainConfig()) | (json.loads(path.read_text(encoding="utf-8")) if path.exists() else shared)
    if differing := [key for key in shared if known.get(key) != shared[key]]:
        options = ", ".join(f"--{key} {known.get(key)} (now {shared[key]})" for key in differing)
        raise ValueError(
            f"{path.parent} holds runs with {options}: the same options go on, another --model_path starts"
        )
    write_json(path, shared)


def together(folds: "Sequence[MethodScores]") -> "MethodScores":
    """One method's scores on several folds of a set as those of one set: lines an image, and means over all images.

    The columns that are no mean over images (P3 IoU, P5 max F, max E) are means of the folds' values.
    """
    if len(folds) == 1:
        return folds[0]
    images = [fold.totals["images"] for fold in folds]
    totals = {key: float(np.average([fold.totals[key] for fold in folds], weights=images)) for key in folds[0].columns}
    return dataclasses.replace(
        folds[0],
        dataset="+".join([folds[0].dataset, *(fold.dataset.rpartition("fold")[2] for fold in folds[1:])]),
        totals={key: sum(fold.totals[key] for fold in folds) for key in folds[0].totals if key not in totals} | totals,
        rows=[row for fold in folds for row in fold.rows],
        curves=np.average([fold.curves for fold in folds], axis=0, weights=images),
        about={},
    )


def average(method: str, runs: "list[MethodScores]") -> "MethodScores":
    """One method's scores on a set, each number the mean over some runs of it."""

    def mean(dicts: list[dict]) -> dict:
        return {key: float(np.mean([values[key] for values in dicts])) for key in dicts[0] if key != "name"}

    totals = mean([run.totals for run in runs]) | {"images": runs[0].totals["images"]}
    by_name = [{row["name"]: row for row in run.rows} for run in runs]
    rows = [{"name": name} | mean([rows[name] for rows in by_name]) for name in by_name[0]]
    curves = np.mean([run.curves for run in runs], axis=0)
    return dataclasses.replace(runs[0], method=method, totals=totals, rows=rows, curves=curves, about={})


def table(rows: "dict[str, list[MethodScores]]", against: dict[str, str]) -> str:
    """Markdown: a line a row with mean and standard deviation over seeds, and its MAE beside another row's.

    Args:
        rows: scores on one set by row, one a seed.
        against: the row that a row is compared with, where it is not the first.
    """
    means = {row: average(row, seeds) for row, seeds in rows.items()}
    first = next(iter(means.values()))
    difference = "MAE − that of" if against else f"MAE − that of {first.method}"
    lines = [["row", "seeds", *(TITLES[key].title for key in COLUMNS), difference]]
    for row, mean in means.items():
        cells = [spread([seed.totals[key] for seed in rows[row]]) for key in COLUMNS]
        other = means.get(against.get(row, first.method), first)
        gain = paired_difference(other, mean, "mae") if mean is not other else None
        cells.append((f"{other.method}: " * bool(against) + f"{gain.mean:+.4f} ± {gain.error:.4f}") if gain else "")
        lines.append([row, str(len(rows[row])), *cells])
    return (
        f"{first.dataset}, {first.totals['images']} images; ± is the standard deviation over seeds, in the last column "
        f"the standard error of the paired difference over images (seeds not in it).\n\n{markdown_table(lines)}\n"
    )


def spread(values: list[float]) -> str:
    """Mean, and the standard deviation where there are several values."""
    deviation = f" ± {number(statistics.stdev(values), 4)}" if len(values) > 1 else ""
    return number(statistics.mean(values), 4) + deviation
