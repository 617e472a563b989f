"""Which images predict takes, and what their results are called."""

import os
from pathlib import Path

import pytest

from ran.photos.sources import find_images

# Files of a card and of a computer, and folders whose images would share a result.
FILES = ("shoot/a.jpg", "shoot/b.HEIC", "shoot/day 2/c.cr2", "shoot/day 2/ä.png", "shoot/notes.txt", "shoot/clip.mp4",
         "shoot/.hidden.jpg", "shoot/._a.jpg", "shoot/@eaDir/a.jpg", "shoot/.git/x.png", "shoot/maps/a.png",
         "shoot/[1].jpg", "kinds/a.jpg", "kinds/a.cr2", "cases/a.jpg", "cases/A.png", "ends/a.png",
         "ends/a.cutout.png", "elsewhere/a.jpg")  # fmt: skip


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("shoot/linked").symlink_to(tmp_path / "elsewhere")


@pytest.mark.parametrize("words, output, expected", [
    (["shoot"], "shoot/maps", {"[1]": "shoot/[1].jpg", "a": "shoot/a.jpg", "b": "shoot/b.HEIC",
                               "day 2/c": "shoot/day 2/c.cr2", "day 2/ä": "shoot/day 2/ä.png"}),
    (["shoot/?.*"], "maps", {"a": "shoot/a.jpg", "b": "shoot/b.HEIC"}),
    (["shoot/**/*.png"], "x", {"day 2/ä": "shoot/day 2/ä.png", "maps/a": "shoot/maps/a.png"}),
    (["shoot/notes.txt", "shoot/.hidden.jpg"], "x", {"notes": "shoot/notes.txt", ".hidden": "shoot/.hidden.jpg"}),
    (["shoot/a.jpg", "shoot/?.jpg", "kinds/../shoot/a.jpg"], "x", {"a": "shoot/a.jpg"}),
    (["shoot/[1].jpg"], "x", {"[1]": "shoot/[1].jpg"}),  # a name that looks like a pattern
])  # fmt: skip
def test_files_folders_and_patterns(words, output, expected):
    sources, skipped = find_images(words, Path(output))
    assert {source.name: os.path.relpath(source.path) for source in sources} == expected
    line = "skipped: 1 .mp4, 1 .txt, 2 hidden or system file(s), 3 hidden, system or linked folder(s), 1 in --output\n"
    assert skipped == (line if words == ["shoot"] else "")


@pytest.mark.parametrize("words, output, message", [
    (["none"], "maps", "none: no such file or folder"),
    (["shoot/*.txt"], "maps", r"no images here; skipped: 1 .txt$"),
    (["shoot"], "shoot", "no images here; skipped: .* in --output"),
    (["shoot/a.jpg"], "shoot/a.jpg", "no images here; skipped: 1 in --output"),
    *((words, "maps", r"would both have the result .*: name one kind of file, such as .FOLDER/\*\.") for words in (
        ["kinds"], ["cases"], ["ends"], ["elsewhere", "shoot/a.jpg"])),
])  # fmt: skip
def test_what_cannot_work_is_refused(words, output, message):
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        find_images(words, Path(output))
