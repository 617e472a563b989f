"""The story of a training: a CSV with one line an epoch, its curves as a picture, and TensorBoard's log."""

import csv
import io
from pathlib import Path

import torch

from .files import atomic, write_bytes


def write_csv(path: Path, rows: list[dict]) -> None:
    """Writes rows with the same keys; the keys are the header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def plot_history(path: Path, rows: list[dict]) -> None:
    """Draws loss and MAE of training and validation over the epochs, and marks the best validation MAE."""
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    for axis, what in zip(figure.subplots(1, 2), ("loss", "mae")):
        axis.plot(epochs, [row[f"train_{what}"] for row in rows], "o--", markersize=3, color="0.5", label="training")
        validation = [row[f"val_{what}"] for row in rows]
        axis.plot(epochs, validation, "s-", markersize=3, color="C0", label="validation")
        best = min(range(len(rows)), key=lambda i: rows[i]["val_mae"])
        axis.plot(epochs[best], validation[best], "*", markersize=12, color="C3", label=f"epoch {epochs[best]}, kept")
        axis.set(xlabel="epoch", title={"loss": "loss", "mae": "MAE"}[what], ylim=(0, None))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120)


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
