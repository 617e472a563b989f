"""`curves`: the histories of several runs in one picture."""

import csv
from pathlib import Path

from ..utils.log import plot_runs
from ..utils.options import CurvesOptions


def run(options: CurvesOptions) -> None:
    """Writes the picture; every run is named by its folder.

    Raises:
        ValueError: no runs, or a history without epochs.
    """
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
