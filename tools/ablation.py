"""`ablation`: the parts of the network switched off in turn, or other variants of a recipe, under one budget."""

import dataclasses
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from ..evaluation.comparison import number
from ..evaluation.metrics import COLUMNS as TITLES
from ..evaluation.scores import MethodScores, image_rows, paired_difference, read_scores
from ..evaluation.tables import markdown_table
from ..tester import Tester, sets_to_score
from ..trainer import Trainer
from ..utils.checkpoint import LOCAL
from ..utils.command_line import read_yaml, typed
from ..utils.files import locked, write_bytes, write_csv
from ..utils.options import FOLDS, ROOT, RunConfig, TestConfig, TrainConfig
from ..utils.weight_files import BEST
from .options import AblationOptions

PARTS = ROOT / "configs/ablation.yaml"
# Options of train that the command sets itself.
OWN = LOCAL - {"num_workers"} | {"datasets", "fold", "seed"}
COLUMNS = ("mae", "p0_f", "p1_f", "p3_f", "s", "weighted_f")  # means over images


def run(options: AblationOptions) -> None:
    """Trains and tests what is not there yet, a row at a time; writes ablation.md and scores.csv after each.

    Raises:
        ValueError: unknown seeds or folds; runs of another recipe; what train and test raise.
        SystemExit: 128 + signal when stopped; the same command goes on.
    """
    file, seeds, folder = options.variants or str(PARTS), dict.fromkeys(options.seeds), Path(options.model_path)
    if min(seeds) < 0 or not set(options.folds) <= set(range(1, FOLDS + 1)) and options.folds != [0]:
        raise ValueError(f"--seeds are 0 or more; --folds are 1 to {FOLDS}, or 0 alone for the test sets")
    shared = {key: getattr(options, key) for key in ("data_path", "datasets", "device")} | {"resume": True}
    recipes = {row: recipe_of(values or {}, f"{file}, {row}") for row, values in read_yaml(file).items()}
    shared |= recipes.pop("common", {})
    if not recipes:
        raise ValueError(f"{file}: no variants: write NAME: {{option: value, ...}} for each")
    rows = {row: TrainConfig(**shared | recipe) for row, recipe in recipes.items()}
    # Before the first training, since it fails where there is nothing to score.
    sets = {fold: scored_sets(fold, [*rows.values()]) for fold in options.folds}
    runs: dict[str, dict[str, list[MethodScores]]] = {}  # of each set, by row: one a seed
    with locked(folder):
        for seed, row in product(seeds, rows):
            parts = []
            for fold, tested in sets.items():
                path = folder / row / (f"seed{seed}_fold{fold}" if fold else f"seed{seed}")
                own = {"model_path": str(path), "seed": seed, "fold": fold}
                parts.append(scores_of(dataclasses.replace(rows[row], **own), tested))
            for folds in zip(*parts):
                dataset = "+".join([folds[0].dataset, *(fold.dataset.rpartition("fold")[2] for fold in folds[1:])])
                scored = of_images(row, dataset, [image for fold in folds for image in fold.rows])
                runs.setdefault(dataset, {}).setdefault(row, []).append(scored)
            means = [mean_of(of_row) for of_set in runs.values() for of_row in of_set.values()]
            write_csv(folder / "scores.csv", image_rows(means))
            text = "\n".join(map(table, runs.values()))
            write_bytes(folder / "ablation.md", text.encode())
    print(f"{text}table in {folder / 'ablation.md'}, scores of images in {folder / 'scores.csv'}")


def recipe_of(values: Any, where: str) -> dict:
    """Options of train in a file; raises ValueError for anything else, and for options that the command sets itself."""
    if not isinstance(values, dict) or values.keys() & OWN:
        raise ValueError(f"{where}: expected options of train with values, without {', '.join(sorted(OWN))}")
    return typed(TrainConfig, values, where)


def scored_sets(fold: int, rows: list[TrainConfig]) -> set[str]:
    """Names of the sets that rows are scored on, see sets_to_score: with a fold none that trains or validates whole."""
    whole = {f"{name}_fold{fold}" for row in rows for name in (*row.extra, row.val)}
    return set(sets_to_score(dataclasses.replace(rows[0], fold=fold))) - whole


def scores_of(config: TrainConfig, sets: set[str]) -> list[MethodScores]:
    """A row's scores on these sets, after training (or the rest of it) and test; raises SystemExit when stopped."""
    print(f"--- {config.model_path}")
    if status := Trainer(config).train():
        print(f"stopped in {config.model_path}: the same command continues")
        raise SystemExit(status)
    folder = Path(config.model_path) / (f"fold{config.fold}" if config.fold else "")
    best, scores = Path(config.model_path, BEST), folder / "scores.json"  # test writes it last
    is_tested = scores.exists() and scores.stat().st_mtime_ns > best.stat().st_mtime_ns
    if not is_tested or not sets <= {scored.dataset for scored in read_scores(folder)}:
        shared = {field.name: getattr(config, field.name) for field in dataclasses.fields(RunConfig)}
        Tester(TestConfig(**shared, report=False)).test()
    return [scored for scored in read_scores(folder) if scored.dataset in sets]


def of_images(row: str, dataset: str, images: list[dict]) -> MethodScores:
    """Scores of images, and their means as totals."""
    totals = {key: fmean(image[key] for image in images) for key in COLUMNS}
    return MethodScores(row, dataset, totals | {"images": len(images)}, images)


def mean_of(seeds: list[MethodScores]) -> MethodScores:
    """A row's scores, each number the mean over its seeds."""
    images = [
        {key: value if key == "name" else fmean(image[key] for image in same) for key, value in same[0].items()}
        for same in zip(*(seed.rows for seed in seeds), strict=True)
    ]
    return of_images(seeds[0].method, seeds[0].dataset, images)


def spread(values: list[float]) -> str:
    """Mean, and the standard deviation of several values."""
    return number(fmean(values), 4) + (f" ± {number(stdev(values), 4)}" if len(values) > 1 else "")


def table(rows: dict[str, list[MethodScores]]) -> str:
    """Markdown of each row's mean and standard deviation over seeds, and of its MAE beside that of the first row.

    Args:
        rows: scores on one set by row, one a seed.
    """
    means = [mean_of(seeds) for seeds in rows.values()]
    first = means[0]
    lines = [["row", "seeds", *(TITLES[key].title for key in COLUMNS), f"MAE − that of {first.method}"]]
    for mean, seeds in zip(means, rows.values()):
        cells = [spread([seed.totals[key] for seed in seeds]) for key in COLUMNS]
        gain = paired_difference(first, mean, "mae") if mean is not first else None
        lines.append([mean.method, str(len(seeds)), *cells, f"{gain.mean:+.4f} ± {gain.error:.4f}" if gain else ""])
    meaning = "± is the standard deviation over seeds, in the last column the standard error of the paired difference"
    title = f"{first.dataset}, {first.images} images; {meaning} over images (seeds not in it)."
    return f"{title}\n\n{markdown_table(lines)}\n"
