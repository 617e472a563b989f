import cv2
import pytest

from ran.tools import curves
from ran.utils.files import write_csv
from ran.utils.tool_options import CurvesOptions


def history(folder, factor):
    folder.mkdir(exist_ok=True)
    rows = [{"epoch": e, "train_loss": factor / e, "val_loss": 1.1 * factor / e, "val_mae": 0.3 / e} for e in (1, 2, 3)]
    write_csv(folder / "history.csv", rows)
    return str(folder)


def test_runs_are_drawn_into_one_picture(tmp_path, capsys):
    one, two = history(tmp_path / "one", 2.0), history(tmp_path / "two", 1.0)
    pictures = []
    for name, runs in (("one.png", [one]), ("both.png", [one, f"{two}/history.csv"])):
        curves.run(CurvesOptions(runs=runs, output=str(tmp_path / name)))
        pictures.append(cv2.imread(str(tmp_path / name)))
    assert pictures[0].shape == pictures[1].shape and (pictures[0] != pictures[1]).any()
    assert "2 run(s)" in capsys.readouterr().out


def test_equal_names_stay_apart_and_a_suffix_is_not_needed(tmp_path, capsys):
    for parent in "ab":
        (tmp_path / parent / "ran").mkdir(parents=True)
    runs = [history(tmp_path / parent / "ran", 1.0) for parent in "ab"]
    curves.run(CurvesOptions(runs=runs, output=str(tmp_path / "picture")))
    assert "2 run(s)" in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "picture")) is not None
    write_csv(tmp_path / "other.csv", [{"epoch": 1}])
    with pytest.raises(ValueError, match="other.csv: not a history"):
        curves.run(CurvesOptions(runs=[str(tmp_path / "other.csv")]))


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(ValueError, match="--runs"):
        curves.run(CurvesOptions())
    with pytest.raises(OSError, match="nowhere"):
        curves.run(CurvesOptions(runs=[str(tmp_path / "nowhere")]))
