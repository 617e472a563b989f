import pytest

from utils.files import atomic, list_images, pair_by_stem


def test_atomic_leaves_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_pairs_are_matched_by_stem(tmp_path):
    images = touch(tmp_path / "images", "10.jpg", "9.JPG", "2.png", "notes.txt", ".hidden.jpg")
    masks = touch(tmp_path / "masks", "2.png", "9.bmp", "10.png")
    pairs, problems = pair_by_stem(images, masks)
    assert problems == []
    assert {stem: (i.name, m.name) for stem, (i, m) in pairs.items()} == {
        "10": ("10.jpg", "10.png"), "2": ("2.png", "2.png"), "9": ("9.JPG", "9.bmp"),
    }  # fmt: skip


def test_lost_and_doubled_partners_are_named(tmp_path):
    images = touch(tmp_path / "images", "a.jpg", "b.jpg", "b.png")
    masks = touch(tmp_path / "masks", "b.png", "c.png")
    text = "\n".join(pair_by_stem(images, masks)[1])
    assert "a.jpg: no partner" in text and "c.png: no partner" in text and "b.jpg: doubled stem, also b.png" in text
    assert pair_by_stem(tmp_path / "nowhere", masks)[1] == [f"{tmp_path / 'nowhere'}: no such folder"]
    empty = touch(tmp_path / "empty")
    assert pair_by_stem(empty, empty)[1] == [f"{empty}: no pictures"]
    assert list_images(empty) == {}
