"""Which images predict takes, and what their results are called."""

import os
from pathlib import Path

import pytest

from ran.photos.sources import Search


@pytest.fixture
def shoot(tmp_path, monkeypatch) -> Path:
    """Files of a card and of a computer, named by their content."""
    monkeypatch.chdir(tmp_path)
    for name in ("shoot/a.jpg", "shoot/b.HEIC", "shoot/day 2/c.cr2", "shoot/day 2/ä.png", "shoot/notes.txt",
                 "shoot/clip.mp4", "shoot/.hidden.jpg", "shoot/._a.jpg", "shoot/@eaDir/a.jpg", "shoot/.git/x.png",
                 "shoot/maps/a.png", "elsewhere/d.jpg"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "shoot/linked").symlink_to(tmp_path / "elsewhere")
    return tmp_path / "shoot"


def names(*words: str, output: str = "maps") -> dict[str, str]:
    return {source.name: os.path.relpath(source.path) for source in Search([*words], Path(output)).sources}


def test_folders_are_taken_with_the_folders_in_them_and_what_is_skipped_is_counted(shoot):
    search = Search(["shoot"], Path("shoot/maps"))
    assert [source.name for source in search.sources] == ["a", "b", "day 2/c", "day 2/ä"]
    assert search.left_out() == (
        "skipped: 1 .mp4, 1 .txt, 4 hidden or system file(s), 1 in --output, 1 linked folder(s)\n"
    )


def test_patterns_and_files(shoot):
    assert names("shoot/*") == {"a": "shoot/a.jpg", "b": "shoot/b.HEIC"}
    assert names("shoot/**/*.png", output="x") == {"day 2/ä": "shoot/day 2/ä.png", "maps/a": "shoot/maps/a.png"}
    assert names("shoot/notes.txt", "shoot/.hidden.jpg") == {"notes": "shoot/notes.txt", ".hidden": "shoot/.hidden.jpg"}
    assert names("shoot/a.jpg", "shoot", "shoot/a.jpg", output="shoot/maps")["a"] == "shoot/a.jpg"
    Path("shoot/[1].jpg").write_text("a name that looks like a pattern")
    assert names("shoot/[1].jpg") == {"[1]": "shoot/[1].jpg"}


@pytest.mark.parametrize("first, second", [("a.jpg", "a.cr2"), ("a.jpg", "A.png"), ("a.jpg", "a.overlay.jpg"),
                                           ("a.png", "a.cutout.png")])  # fmt: skip
def test_images_that_would_share_a_result_keep_their_suffix(tmp_path, first, second):
    for name in (first, second, "b.jpg"):
        (tmp_path / name).touch()
    search = Search([str(tmp_path)], tmp_path / "maps")
    if first == "a.jpg" and second == "a.overlay.jpg":  # maps a.png and a.overlay.png: nothing is shared
        assert not search.shared and {source.name for source in search.sources} == {"a", "a.overlay", "b"}
    else:
        assert {source.name for source in search.sources} == {first, second, "b"}
        assert search.shared == sorted({Path(first).stem, Path(second).stem})


def test_names_that_are_alike_even_so_are_refused(shoot):
    Path("elsewhere/a.jpg").touch()
    with pytest.raises(ValueError, match="elsewhere/a.jpg and .*shoot/a.jpg would write results of the same name"):
        names("shoot/a.jpg", "elsewhere/a.jpg")


@pytest.mark.parametrize("words, output, message", [
    (["none"], "maps", "none: no such file or folder"),
    (["shoot/*.gif"], "maps", r"shoot/\*.gif: no images here$"),
    (["shoot/*.txt"], "maps", r"no images here; skipped: 1 .txt$"),
    (["shoot"], "shoot", "no images here; skipped: .* in --output"),
    (["shoot/a.jpg"], "shoot", "lies in the output folder .*: choose another --output"),
])  # fmt: skip
def test_what_cannot_work_is_refused(shoot, words, output, message):
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        names(*words, output=output)
