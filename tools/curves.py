"""`curves`: the histories of several runs in one picture."""

from pathlib import Path

from ..utils.log import plot_runs, read_history
from ..utils.tool_options import CurvesOptions


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
        rows = read_history(path)
        label = path.resolve().parent.name if path.name == "history.csv" else path.stem
        histories[name if label in histories else label] = rows
    plot_runs(Path(options.output), histories)
    print(f"{len(histories)} run(s) in {options.output}")
