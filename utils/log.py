"""What a training writes as it goes: a table, curves as a picture, TensorBoard's log, a line an epoch."""

import csv
import gc
from pathlib import Path

import torch

from .files import atomic, write_csv


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows of a history.csv.

    Raises:
        ValueError: no epochs in it, or another file.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
    if not rows:
        raise ValueError(f"{path}: no epochs in it")
    if not {"epoch", "train_loss"} <= rows[0].keys():
        raise ValueError(f"{path}: not a history that train wrote")
    return rows


def plot_history(path: Path, rows: list[dict]) -> None:
    """Draws loss and MAE of training and validation (if any) over the epochs, and marks the best validation MAE."""
    figure, panels = _panels(("loss", "MAE"))
    for panel, what in zip(panels, ("loss", "mae")):
        for part, style in (("train", {"color": "0.5", "linestyle": "--"}), ("val", {"color": "C0"})):
            if f"{part}_{what}" in rows[0]:
                values = [row[f"{part}_{what}"] for row in rows]
                panel.plot([row["epoch"] for row in rows], values, marker=".", label=part, **style)
        if "val_mae" in rows[0]:
            best = min(rows, key=lambda row: row["val_mae"])
            panel.plot(best["epoch"], best[f"val_{what}"], "*", markersize=12, color="C3", label="kept")
    _save(figure, panels, path)


def plot_runs(path: Path, histories: dict[str, list[dict]]) -> None:
    """Draws training loss, validation loss and validation MAE of several runs, told apart in greyscale too."""
    figure, panels = _panels(("training loss", "validation loss", "validation MAE"))
    for panel, key in zip(panels, ("train_loss", "val_loss", "val_mae")):
        for number, (name, rows) in enumerate(histories.items()):
            if key not in rows[0]:  # nothing validated
                continue
            epochs, values = [row["epoch"] for row in rows], [row[key] for row in rows]
            panel.plot(epochs, values, marker="os^Dv*"[number % 6], markersize=4, label=name)
    _save(figure, panels, path)


def _panels(titles: tuple[str, ...]):
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    figure = Figure(figsize=(4.5 * len(titles), 3.5), layout="constrained")
    panels = figure.subplots(1, len(titles))
    for panel, title in zip(panels, titles):
        panel.set(xlabel="epoch", title=title)
    return figure, panels


def _save(figure, panels, path: Path) -> None:
    for panel in panels:
        panel.set_ylim(bottom=0)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
        panel.legend()
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine(None)  # which would draw it once more
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120, format=path.suffix[1:] or "png")
    # Figures are cycles that hold their pixels, and Python looks for cycles seldom: a training would keep dozens.
    gc.collect()


class RunLog:
    """The log of a run folder: history.csv, curves.png, TensorBoard's, and a line on the console.

    Args:
        folder: of the run.
        first_epoch: that is to be logged next.
    """

    def __init__(self, folder: Path, first_epoch: int):
        self.folder = folder
        self.board = Board(folder / "tensorboard", first_epoch)

    def add(self, history: list[dict], best: dict, example: torch.Tensor | None) -> None:
        """Adds the last epoch of a history.

        Args:
            best: the row of it whose weights are kept.
            example: photograph, truth and map of a validation picture, 3 x H x W in [0, 1].
        """
        write_csv(self.folder / "history.csv", history)
        plot_history(self.folder / "curves.png", history)
        row = history[-1]
        self.board.add(row, example)
        parts = [part for part in ("train", "val") if f"{part}_loss" in row]
        losses = "  ".join(f"{part} loss {row[f'{part}_loss']:.4f} MAE {row[f'{part}_mae']:.4f}" for part in parts)
        mark = "  best" if best is row and "val_mae" in row else ""
        print(f"epoch {row['epoch']:3d}  lr {row['lr']:.1e}  {losses}  {row['seconds']:.0f} s{mark}")


class Board:
    """Scalars and one picture an epoch for TensorBoard, where tensorboard is installed; otherwise it does nothing.

    Args:
        folder: of the log.
        first_epoch: epochs from this one on are written anew, after a resumed training.
    """

    def __init__(self, folder: Path, first_epoch: int):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.writer = None
        else:
            self.writer = SummaryWriter(str(folder), purge_step=first_epoch)

    def add(self, row: dict, picture: torch.Tensor | None) -> None:
        """Adds an epoch: a row of the history, and a picture 3 x H x W in [0, 1]."""
        if self.writer is None:
            return
        for name, value in row.items():
            self.writer.add_scalar(name.replace("_", "/", 1), value, row["epoch"])
        if picture is not None:
            self.writer.add_image("validation: photograph, truth, map", picture, row["epoch"])
        self.writer.flush()
