"""What a training logs: history.csv, curves.png, TensorBoard's log, and a line an epoch."""

import gc
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from .files import atomic, write_csv


class RunLog:
    """The log of a run folder; TensorBoard's part where it is installed. Epochs from the first on are written anew."""

    def __init__(self, folder: Path, first_epoch: int):
        self.folder = folder
        self.board: Any = None
        with suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=first_epoch)

    def add(self, history: list[dict], best: dict, example: torch.Tensor | None) -> None:
        """Adds the last epoch of a history; `best` is the row whose weights are kept, `example` a validation image, its
        mask and its map side by side, 3 x H x W in [0, 1].
        """
        write_csv(self.folder / "history.csv", history)
        plot_history(self.folder / "curves.png", history, best)
        row = history[-1]
        if self.board:
            for name, value in row.items():
                self.board.add_scalar(name.replace("_", "/", 1), value, row["epoch"])
            if example is not None:
                self.board.add_image("validation: image, mask, map", example, row["epoch"])
            self.board.flush()
        parts = [part for part in ("train", "val") if f"{part}_loss" in row]
        losses = "  ".join(f"{part} loss {row[f'{part}_loss']:.4f} MAE {row[f'{part}_mae']:.4f}" for part in parts)
        mark = "  best" if best is row and "val_mae" in row else ""
        print(f"epoch {row['epoch']:3d}  lr {row['lr']:.1e}  {losses}  {row['seconds']:.0f} s{mark}")


def plot_history(path: Path, rows: list[dict], best: dict) -> None:
    """Draws loss and MAE of training and validation (if any) over the epochs, and marks the epoch that is kept."""
    from matplotlib.figure import Figure  # pyplot would need global state

    figure, epochs = Figure(figsize=(9, 3.5), layout="constrained"), [row["epoch"] for row in rows]
    for panel, what, title in zip(figure.subplots(1, 2), ("loss", "mae"), ("loss", "MAE")):
        for part, style in (("train", {"color": "0.5", "linestyle": "--"}), ("val", {"color": "C0"})):
            if f"{part}_{what}" in rows[0]:
                panel.plot(epochs, [row[f"{part}_{what}"] for row in rows], marker=".", label=part, **style)
        if "val_mae" in rows[0]:
            panel.plot(best["epoch"], best[f"val_{what}"], "*", markersize=12, color="C3", label="kept")
        panel.set(xlabel="epoch", title=title)
        panel.set_ylim(bottom=0)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.grid(alpha=0.3)
        panel.legend()
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120)
    gc.collect()  # figures are reference cycles that hold their pixels; without this a training keeps dozens
