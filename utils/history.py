"""The story of a training: a CSV with one line an epoch, and its curves as a picture."""

import csv
import io
from pathlib import Path

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
