"""What is said of data sets that look wrong, and what is refused."""

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from ran.data.check import Look, check, contrast_gain, glance, groups, links, look, report, twins, warn_of_twins
from ran.data.contour import contour_band
from ran.data.layouts import Pair
from ran.tools.sample import photograph

TEXTURE = np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)
FOCUS = np.zeros((40, 60), np.uint8)
FOCUS[:, :25] = 1
IMAGE = np.where(FOCUS > 0, TEXTURE, 128).astype(np.uint8)


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


@pytest.fixture
def data(dataset, tmp_path) -> Path:
    """A dataset folder to spoil: 6 images for training, 3 for testing."""
    return shutil.copytree(dataset, tmp_path / "data")


def test_detail_speaks_for_the_right_polarity():
    assert contrast_gain(IMAGE, FOCUS * 255) > 50 and contrast_gain(IMAGE, 255 - FOCUS * 255) < -50
    assert contrast_gain(IMAGE, FOCUS * 0) == contrast_gain(IMAGE, FOCUS * 0 + 255) == 0
    unknown = np.where(np.arange(60) < 30, 128, 255 - FOCUS * 255).astype(np.uint8)
    assert contrast_gain(IMAGE, unknown) == 0  # nothing is called blurred


def test_the_noise_of_a_large_image_is_no_detail(tmp_path):
    rng, mask = np.random.default_rng(0), np.tile(np.repeat([255, 0], 512), (1024, 1)).astype(np.uint8)
    noise = rng.normal(0, 12, mask.shape)
    texture = np.kron(rng.integers(-40, 41, (128, 128)), np.ones((8, 8)))
    image = write(tmp_path / "a.png", (128 + np.where(mask, texture, noise)).clip(0, 255).astype(np.uint8))
    (result,) = look([Pair("SET", "a", image, write(tmp_path / "mask.png", mask))])
    assert contrast_gain(cv2.imread(str(image), cv2.IMREAD_GRAYSCALE), mask) < 0 < result.gain


def test_nothing_is_said_of_right_sets(tmp_path, capsys):
    for number, white in enumerate(("in_focus", "blurred")):
        mask = FOCUS * 255 if white == "in_focus" else 255 - FOCUS * 255
        assert report(look(pairs(tmp_path / str(number), mask, mask, white=white))) == []
    trimap = np.where(np.arange(60) == 25, 128, FOCUS * 255).astype(np.uint8)
    assert report(look(pairs(tmp_path / "trimaps", trimap, trimap, trimap=True))) == report([]) == []
    sixteen = FOCUS.astype(np.uint16) * 65535
    assert report(look(pairs(tmp_path / "deep", sixteen))) == []
    assert capsys.readouterr().out == ""


def test_inverted_masks_are_warned_of_by_their_majority(tmp_path, capsys):
    right, wrong = FOCUS * 255, 255 - FOCUS * 255
    warning = "SET: WARNING: THE MASKS LOOK INVERTED: in 2 of 3 pairs the part called in focus has less detail"
    (said,) = report(look(pairs(tmp_path / "2", wrong, right, wrong)), "--white blurred turns it round")
    assert said.startswith(warning) and said.endswith("; --white blurred turns it round")
    assert capsys.readouterr().out == f"{said}\n"
    assert report(look(pairs(tmp_path / "1", wrong, right))) == []
    (said,) = report(look(pairs(tmp_path / "blurred", right, right, wrong, white="blurred")))
    assert said.startswith(warning) and "`prepare --white blurred`" in said
    trimap = np.where(np.arange(60) == 25, 128, wrong).astype(np.uint8)
    assert "INVERTED: in 1 of 1" in report(look(pairs(tmp_path / "trimap", trimap, trimap=True)))[0]


LEVELS = {  # masks of a set, what is said of their levels, and whether it is a warning
    "0 and 255": ([FOCUS * 255] * 2, "", False),
    "0 and 65535": ([FOCUS * np.uint16(65535)], "", False),
    "labels": ([FOCUS * 100] * 2, "masks hold 0 and 100 (2, such as {0}); the larger value is taken", False),
    "a class alone": ([FOCUS * 255, FOCUS * 255, FOCUS * 0],
                      "masks hold 0 and 255 (2, such as {0}), 0 (1, such as {2}); the larger", False),
    "all of one class": ([FOCUS * 0] * 3, "masks hold 0 (3, such as {0}); the larger", True),
    "two kinds": ([FOCUS * 255, FOCUS + 1, FOCUS * 255],
                  "masks hold 0 and 255 (2, such as {0}), 1 and 2 (1, such as {1}); the larger", True),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEVELS)
def test_levels_that_are_not_black_and_white_are_named(tmp_path, capsys, kind):
    masks, said, warns = LEVELS[kind]
    warnings = report(look(found := pairs(tmp_path, *masks)), "TURN")
    said = said and f"SET: {'WARNING: ' * warns}{said.format(*[pair.mask for pair in found])}"
    line = capsys.readouterr().out
    assert line.startswith(said) and bool(line) == bool(said) and warnings == [line.strip()] * warns
    assert line.endswith(" value is taken for in focus; TURN\n" if said else "")
    report(look(pairs(tmp_path, *(masks[0].max() - mask for mask in masks), white="blurred")))
    assert ("the smaller value is taken" in capsys.readouterr().out) == bool(said)


def test_contours_of_other_masks_are_warned_of(tmp_path):
    found = pairs(tmp_path, FOCUS * 255, FOCUS * 255, FOCUS * 255)
    bands = (contour_band(FOCUS * 255), contour_band(FOCUS[:, ::-1] * 255), contour_band(FOCUS * 255)[:-1])
    paths = [write(tmp_path / f"contour/{number}.png", band) for number, band in enumerate(bands)]
    found = [dataclasses.replace(pair, contour=path) for pair, path in zip(found, paths)]
    (said,) = report(look(found))
    assert said.endswith(f"contours that are not those of their masks; prepare makes them: {paths[1]}, {paths[2]}")


def test_pairs_that_cannot_be_used_are_all_named(tmp_path):
    found = pairs(tmp_path, FOCUS * 255, FOCUS * 255, FOCUS * 255, FOCUS * 255)
    found[0].image.write_bytes(b"no image")
    write(found[1].mask, np.tile(np.arange(60, dtype=np.uint8), (40, 1)))
    write(found[2].mask, FOCUS.T * 255)
    with pytest.raises(ValueError, match=r"^3 file\(s\) cannot be used:\n") as error:
        report(look(found))
    for said in (f"\n  {found[0].image}: not a readable image (", f"\n  {found[1].mask}: not a readable image (levels",
                 f"\n  {found[2].image} is 60 x 40, its mask 40 x 60 (width x height)"):  # fmt: skip
        assert said in str(error.value)
    assert [bool(one.problem) for one in look(found, sizes=False)] == [True, True, False, False]
    assert [one.problem for one in look([dataclasses.replace(found[0], image=found[0].mask)])] == [""]  # no images


@pytest.mark.parametrize("kind", ["jpg", "tif"])
def test_sizes_are_those_of_upright_images(tmp_path, kind):
    """A JPEG is large enough to be looked at in a draft."""
    (exif := Image.Exif())[ExifTags.Base.Orientation] = 6
    large = Image.fromarray(IMAGE).resize((1200, 800))
    mask = write(tmp_path / "mask.png", np.rot90(cv2.resize(FOCUS, (1200, 800)), -1) * 255)
    large.save(tmp_path / f"a.{kind}", exif=exif)
    (found,) = look([Pair("SET", "a", tmp_path / f"a.{kind}", mask)])
    assert found.problem == "" and found.gain > 0


def test_copies_are_twins_and_other_images_are_not(tmp_path):
    coffee, others = photograph("coffee")[..., ::-1], ("chelsea", "rocket", "astronaut")
    small = cv2.resize(coffee, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    copies = {"a copy": coffee, "resized": small, "square": cv2.resize(coffee, (320, 320)), "upside down": coffee[::-1],
              "flipped": coffee[:, ::-1], "turned": np.rot90(coffee), "both": np.rot90(small, 3)[::-1]}  # fmt: skip
    paths = [write(tmp_path / "coffee.png", coffee)]
    paths += [write(tmp_path / f"{name}.png", values) for name, values in copies.items()]
    paths += [write(tmp_path / "quality 30.jpg", coffee, cv2.IMWRITE_JPEG_QUALITY, 30)]
    paths += [write(tmp_path / f"{name}.png", photograph(name)[..., ::-1]) for name in others]
    looks = glance([Pair("SET", path.stem, path, Path("none")) for path in paths])
    first, more, different = looks[:1], looks[1:-3], looks[-3:]
    assert len(more) == 8 and [b for a, b in twins(looks) if a is looks[0]] == more and len(twins(looks)) == 8
    assert groups(looks) == [[one.pair for one in [*first, *more]]]
    assert [b for _, b in twins(first, looks)] == [*first, *more] and twins(first, different) == []
    assert twins(different) == twins([], first) == twins(first, []) == twins([]) == groups([]) == []


def test_every_image_is_its_own_twin():
    """Rounding makes some of these distances negative."""
    rng = np.random.default_rng(0)
    looks = [
        Look(Pair("SET", "a", Path(), Path()), small=rng.uniform(0, 255, (16, 16)).astype("f4")) for _ in range(99)
    ]
    assert np.array_equal(links(looks, looks), np.eye(99, dtype=bool))


def test_twins_of_twins_are_one_group(tmp_path):
    """The first and the last differ too much to be twins."""
    values = [photograph("coffee")[::4, ::4].clip(0, 230) + brighter for brighter in (0, 3, 9, 6)]
    paths = [write(tmp_path / f"{number}.png", one) for number, one in enumerate([*values, IMAGE])]
    looks = glance([Pair("SET", path.stem, path, Path("none")) for path in paths])
    assert twins(looks[:1], looks[2:]) == [] and groups(looks) == [[one.pair for one in looks[:4]]]


def test_dark_and_flat_images_are_no_twins(tmp_path):
    rng = np.random.default_rng(0)
    values = [rng.integers(0, 24, (64, 64), dtype=np.uint8) for _ in range(2)] + [np.zeros((64, 64), np.uint8)] * 2
    paths = [write(tmp_path / f"{number}.png", one) for number, one in enumerate(values)]
    looks = glance([Pair("SET", path.stem, path, tmp_path / "no mask") for path in paths])
    assert twins(looks) == [] and not any(one.problem for one in looks)
    assert looks[0].small.shape == (16, 16) and looks[0].small.dtype == np.float32


def test_twins_are_warned_of_with_five_names(tmp_path, capsys):
    looks = glance([Pair("SET", "a", write(tmp_path / "a.png", IMAGE), tmp_path)])
    assert warn_of_twins("images are in both", []) == [] and capsys.readouterr().out == ""
    (said,) = warn_of_twins("images are in both", [(looks[0], looks[0])] * 7)
    pair = f"{tmp_path}/a.png and {tmp_path}/a.png"
    assert said == f"WARNING: 7 images are in both: {', '.join([pair] * 5)} and 2 more"
    assert capsys.readouterr().out == f"{said}\n"


def test_a_right_dataset_folder_has_no_problem(dataset, tmp_path, capsys):
    assert check(dataset) == []
    lines = [f"{dataset}/Train/SAMPLE: 6 pairs", f"{dataset}/SAMPLE/Test: 3 pairs"]
    assert capsys.readouterr().out.splitlines() == lines
    assert check(tmp_path / "none") == [f"{tmp_path}/none: neither Train/NAME/images nor NAME/Test/images here"]


def spoil(way, *paths: Path) -> None:
    for path in paths:
        write(path, way(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))


def add_pair(folder: Path, new: Path, size: tuple[int, int] = (96, 64), suffix: str = "jpg") -> None:
    """A copy of the pair train_002 of a folder, at another size."""
    image, mask = cv2.imread(str(folder / "images/train_002.jpg")), cv2.imread(str(folder / "masks/train_002.png"))
    write(new / f"images/new.{suffix}", cv2.resize(image, size))
    write(new / "masks/new.png", cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST))


def empty_contours(f: Path) -> None:
    for path in [*f.glob("*/train_00[1-5].*"), f / "contour/train_000.png"]:
        path.unlink()


FAULTS = {  # what is done to the training set, and the only problem that is named
    "no mask": (lambda f: (f / "masks/train_001.png").unlink(), "images/train_001.jpg: no partner in "),
    "no contour": (lambda f: (f / "contour/train_001.png").unlink(), "images/train_001.jpg: no partner in "),
    "no contours": (empty_contours, "images/train_000.jpg: no partner in "),
    "two masks": (lambda f: shutil.copy(f / "masks/train_001.png", f / "masks/train_001.bmp"), "001.bmp: doubled stem"),
    "two images": (lambda f: shutil.copy(f / "images/train_001.jpg", f / "images/train_001.png"), "001.jpg: doubl"),
    "two contours": (lambda f: shutil.copy(f / "contour/train_003.png", f / "contour/train_003.tif"), "003.png: doub"),
    "a contour alone": (lambda f: shutil.copy(f / "contour/train_003.png", f / "contour/x.png"), "x.png: no partner"),
    "no image": (lambda f: (f / "images/train_001.jpg").write_bytes(b""), "images/train_001.jpg: not a readable image"),
    "labels": (lambda f: spoil(lambda m: m // 255 + np.arange(m.shape[1]) // 24, f / "masks/train_001.png"),
               "masks/train_001.png: not a readable image (levels 0, 1, 2, 3"),
    "a matte": (lambda f: spoil(lambda m: m * 0 + 90, f / "masks/train_001.png"), "levels 90: not two classes"),
    "another size": (lambda f: spoil(lambda m: m[1:], f / "masks/train_001.png"), "train_001.jpg is 96 x 64, its mask"),
    "a stale contour": (lambda f: spoil(lambda m: m[::-1], f / "contour/train_001.png"),
                        ": WARNING: contours that are not those of their masks; prepare makes them: "),
    "one class": (lambda f: spoil(lambda m: m * 0, *(f / "../../SAMPLE/Test/masks").iterdir()), "WARNING: masks hold"),
    "inverted": (lambda f: spoil(lambda m: 255 - m, *(f / "../../SAMPLE/Test/masks").iterdir()),
                 "/SAMPLE/Test: SAMPLE: WARNING: THE MASKS LOOK INVERTED: in 3 of 3"),
    "a twin": (lambda f: [shutil.copy(path, path.with_stem("twin")) for path in f.glob("*/train_001.*")],
               "images/twin.jpg: the same image as "),
    "a twin among tests": (lambda f: add_pair(f, f / "../../SAMPLE/Test", (80, 80)), "new.jpg: the same image as "),
    "a twin in another set": (lambda f: add_pair(f, f / "../PACK", (48, 48)), "/train_002.jpg: the same image as "),
    "no set": (lambda f: [shutil.rmtree(path) for path in f.parent.parent.iterdir()], "neither Train/NAME/images nor"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_of_a_dataset_folder_is_named(data, kind):
    way, said = FAULTS[kind]
    way(data / "Train/SAMPLE")
    (problem,) = check(data)
    assert said in problem and str(data) in problem


def test_partial_sets_may_hold_an_image_more_often_but_no_test_image(data):
    """synthesise makes several images of one."""
    part = shutil.copytree(data / "Train/SAMPLE", data / "Train/PART")
    (part / "masks").rename(part / "trimaps")
    shutil.rmtree(part / "contour")
    for path in part.glob("*/train_001.*"):
        shutil.copy(path, path.with_stem("again"))
    assert check(data) == []
    image = min((data / "SAMPLE/Test/images").iterdir())
    shutil.copy(image, part / "images")
    shutil.copy(data / f"SAMPLE/Test/masks/{image.stem}.png", part / "trimaps")
    assert check(data) == [f"{image}: the same image as {part}/images/{image.name}"]


def test_a_folder_among_images_is_refused_by_its_name(data):
    (folder := data / "Train/SAMPLE/images/more").mkdir()
    with pytest.raises(ValueError, match=f"^{folder}: a folder among the images of"):
        check(data)
