from pathlib import Path

import numpy as np
import pytest

from ran.imaging.writing import write_png
from ran.tools.predict.results import RESULT
from ran.tools.predict.sources import find_sources


@pytest.fixture
def shoot(tmp_path) -> Path:
    for name in ("shoot/a.jpg", "shoot/a.png", "shoot/b.JPG", "shoot/day 2/ä.tif", "shoot/notes.txt", "shoot/.c.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "shoot/loop").symlink_to(tmp_path / "shoot")
    return tmp_path / "shoot"


def names(words, listed=(), output="out", suffixes=(".png",), **more) -> list[str]:
    words, listed = ([str(path) for path in paths] for paths in (words, listed))
    return [source.name for source in find_sources(words, listed, Path(output), suffixes, **more)]


def test_folders_files_patterns_and_lists(shoot):
    assert names([shoot]) == ["a.jpg", "a.png", "b", "day 2/ä"]
    assert names([shoot / "a.jpg", shoot / "b.JPG"]) == ["a", "b"]
    assert names([shoot / "*.jpg"]) == ["a"]
    assert names([shoot / "**/*.tif"]) == ["day 2/ä"]
    assert names(["-"], [shoot / "a.jpg", shoot / "day 2/ä.tif"]) == ["a", "ä"]
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
    assert {"shoot/b", "other/b", "B.png"} <= set(names([shoot, tmp_path / "other"]))
    (shoot / "c").touch()
    (shoot / "c.cutout").touch()
    with pytest.raises(ValueError, match="shoot/c and .*shoot/c.cutout would have results of one name"):
        names([shoot / "c", shoot / "c.cutout"], suffixes=(".png", ".cutout.png"))


def test_one_name_in_several_folders_of_a_card_keeps_the_folder(tmp_path):
    files = [tmp_path / f"{day}/DCIM/{folder}CANON/IMG_{number}.JPG"
             for day, folder, number in (("mon", 100, 1), ("mon", 101, 1), ("mon", 101, 2))]  # fmt: skip
    for path in (*files, tmp_path / "tue/DCIM/100CANON/IMG_1.JPG"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    expected = ["100CANON/IMG_1", "101CANON/IMG_1", "IMG_2"]
    assert names(["-"], files) == names(files) == expected
    assert names([path.parent for path in files[:2]]) == expected
    both = names(["-"], [*files, tmp_path / "tue/DCIM/100CANON/IMG_1.JPG"])
    assert both == ["mon/DCIM/100CANON/IMG_1", "101CANON/IMG_1", "IMG_2", "tue/DCIM/100CANON/IMG_1"]


def test_earlier_results_are_no_input(shoot, capsys):
    (shoot / "maps").mkdir()
    (shoot / "maps/a.png").touch()
    maps = shoot / "maps"
    assert "maps/a" in names([shoot]) and "maps/a" not in names([shoot], output=maps)
    assert names([shoot / "b.JPG", maps], output=maps) == ["b"]  # as the shell makes it of shoot/*
    assert "maps: left out, since results are written there" in capsys.readouterr().out
    assert "maps/a" not in names([shoot / "**/*"], output=maps)


def test_what_systems_keep_beside_pictures_is_left_out(shoot, capsys):
    for name in (
        "@eaDir/a.jpg",
        ".thumbnails/a.jpg",
        ".Trash-1000/files/a.jpg",
        ".AppleDouble/a.jpg",
        "lost+found/a.jpg",
        "__MACOSX/shoot/._a.jpg",
        "day 2/._ä.tif",
        ".DS_Store",
        "film.MP4",
        "README",
    ):
        (shoot / name).parent.mkdir(parents=True, exist_ok=True)
        (shoot / name).touch()
    expected = ["a.jpg", "a.png", "b", "day 2/ä"]
    assert names([shoot]) == expected
    line = "left out: 9 hidden or a system's, 1 linked folder, 1 mp4, 1 txt, 1 without a suffix\n"
    assert capsys.readouterr().out == line
    assert sorted(names([shoot / "**"])) == expected
    assert "1 mp4, 1 txt, 1 without a suffix\n" in capsys.readouterr().out
    assert names([shoot / ".thumbnails"]) == ["a"] and not capsys.readouterr().out  # named by itself
    (shoot / "only").mkdir()
    (shoot / "only/film.mp4").touch()
    with pytest.raises(FileNotFoundError, match="only: no pictures here .left out: 1 mp4."):
        names([shoot / "only"])


def test_linked_folders_are_followed_once_each(shoot, tmp_path):
    (tmp_path / "far/deep").mkdir(parents=True)
    for path in (tmp_path / "far/f.jpg", tmp_path / "far/deep/g.jpg"):
        path.touch()
    (shoot / "far").symlink_to(tmp_path / "far")
    (shoot / "again").symlink_to(tmp_path / "far/deep")
    (tmp_path / "far/deep/back").symlink_to(shoot)
    expected = ["a.jpg", "a.png", "b", "day 2/ä"]
    assert names([shoot]) == sorted(names([shoot / "**/*"])) == expected
    assert names([shoot], follow_links=True) == [*expected, "again/g", "far/f"]


def test_patterns_of_what_is_excluded(shoot, capsys):
    (shoot / "day 2/b_edit.jpg").touch()
    assert names([shoot], exclude=["*_edit.jpg", "a.*"]) == ["b", "day 2/ä"]
    assert "3 excluded" in capsys.readouterr().out
    assert names([shoot], exclude=["day*"]) == names([shoot], exclude=["day 2/*"]) == ["a.jpg", "a.png", "b"]
    assert names([shoot / "**/*"], exclude=["day 2"]) == ["a.jpg", "a.png", "b"]
    assert names(["-"], [shoot / "a.jpg", shoot / "day 2/ä.tif"], exclude=["day 2"]) == ["a"]


def test_a_folder_is_excluded_by_its_path_too(shoot, monkeypatch):
    """As the shell completes it."""
    monkeypatch.chdir(shoot.parent)
    for pattern in ("day 2/", "shoot/day 2", "shoot/day 2/", str(shoot / "day 2"), "./shoot/day*"):
        for words in ([shoot], ["shoot"], ["shoot/**/*"]):
            assert names(words, exclude=[pattern]) == ["a.jpg", "a.png", "b"]


def test_lists_are_without_folders_and_what_systems_keep(shoot, capsys):
    """As find makes them."""
    kept = [shoot / "a.jpg", shoot / "day 2/ä.tif"]
    others = [shoot / folder / "t.jpg" for folder in ("@eaDir", ".thumbnails", "day 2/.Trash-1000", "__MACOSX")]
    for path in others:
        path.parent.mkdir()
        path.touch()
    assert names(["-"], [".", "/", shoot, *kept, *others]) == ["a", "ä"]
    assert capsys.readouterr().out == "left out: 3 folders, 4 hidden or a system's\n"
    assert names(["-"], others[1:2]) == ["t"]  # the one that was asked for
    with pytest.raises(FileNotFoundError, match=r"standard input: no pictures here \(left out: 1 folder\)"):
        names(["-"], [shoot])


def test_what_the_shell_makes_of_an_asterisk_is_without_what_systems_keep(shoot, capsys):
    (shoot / "@eaDir").mkdir()
    (shoot / "@eaDir/t.jpg").touch()
    assert names([shoot / "@eaDir", shoot / "a.jpg", shoot / "@eaDir/t.jpg"]) == ["a"]
    assert capsys.readouterr().out == "left out: 2 hidden or a system's\n"
    assert names([shoot / "@eaDir"]) == ["t"]


def test_what_the_shell_makes_of_a_pattern_is_no_wish_for_results(shoot, capsys):
    grey = np.zeros((4, 4), np.uint8)
    write_png(shoot / "a.overlay.png", grey, RESULT)
    (shoot / "notes.txt").touch()
    files = sorted(path for path in shoot.glob("*.*") if path.is_file())
    expected = ["a.jpg", "a.png", "b", "notes"]
    assert names(files) == names(["-"], files) == expected
    assert capsys.readouterr().out == 2 * "left out: 1 earlier result, 1 hidden or a system's\n"
    assert names(files, exclude=["*.txt"]) == expected[:3]
    assert names([shoot / "a.overlay.png"]) == ["a.overlay"] and names([shoot / ".c.jpg"]) == [
        ".c"
    ]  # all that is meant
    with pytest.raises(FileNotFoundError, match="no pictures here .left out: 2 earlier results."):
        names([shoot / "a.overlay.png"] * 2)


def test_no_photograph_is_written_over(shoot):
    with pytest.raises(FileNotFoundError, match="no pictures here .but in the folder of results"):
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
