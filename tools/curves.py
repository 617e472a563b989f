"""`curves`: the histories of several runs in one picture."""

import csv
from dataclasses import dataclass
from pathlib import Path

from utils.config import option

DESCRIPTION = "Draw loss and validation MAE of several runs into one picture."


@dataclass
class Options:
    """Options of curves."""

    runs: list[str] = option([], "run folders, or their history.csv files")
    output: str = option("curves.png", "picture to write")


def run(options: Options) -> None:
    """Writes the picture; every run is named by its folder.

    Raises:
        ValueError: no runs, or a history without epochs.
    """
    from utils.history import plot_runs

    if not options.runs:
        raise ValueError("--runs names the run folders to draw")
    histories = {}
    for name in options.runs:
        path = Path(name) / "history.csv" if Path(name).is_dir() else Path(name)
        with path.open(newline="") as file:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        if not rows:
            raise ValueError(f"{path}: no epochs in it")
        if not {"epoch", "train_loss"} <= rows[0].keys():
            raise ValueError(f"{path}: not a history that train wrote")
        label = path.resolve().parent.name if path.name == "history.csv" else path.stem
        histories[name if label in histories else label] = rows
    plot_runs(Path(options.output), histories)
    print(f"{len(histories)} run(s) in {options.output}")
