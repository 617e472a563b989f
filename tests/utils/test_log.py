import csv
import sys

import cv2
import torch

from ran.utils.files import write_csv
from ran.utils.log import Board, plot_history


def test_csv_and_curves_are_written(tmp_path):
    rows = [{"epoch": e, "train_loss": 2 / e, "train_mae": 0.3 / e, "val_loss": 2.1 / e, "val_mae": 0.31 / e}
            for e in (1, 2, 3)]  # fmt: skip
    write_csv(tmp_path / "history.csv", rows)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_mae"]) for row in csv.DictReader(file)] == [row["val_mae"] for row in rows]
    plot_history(tmp_path / "curves.png", rows, rows[-1])
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture.shape[0] > 300 and picture.std() > 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curves.png", "history.csv"]


def test_tensorboard_gets_scalars_and_images_where_it_is_installed(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path, 1)
    for epoch in (1, 2):
        board.add({"epoch": epoch, "val_mae": 0.1 * epoch}, torch.rand(3, 8, 24))
    log = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, round(e.value, 3)) for e in log.Scalars("val/mae")] == [(1, 0.1), (2, 0.2)]
    assert [e.step for e in log.Images("validation: image, mask, map")] == [1, 2]


def test_training_does_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    Board(tmp_path / "log", 1).add({"epoch": 1, "val_mae": 0.1}, torch.rand(3, 8, 24))
    assert not (tmp_path / "log").exists()
