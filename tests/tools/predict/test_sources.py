from pathlib import Path

import pytest

from ran.tools.predict.sources import find_sources


@pytest.fixture
def shoot(tmp_path) -> Path:
    for name in ("shoot/a.jpg", "shoot/a.png", "shoot/b.JPG", "shoot/day 2/ä.tif", "shoot/notes.txt", "shoot/.c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "shoot/loop").symlink_to(tmp_path / "shoot")
    return tmp_path / "shoot"


def names(words, lines=(), output="out", suffixes=(".png",)) -> list[str]:
    return [source.name for source in find_sources([str(w) for w in words], lines, Path(output), suffixes)]


def test_folders_files_patterns_and_lists(shoot):
    assert names([shoot]) == ["a.jpg", "a.png", "b", "day 2/ä"]
    assert names([shoot / "a.jpg", shoot / "b.JPG"]) == ["a", "b"]
    assert names([shoot / "*.jpg"]) == ["a"]
    assert names([shoot / "**/*.tif"]) == ["day 2/ä"]
    assert names(["-"], [f"{shoot}/a.jpg\n", "\n", f"{shoot}/day 2/ä.tif\r\n"]) == ["a", "ä"]
    assert names([shoot / "notes.txt"]) == ["notes"]  # named by its own name: it is tried
    assert names([shoot / "b.JPG", shoot / "b.JPG", shoot]) == ["b", "a.jpg", "a.png", "day 2/ä"]  # each once


def test_results_never_share_a_name(shoot, tmp_path):
    (shoot / "x.jpg").touch()
    (shoot / "x.cutout.jpg").touch()
    found = names([shoot], suffixes=(".png", ".cutout.png"))
    assert "x.jpg" in found and "x.cutout.jpg" in found and "b" in found
    (shoot / "B.png").touch()
    assert {"b.JPG", "B.png"} <= set(names([shoot]))  # one file on some disks
    (tmp_path / "other").mkdir()
    (tmp_path / "other/b.JPG").touch()
    with pytest.raises(ValueError, match="would all be written to b.JPG.png"):
        names([shoot, tmp_path / "other"])


def test_earlier_results_are_no_input(shoot, capsys):
    (shoot / "maps").mkdir()
    (shoot / "maps/a.png").touch()
    maps = shoot / "maps"
    assert "maps/a" in names([shoot]) and "maps/a" not in names([shoot], output=maps)
    assert names([shoot / "b.JPG", maps], output=maps) == ["b"]  # as the shell makes it of shoot/*
    assert "maps: left out, since results are written there" in capsys.readouterr().out
    assert "maps/a" not in names([shoot / "**/*"], output=maps)


def test_no_photograph_is_written_over(shoot):
    with pytest.raises(FileNotFoundError, match="no pictures but in the folder of results"):
        names([shoot], output=shoot)
    with pytest.raises(ValueError, match="written over a photograph"):
        names([shoot / "a.png"], output=shoot)
    assert names([shoot / "a.jpg"], output=shoot) == ["a"]  # beside it


def test_nothing_there_is_an_error(shoot, tmp_path):
    (tmp_path / "empty").mkdir()
    for words, message in (
        ([tmp_path / "none.jpg"], "none.jpg: no such file or folder"),
        ([tmp_path / "empty"], "empty: no pictures here"),
        ([shoot / "*.webp"], "webp: no pictures here"),
        (["-"], "standard input: no pictures here"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            names(words)
