import csv
import sys

import cv2
import pytest
import torch

from ran.utils.log import RunLog

ROWS = [{"epoch": e, "lr": 1e-3, "train_loss": 2 / e, "train_mae": 0.3 / e, "val_loss": 2.1 / e, "val_mae": 0.31 / e,
         "seconds": 1} for e in (1, 2, 3)]  # fmt: skip


@pytest.mark.parametrize("installed", [True, False])
def test_every_epoch_goes_to_csv_curves_and_tensorboard_where_it_is_installed(tmp_path, monkeypatch, capsys, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    log = RunLog(tmp_path, 1)
    for count in (1, 2, 3):
        log.add(ROWS[:count], ROWS[0], torch.rand(3, 8, 24))
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_mae"]) for row in csv.DictReader(file)] == [row["val_mae"] for row in ROWS]
    assert cv2.imread(str(tmp_path / "curves.png")).std() > 5
    assert [line.endswith("best") for line in capsys.readouterr().out.splitlines()] == [True, False, False]
    assert (tmp_path / "tensorboard").exists() == installed
    if installed:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        steps = [event.step for event in events.Images("validation: image, mask, map")]
        assert steps == [event.step for event in events.Scalars("val/mae")] == [1, 2, 3]
