from pathlib import Path

import pytest
from PIL import Image

from ran.utils.image_names import glob_folders, image_suffixes, is_image


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.jfif", "a.jpe", "a.mpo", "a.webp", "a.avif", "a.ppm", "a.psd",
                                  "a.jp2", "a.heic", "a.HIF", "a.nef", "a.CR3", "a.dng", "b.c.tif"])  # fmt: skip
def test_pictures_by_their_suffix(name):
    assert is_image(Path("folder", name))


@pytest.mark.parametrize("name", ["a.pdf", "a.eps", "a.mpeg", "a.mp4", "a.h5", "a.fit", "a.ico", "a.txt", "jpg", "a",
                                  ".a.jpg", "._a.jpg", ".DS_Store", "a.jpg.part"])  # fmt: skip
def test_what_is_none(name):
    assert not is_image(Path("folder", name))


def test_what_pillow_knows_here_counts(monkeypatch):
    """A plug-in that Pillow gains is known without a line here."""
    Image.init()
    monkeypatch.setitem(Image.EXTENSION, ".new_kind", "NEW")
    image_suffixes.cache_clear()
    assert is_image(Path("a.new_kind"))
    monkeypatch.undo()
    image_suffixes.cache_clear()
    assert not is_image(Path("a.new_kind"))


def test_folders_of_systems_are_no_data_sets(tmp_path):
    for name in ("SET", ".SET", "__MACOSX", "@eaDir"):
        (tmp_path / name / "Test/images").mkdir(parents=True)
    assert glob_folders(tmp_path, "*/Test/images") == [tmp_path / "SET/Test/images"]
