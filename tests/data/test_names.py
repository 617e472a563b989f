from pathlib import Path

import pytest

from ran.data.names import common_affixes, glob_folders, is_image, list_images, pair_by_stem


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_images_are_known_by_suffix_what_systems_leave_is_skipped_and_a_folder_refused(tmp_path):
    images = ["a.JPEG", "a.jfif", "a.mpo", "a.webp", "a.avif", "a.heic", "a.HIF", "a.CR3", "b.c.tif", "a.ppm"]
    others = ["a.pdf", "jpg", ".a.jpg", "a.jpg.part"]
    assert [name for name in images + others if is_image(Path("folder", name))] == images
    for name in ("SET", ".SET", "__MACOSX", "@eaDir"):
        (tmp_path / name / "Test/images").mkdir(parents=True)
    assert glob_folders(tmp_path, "*/Test/images") == [tmp_path / "SET/Test/images"]
    images = touch(tmp_path / "images", "1.jpg", "._1.jpg", ".DS_Store")
    (images / "@eaDir").mkdir()
    assert list(list_images(images)) == ["1"]
    (images / "more").mkdir()
    with pytest.raises(ValueError, match=rf"{images}/more: a folder among the images of {images}: move its images up"):
        list_images(images)


def test_pairs_are_matched_by_stem_also_with_a_suffix(tmp_path):
    images = touch(tmp_path / "images", "10.jpg", "9.JPG", "2.png", "notes.txt", ".hidden.jpg")
    masks = touch(tmp_path / "masks", "2.png", "9.bmp", "10.png")
    pairs = {stem: (images / image, masks / mask) for stem, image, mask in
             (("10", "10.jpg", "10.png"), ("2", "2.png", "2.png"), ("9", "9.JPG", "9.bmp"))}  # fmt: skip
    assert pair_by_stem(images, masks) == (pairs, [])
    assert list(pair_by_stem(images, masks)[0]) == ["10", "2", "9"]  # sorted, whatever the order of files
    more = touch(tmp_path / "more", "2_mask.png", "9_mask.png", "10_mask.png", "2.png")
    pairs = {stem: (image, more / f"{stem}_mask.png") for stem, (image, _) in pairs.items()}
    with pytest.warns(UserWarning, match=f"^{more}: masks are named like their images, with _mask behind$"):
        found = pair_by_stem(images, more)
    assert found == (pairs, [f"{more / '2.png'}: no partner in {images}"])
    few, empty = touch(tmp_path / "few", "2_mask.png", "a.png", "b.png"), touch(tmp_path / "empty")
    assert pair_by_stem(images, few)[0] == {}  # most masks lack the suffix
    assert pair_by_stem(empty, empty) == ({}, [f"{empty}: no images"])


@pytest.mark.parametrize("images, masks, affixes", [
    ("a b_1", "a_mask b_1_mask b_1", ("", "_mask")), ("a b_1", "mask_a mask_b_1", ("mask_", "")),
    ("a b_1", "a b_1", ("", "")), ("a b_1", "c a_mask d", ("", "")), ("1 11", "1 11", ("", "")),
    ("a aa", "aa_pred", ("", "_pred")),  # the shorter one: not a_pred behind a
])  # fmt: skip
def test_what_masks_are_named_more_is_found(images, masks, affixes):
    assert common_affixes(images.split(), masks.split()) == affixes
