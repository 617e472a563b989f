"""What is said of data sets that look wrong, and what is refused."""

import dataclasses
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ran.data.check import Look, check, contrast_gain, look, report, twins, warn_of_twins
from ran.data.layouts import Pair
from ran.data.masks import read_mask
from ran.data.resizing import resize
from ran.tools.sample import photograph

TEXTURE = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
FOCUS = np.zeros((40, 60), np.uint8)
FOCUS[:, :25] = 1
IMAGE = np.where(FOCUS > 0, TEXTURE, 128).astype(np.uint8)
RIGHT, WRONG = FOCUS * 255, 255 - FOCUS * 255
UNKNOWN = np.where(np.arange(60) == 25, 128, RIGHT).astype(np.uint8)


def write(path: Path, values: np.ndarray, *options: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), values, options)
    return path


def pairs(folder: Path, *masks: np.ndarray, **more) -> list[Pair]:
    """A set SET with these masks; each image is in focus where FOCUS is 1, and different from the others."""
    found = []
    for number, mask in enumerate(masks):
        image = write(folder / f"images/{number}.png", np.roll(IMAGE, 9 * number, 0) // (1 + number % 2))
        found.append(Pair("SET", str(number), image, write(folder / f"masks/{number}.png", mask), **more))
    return found


def test_detail_is_compared_between_the_two_parts_and_noise_of_a_large_image_is_none(tmp_path):
    around = np.pad(IMAGE.astype(int), 1, mode="reflect")
    detail = abs(around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * around[1:-1, 1:-1])
    for mask in (RIGHT, WRONG, UNKNOWN):
        assert contrast_gain(IMAGE, mask) == pytest.approx(detail[mask == 255].mean() - detail[mask == 0].mean())
    for one_class in (FOCUS * 0, FOCUS * 0 + 255, np.where(FOCUS, 255, 128)):
        assert contrast_gain(IMAGE, one_class.astype(np.uint8)) == 0
    rng, mask = np.random.default_rng(0), np.tile(np.repeat([255, 0], 512), (1024, 1)).astype(np.uint8)
    texture, noise = np.kron(rng.integers(88, 169, (128, 128)), np.ones((8, 8))), rng.normal(128, 12, mask.shape)
    image = write(tmp_path / "a.png", grey := np.where(mask, texture, noise).clip(0, 255).astype(np.uint8))
    (result,) = look([Pair("SET", "a", image, write(tmp_path / "mask.png", mask))])
    assert contrast_gain(grey, mask) < 0 < result.gain
    assert result.gain == pytest.approx(contrast_gain(resize(grey, 256, 256), mask[::4, ::4]))


@pytest.mark.parametrize("masks, more, said", [  # {0} is the file of the first mask
    ([RIGHT, RIGHT], {}, ""), ([WRONG, WRONG], {"white": "blurred"}, ""), ([WRONG, RIGHT], {}, ""),
    ([FOCUS * np.uint16(65535)], {}, ""), ([UNKNOWN, UNKNOWN], {"trimap": True}, ""),
    ([WRONG, RIGHT, WRONG], {}, "WARNING: .* INVERTED: in 2 of 3 pairs the part called in focus has less detail .*"),
    ([RIGHT, RIGHT, RIGHT], {"white": "blurred"}, "WARNING: .* INVERTED: in 3 of 3 .*"),
    ([np.where(UNKNOWN == 128, UNKNOWN, 255 - UNKNOWN)], {"trimap": True}, "WARNING: .* INVERTED: in 1 of 1 .*"),
    ([FOCUS, FOCUS * 0, FOCUS], {}, "masks hold 0 and 1 .2, such as {0}.; the larger value means in focus; "),
    ([RIGHT, FOCUS + 1, RIGHT], {}, "WARNING: masks hold 0 and 255 .2, such as {0}., 1 and 2 .1, such as {1}.; .*"),
    ([2 - FOCUS], {"white": "blurred"}, "masks hold 1 and 2 .*; the smaller value means in focus; "),
])  # fmt: skip
def test_what_is_odd_about_the_masks_of_a_set_is_said(tmp_path, masks, more, said):
    found = pairs(tmp_path, *masks, **more)
    remarks = report(look(found), "TURN")
    assert len(remarks) == bool(said)
    assert all(re.fullmatch(f"SET: {said}TURN".format(*[pair.mask for pair in found]), remark) for remark in remarks)


def test_pairs_that_cannot_be_used_are_all_named(tmp_path):
    found = pairs(tmp_path, RIGHT, RIGHT, RIGHT, RIGHT)
    found[0].image.write_bytes(b"no image")
    write(found[1].mask, np.tile(np.arange(60, dtype=np.uint8), (40, 1)))
    write(found[2].mask, RIGHT.T)
    said = (rf"{found[0].image}: not a readable image \(.*\n  {found[1].mask}: not a readable image \(levels.*\n"
            rf"  {found[2].image} is 60 x 40, its mask 40 x 60 \(width x height\)")  # fmt: skip
    with pytest.raises(ValueError, match=rf"^3 file\(s\) cannot be used:\n  {said}"):
        report(look(found))
    assert [bool(one.problem) for one in look(found, sizes=False)] == [True, True, False, False]
    assert [one.problem for one in look([dataclasses.replace(found[0], image=found[0].mask)])] == [""]  # no images


def test_copies_are_twins_and_other_images_are_not(tmp_path):
    rng, coffee, flat = np.random.default_rng(0), photograph("coffee")[::2, ::2, ::-1], np.zeros((64, 64), np.uint8)
    small = cv2.resize(coffee, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    images = [coffee, coffee, small, cv2.resize(coffee, (320, 320)), coffee[::-1], coffee[:, ::-1], np.rot90(coffee),
              np.rot90(small, 3)[::-1], flat, flat, photograph("chelsea")[..., ::-1],
              *rng.integers(0, 24, (2, 64, 64), dtype=np.uint8)]  # fmt: skip
    paths = [write(tmp_path / f"{n}.jpg", values, cv2.IMWRITE_JPEG_QUALITY, 30) for n, values in enumerate(images)]
    first, *looks = look([Pair("SET", path.name, path, Path("none")) for path in paths], masks=False)
    assert twins([first, *looks]) == twins([first], looks) == [(first, copy) for copy in looks[:7]]
    said = ", ".join(f"{first.pair.image} and {copy.pair.image}" for copy in looks[:5])
    assert warn_of_twins("copies", twins([first], looks)) == [f"WARNING: 7 copies: {said} and 2 more"]
    assert warn_of_twins("copies", twins(looks[7:], [first])) == twins([], [first]) == twins([first], []) == []


def test_twins_differ_by_five_levels_and_a_third_of_the_contrast_at_most():
    def of(values: np.ndarray) -> Look:
        return Look(Pair("SET", "a", Path(), Path()), small=values.astype(np.float32))

    wide = np.random.default_rng(0).uniform(50, 200, (16, 16))
    narrow = np.where(np.arange(16) % 2, 100, 104).repeat(16).reshape(16, 16)  # its standard deviation is 2
    for small, below, above in ((wide, 4.9, 5.1), (narrow, 0.58, 0.62)):
        assert [len(twins([of(small)], [of(small + more)])) for more in (below, above)] == [1, 0]
    first, second, third = of(wide), of(wide + 3), of(wide + 3)
    assert twins([first, second, third]) == [(first, second), (first, third)]  # the first of two originals


def add_pair(folder: Path, new: Path, masks: str = "masks") -> None:
    for part, name in (("images", "images/new.jpg"), ("masks", f"{masks}/new.png")):
        write(new / name, cv2.imread(str(min((folder / part).iterdir()))))


FAULTS = {  # what is done to the training set, and the only problem that is named
    "two masks": (lambda f: shutil.copy(f / "masks/train_001.png", f / "masks/train_001.bmp"), "001.bmp: doubled stem"),
    "no image": (lambda f: (f / "images/train_001.jpg").write_bytes(b""), "images/train_001.jpg: not a readable image"),
    "inverted": (lambda f: [write(path, 255 - read_mask(path)) for path in (f / "../../SAMPLE/Test/masks").iterdir()],
                 "/SAMPLE/Test: SAMPLE: WARNING: THE MASKS LOOK INVERTED: in 3 of 3"),
    "a twin among tests": (lambda f: add_pair(f, f / "../../SAMPLE/Test"), "new.jpg: the same image as "),
    "a twin in another set": (lambda f: add_pair(f, f / "../PACK"), "/train_000.jpg: the same image as "),
    "a twin with a trimap": (lambda f: add_pair(f / "../../SAMPLE/Test", f / "../PART", "trimaps"),
                             "PART/images/new.jpg: the same image as .*/Test/"),
}  # fmt: skip


@pytest.mark.parametrize("way, said", FAULTS.values(), ids=FAULTS)
def test_each_fault_of_a_dataset_folder_is_named(dataset, tmp_path, way, said):
    assert check(dataset) == ([f"{dataset}/Train/SAMPLE: 6 pairs", f"{dataset}/SAMPLE/Test: 3 pairs"], [])
    assert check(tmp_path)[1] == [f"{tmp_path}: neither Train/NAME/images nor NAME/Test/images here"]
    data = shutil.copytree(dataset, tmp_path / "data")
    way(data / "Train/SAMPLE")
    _, (problem,) = check(data)
    assert re.search(said, problem) and str(data) in problem
