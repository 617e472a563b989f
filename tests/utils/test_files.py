import cv2
import numpy as np
import pytest

from utils.files import atomic, list_images, pair_by_stem, read_image, read_mask, write_png


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


def test_png_round_trip_keeps_the_colours(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    write_png(tmp_path / "sub" / "ünï.png", picture)
    assert np.array_equal(read_image(tmp_path / "sub" / "ünï.png"), picture)


def test_masks_of_both_polarities_and_of_every_kind(tmp_path):
    grey = np.array([[0, 100, 127, 128, 200, 255]], np.uint8)
    focus = np.array([[0, 0, 0, 255, 255, 255]], np.uint8)
    rgba = np.dstack([grey] * 3 + [np.full_like(grey, 255)])
    for name, picture in (("grey.png", grey), ("rgba.png", rgba), ("grey.bmp", grey)):
        cv2.imwrite(str(tmp_path / name), picture)
        assert np.array_equal(read_mask(tmp_path / name), focus)
        assert np.array_equal(read_mask(tmp_path / name, white="blurred"), 255 - focus)


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_unreadable_pictures_are_named(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(ValueError, match="broken.jpg: not a readable picture"):
        read_image(tmp_path / "broken.jpg")


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
