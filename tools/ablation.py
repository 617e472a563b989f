"""`ablation`: the parts of the network switched off in turn, or other variants of a recipe, under one budget."""

import dataclasses
from itertools import product
from pathlib import Path

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


def run(options: AblationOptions) -> int:
    """Trains and tests what is not there yet, a row at a time; writes ablation.md and scores after each.

    Returns:
        The exit status: 0, or 128 + signal when stopped; the same command goes on.

    Raises:
        ValueError: unknown seeds or folds; runs of another recipe; what train and test raise.
    """
    known, against = read_variants(options.variants) if options.variants else (ROWS, {})
    seeds, folder = dict.fromkeys(options.seeds), Path(options.model_path)
    if unknown := set(against.values()) - known.keys():
        raise ValueError(f"{options.variants}: no row {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if min(seeds) < 0 or not set(options.folds) <= set(range(1, FOLDS + 1)) and options.folds != [0]:
        raise ValueError(f"--seeds are 0 or more; --folds are 1 to {FOLDS}, or 0 alone for the test sets")
    shared = shared_options(options)
    # Before the first training, since it fails where there is nothing to score.
    sets = {fold: scored_sets(TrainConfig(**shared | {"fold": fold})) for fold in options.folds}
    runs: dict[str, dict[str, list[MethodScores]]] = {}  # of each set, by row: one a seed
    with locked(folder):
        for seed, row in product(seeds, known):
            parts = []
            for fold, tested in sets.items():
                path = str(folder / row / (f"seed{seed}" + f"_fold{fold}" * bool(fold)))
                own = {"model_path": path, "seed": seed, "fold": fold}
                scores = scores_of(TrainConfig(**shared | known[row] | own), tested)
                if isinstance(scores, int):
                    print(f"stopped in {path}: the same command continues")
                    return scores
                parts.append(scores)
            for scored in map(together, zip(*parts)):
                runs.setdefault(scored.dataset, {}).setdefault(row, []).append(scored)
            write_scores(folder, [average(name, some) for of_set in runs.values() for name, some in of_set.items()])
            text = "\n".join(table(of_set, against) for of_set in runs.values())
            write_bytes(folder / "ablation.md", text.encode())
    print(f"{text}table in {folder / 'ablation.md'}, scores in {folder / 'scores.json'}")
    return 0


def shared_options(options: AblationOptions) -> dict:
    """Options of train that all rows share: those of --recipe, and the command's own.

    Raises:
        ValueError: the recipe sets what the command sets, or brings a network whose parts cannot be switched off.
    """
    shared = typed(TrainConfig, read_yaml(options.recipe), options.recipe) if options.recipe else {}
    if own := shared.keys() & OWN:
        raise ValueError(f"{options.recipe}: {', '.join(sorted(own))}: options of ablation, not of its recipe")
    if shared.get("weights") and not options.variants:
        raise ValueError(f"{options.recipe}: remove weights: no part of their network can be switched off")
    shared |= {key: getattr(options, key) for key in ("data_path", "datasets", "device")}
    shared |= {} if shared.get("weights") else {"img_size": shared.get("img_size") or IMG_SIZE}
    return shared | {"resume": True}


def scored_sets(config: TrainConfig) -> set[str]:
    """Names of the sets that rows are scored on, see sets_to_score: with a fold none that trains or validates whole."""
    names = set(sets_to_score(config))
    return {name for name in names if not config.fold or name.rpartition("_fold")[0] not in [*config.extra, config.val]}


def read_variants(path: str) -> tuple[dict[str, dict], dict[str, str]]:
    """Rows of a YAML file, name: {option of train: value}, and by name the row that each names as `against`.

    Raises:
        ValueError: rows without options of their own.
        SystemExit: options or values that train does not know, named on stderr.
    """
    known, against = {}, {}
    for name, values in read_yaml(path).items():
        values = values or {}
        if not isinstance(values, dict) or (values.keys() & OWN):
            raise ValueError(f"{path}, {name}: a row maps options to values; sets, fold and seed are not allowed")
        if "against" in values:
            against[name] = values.pop("against")
        known[name] = typed(TrainConfig, values, f"{path}, {name}")
    return known, against


def scores_of(config: TrainConfig, sets: set[str]) -> list[MethodScores] | int:
    """A row's scores on these sets, after training (or the rest of it) and test; or train's exit status if stopped."""
    folder = Path(config.model_path) / (f"fold{config.fold}" if config.fold else "")
    if (folder / "scores.json").exists():  # test writes it last
        done = read_scores(folder)
        about = done[0].about["trained"]
        trained = recipe(TrainConfig()) | about["config"]  # a newer option had its default
        free = {"amp", *(about["model"] if config.weights else ())}  # weights bring their own network
        wanted = recipe(config.with_sizes(trained))
        if other := [key for key, value in wanted.items() if key not in free and trained[key] != value]:
            raise ValueError(f"{config.model_path} was trained with another {', '.join(other)}: remove it, or rename")
        if {scored.dataset for scored in done} == sets:
            return done
    print(f"--- {config.model_path}")
    if status := Trainer(config).train():
        return status
    Tester(TestConfig(**{f.name: getattr(config, f.name) for f in dataclasses.fields(RunConfig)}, report=False)).test()
    return read_scores(folder)


def table(rows: dict[str, list[MethodScores]], against: dict[str, str]) -> str:
    """Markdown of each row's mean and standard deviation over seeds, and of its MAE beside another row's.

    Args:
        rows: scores on one set by row, one a seed.
        against: the row that a row is compared with, where it is not the first.
    """
    means = {row: average(row, seeds) for row, seeds in rows.items()}
    first = next(iter(means.values()))
    head = ["row", "seeds", *(TITLES[key].title for key in COLUMNS), f"MAE − that of {'' if against else first.method}"]
    lines = [[word.strip() for word in head]]
    for row, mean in means.items():
        other = means.get(against.get(row, first.method), first)
        gain = paired_difference(other, mean, "mae") if mean is not other else None
        shown = (f"{other.method}: " * bool(against) + f"{gain.mean:+.4f} ± {gain.error:.4f}") if gain else ""
        cells = [spread([seed.totals[key] for seed in rows[row]]) for key in COLUMNS]
        lines.append([row, str(len(rows[row])), *cells, shown])
    meaning = "± is the standard deviation over seeds, in the last column the standard error of the paired difference"
    title = f"{first.dataset}, {first.totals['images']} images; {meaning} over images (seeds not in it)."
    return f"{title}\n\n{markdown_table(lines)}\n"
