"""predict --sort: a shoot in the order of its sharpness."""

import csv
import os
from pathlib import Path

import cv2
import pytest

from ran.imaging.writing import write_png
from ran.tools.predict import command as predict
from ran.tools.predict.sorting import link, sort
from ran.tools.sample import photograph
from tests.tools.predict.written import written


@pytest.fixture
def blurred(shoot) -> list[Path]:
    """One scene of three names that are alike, blurred more and more; the sharpest one first."""
    paths = [shoot / name for name in ("day 2/a.png", "b.png", "a.png")]
    for path, blur in zip(paths, (0, 2, 5)):
        write_png(path, cv2.GaussianBlur(photograph("coffee")[:, :360], (0, 0), blur) if blur else photograph("coffee"))
    (shoot / "day 2/ä.png").unlink()
    return paths


def linked(folder: Path) -> list[Path]:
    return [path.resolve() for path in sorted(folder.iterdir())]


def test_photographs_are_printed_and_linked_sharpest_first(options, blurred, tmp_path, capsys):
    options.sort, out = "print", tmp_path / "out"
    assert predict.run(options) == 0
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert [Path(line.split("  ")[-1]) for line in lines] == blurred
    with (out / "focus.csv").open() as file:
        assert {row["name"] for row in csv.DictReader(file)} == {"a", "b", "day 2/a"}
    options.sort = "link"  # of results that are there already
    assert predict.run(options) == 0
    said = capsys.readouterr().out
    assert "0 picture(s)" in said and f"3 photograph(s), sharpest first: {out / 'sorted'}\n" in said
    assert [path.name for path in sorted((out / "sorted").iterdir())] == ["0001_a.png", "0002_b.png", "0003_a.png"]
    assert linked(out / "sorted") == blurred
    os.rename(tmp_path / "shoot", tmp_path / "moved")
    os.rename(out, tmp_path / "maps")
    os.rename(tmp_path / "moved", tmp_path / "shoot")
    assert linked(tmp_path / "maps/sorted") == blurred and blurred[0].exists()


def test_another_order_leaves_nothing_of_the_one_before(options, blurred, tmp_path):
    options.sort = "link"
    predict.run(options)
    write_png(blurred[0], cv2.GaussianBlur(photograph("coffee"), (0, 0), 9))
    (tmp_path / "out/sorted/notes.txt").write_text("the user's")
    predict.run(options)
    (tmp_path / "out/sorted/notes.txt").unlink()
    assert linked(tmp_path / "out/sorted") == [*blurred[1:], blurred[0]]
    (tmp_path / "out/sorted/0001_b.png").unlink()
    (tmp_path / "out/sorted/0001_b.png").write_text("the user's")
    with pytest.raises(ValueError, match="0001_b.png: not made by --sort: move it away"):
        predict.run(options)
    assert (tmp_path / "out/sorted/0001_b.png").read_text() == "the user's"


def test_where_links_are_not_possible_it_says_so(options, blurred, monkeypatch):
    def refused(*_):
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refused)
    options.sort = "link"
    with pytest.raises(OSError, match="sorted: links cannot be made there .A required .*: take --sort print"):
        predict.run(options)


def test_a_picture_that_failed_is_in_no_order(options, blurred, tmp_path):
    options.sort = "link"
    predict.run(options)
    blurred[0].write_text("no picture")
    assert predict.run(options) == 1
    assert linked(tmp_path / "out/sorted") == blurred[1:]


def test_frames_of_a_burst_stand_together(tmp_path, capsys):
    frames = [("a", 0.9, 1, 2), ("b", 0.5, 1, 1), ("c", 0.7, 2, 1), ("d", 0.4, 3, 1)]
    keys = ("picture", "sharpness", "group", "rank")
    sort("print", [dict(zip(keys, frame)) for frame in frames], tmp_path)
    assert [line[-1] for line in capsys.readouterr().out.splitlines()[1:]] == ["c", "b", "a", "d"]


def test_what_is_linked_is_no_second_photograph(options, blurred, shoot, tmp_path, capsys):
    options.output, options.sort = str(shoot / "maps"), "link"
    predict.run(options)
    options.output, options.sort = str(tmp_path / "other"), ""
    capsys.readouterr()
    assert predict.run(options) == 0
    assert "left out: 1 csv, 4 earlier results\n" in capsys.readouterr().out
    assert written(tmp_path / "other") == {"a.png", "b.png", "day 2/a.png"}
    options.paths = [str(shoot / "maps/sorted")]  # but for one who names it
    assert predict.run(options) == 0 and (tmp_path / "other/0001_a.png").exists()


def test_links_go_nowhere_else(tmp_path):
    (tmp_path / "sorted").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="a link out of the folder of results: remove it"):
        link([], tmp_path / "sorted")
