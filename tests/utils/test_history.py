import csv

import cv2

from utils.history import plot_history, write_csv


def test_csv_and_curves_are_written(tmp_path):
    rows = [{"epoch": e, "train_loss": 2 / e, "train_mae": 0.3 / e, "val_loss": 2.1 / e, "val_mae": 0.31 / e}
            for e in (1, 2, 3)]  # fmt: skip
    write_csv(tmp_path / "history.csv", rows)
    with (tmp_path / "history.csv").open() as file:
        assert [float(row["val_mae"]) for row in csv.DictReader(file)] == [row["val_mae"] for row in rows]
    plot_history(tmp_path / "curves.png", rows)
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture.shape[0] > 300 and picture.std() > 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curves.png", "history.csv"]
