from pathlib import Path

import pytest
from PIL import Image

from ran.data.names import common_affixes, glob_folders, image_suffixes, is_image, list_images, pair_by_stem

IMAGES = ("a.jpg", "a.JPEG", "a.jfif", "a.jpe", "a.mpo", "a.webp", "a.avif", "a.ppm", "a.psd", "a.jp2", "a.heic",
          "a.HIF", "a.nef", "a.CR3", "a.dng", "b.c.tif")  # fmt: skip
OTHERS = ("a.pdf", "a.eps", "a.mpeg", "a.mp4", "a.h5", "a.fit", "a.ico", "a.txt", "jpg", "a", ".a.jpg", "._a.jpg",
          ".DS_Store", "a.jpg.part")  # fmt: skip


def test_images_by_their_suffix():
    assert [name for name in IMAGES + OTHERS if is_image(Path("folder", name))] == [*IMAGES]


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


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_pairs_are_matched_by_stem_also_with_a_suffix(tmp_path):
    images = touch(tmp_path / "images", "10.jpg", "9.JPG", "2.png", "notes.txt", ".hidden.jpg")
    masks = touch(tmp_path / "masks", "2.png", "9.bmp", "10.png")
    pairs = {stem: (images / image, masks / mask) for stem, image, mask in
             (("10", "10.jpg", "10.png"), ("2", "2.png", "2.png"), ("9", "9.JPG", "9.bmp"))}  # fmt: skip
    assert pair_by_stem(images, masks) == (pairs, [])
    more = touch(tmp_path / "more", "2_mask.png", "9_mask.png", "10_mask.png", "2.png")
    pairs = {stem: (image, more / f"{stem}_mask.png") for stem, (image, _) in pairs.items()}
    assert pair_by_stem(images, more, suffix="_mask") == (pairs, [f"{more / '2.png'}: no partner in {images}"])


def test_what_masks_are_named_more_is_found():
    images, masks = ["a", "b_1"], ["a_mask", "b_1_mask"]
    assert common_affixes(images, masks) == ("", "_mask") and common_affixes(images, images) == ("", "")
    assert common_affixes(images, ["mask_a", "mask_b_1"]) == ("mask_", "")
    assert common_affixes(images, [*masks, "b_1"]) == ("", "")
    assert common_affixes(images, [*masks, "b_1"], share=1 / 2) == ("", "_mask")
    assert common_affixes(images, ["c", "a_mask", "d"], share=1 / 2) == ("", "")


def test_the_shorter_of_two_suffixes_is_taken():
    """11_pred may also be read as 1 with the suffix 1_pred."""
    assert common_affixes({"1", "11"}, {"11_pred"}) == ("", "_pred")


def test_lost_and_doubled_partners_are_named(tmp_path):
    images = touch(tmp_path / "images", "a.jpg", "b.jpg", "b.png")
    masks = touch(tmp_path / "masks", "b.png", "c.png")
    text = "\n".join(pair_by_stem(images, masks)[1])
    assert "a.jpg: no partner" in text and "c.png: no partner" in text and "b.jpg: doubled stem, also b.png" in text
    assert pair_by_stem(tmp_path / "nowhere", masks)[1] == [f"{tmp_path / 'nowhere'}: no such folder"]
    empty = touch(tmp_path / "empty")
    assert pair_by_stem(empty, empty)[1] == [f"{empty}: no images"]
    assert list_images(empty) == {}


def test_what_systems_leave_is_skipped_and_a_folder_refused(tmp_path):
    """Its images would be left out."""
    images = touch(tmp_path / "images", "1.jpg", "._1.jpg", ".DS_Store")
    (images / "@eaDir").mkdir()
    assert list(list_images(images)) == ["1"]
    (images / "more").mkdir()
    with pytest.raises(ValueError, match=rf"{images}/more: a folder among the images of {images}: move its images up"):
        list_images(images)
