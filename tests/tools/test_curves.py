import cv2
import pytest

from tools import curves
from utils.history import write_csv


def history(folder, factor):
    rows = [{"epoch": e, "train_loss": factor / e, "val_loss": 1.1 * factor / e, "val_mae": 0.3 / e} for e in (1, 2, 3)]
    write_csv(folder / "history.csv", rows)
    return str(folder)


def test_runs_are_drawn_into_one_picture(tmp_path, capsys):
    one, two = history(tmp_path / "one", 2.0), history(tmp_path / "two", 1.0)
    pictures = []
    for name, runs in (("one.png", [one]), ("both.png", [one, f"{two}/history.csv"])):
        curves.run(curves.Options(runs=runs, output=str(tmp_path / name)))
        pictures.append(cv2.imread(str(tmp_path / name)))
    assert pictures[0].shape == pictures[1].shape and (pictures[0] != pictures[1]).any()
    assert "2 run(s)" in capsys.readouterr().out


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(ValueError, match="--runs"):
        curves.run(curves.Options())
    with pytest.raises(OSError, match="nowhere"):
        curves.run(curves.Options(runs=[str(tmp_path / "nowhere")]))
