"""What is said of data sets that look wrong, and what is refused."""

import dataclasses
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from ran.data.check import check, contrast_gain, glance, groups, look, report, thumbnail, twins, warn_of_twins
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


def test_labels_and_masks_of_one_class_are_named(tmp_path, capsys):
    found = pairs(tmp_path, FOCUS * 100, FOCUS * 100, FOCUS * 0)
    assert report(look(found), "TURN") == []  # no warning
    assert capsys.readouterr().out.splitlines() == [
        "SET: masks hold 0 and 100: 100 is taken for in focus; TURN",
        f"SET: 1 of 3 masks hold one class only: {found[2].mask}",
    ]
    report(look(pairs(tmp_path, 100 - FOCUS * 100, white="blurred")))
    assert "masks hold 0 and 100: 0 is taken for in focus; " in capsys.readouterr().out
    (said,) = report(look(pairs(tmp_path, *[FOCUS * 0] * 7)))
    assert said.startswith("SET: WARNING: 7 of 7 masks hold") and said.endswith("masks/4.png and 2 more")
    assert report(look(pairs(tmp_path, FOCUS * 0))) == report(look(pairs(tmp_path, FOCUS, FOCUS * 0 + 1))) == []


def test_masks_of_other_levels_than_most_are_warned_of(tmp_path):
    found = pairs(tmp_path, FOCUS * 255, FOCUS * 255, FOCUS + 1, FOCUS * 255 | 1)
    warning = "SET: WARNING: most masks hold 0 and 255, others do not: "
    assert report(look(found)) == [f"{warning}{found[2].mask}, {found[3].mask}"]


@pytest.mark.parametrize("masks, said", [
    ((FOCUS + 1, FOCUS * 0 + 1, FOCUS + 1), "1.png: holds one value only; the other masks hold 1 and 2"),
    ((FOCUS * 255, FOCUS * 0 + 1), "1.png: holds one value only; the other masks hold 0 and 255"),
    ((FOCUS + 1, FOCUS * 0), "1.png: holds one value only; the other masks hold 1 and 2"),
])  # fmt: skip
def test_one_value_that_others_do_not_hold_is_refused(tmp_path, masks, said):
    """1 alone passes for white; in a set of 1 and 2 it is black."""
    with pytest.raises(ValueError, match=rf"^1 file\(s\) cannot be used:\n  {tmp_path}/masks/{said}"):
        report(look(pairs(tmp_path, *masks)))


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
    for said in (f"\n  {found[0].image}: not a readable image (", f"\n  {found[1].mask}: not a readable image (60 lev",
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
    looks = glance([Pair("SET", path.stem, path, path) for path in paths])
    first, more, different = looks[:1], looks[1:-3], looks[-3:]
    assert len(more) == 8 and [b for a, b in twins(looks) if a is looks[0]] == more and len(twins(looks)) == 8
    assert groups(looks) == [[one.pair for one in [*first, *more]]]
    assert [b for _, b in twins(first, looks)] == [*first, *more] and twins(first, different) == []
    assert twins(different) == twins([], first) == twins(first, []) == twins([]) == []


def test_twins_of_twins_are_one_group(tmp_path):
    """The first and the last differ too much to be twins."""
    values = [photograph("coffee")[::4, ::4].clip(0, 230) + brighter for brighter in (0, 3, 9, 6)]
    paths = [write(tmp_path / f"{number}.png", one) for number, one in enumerate(values)]
    looks = glance([Pair("SET", path.stem, path, path) for path in (*paths, write(tmp_path / "other.png", IMAGE))])
    assert twins(looks[:1], looks[2:]) == [] and groups(looks) == [[one.pair for one in looks[:4]]]


def test_dark_and_flat_images_are_no_twins(tmp_path):
    rng = np.random.default_rng(0)
    values = [rng.integers(0, 24, (64, 64), dtype=np.uint8) for _ in range(2)] + [np.zeros((64, 64), np.uint8)] * 2
    paths = [write(tmp_path / f"{number}.png", one) for number, one in enumerate(values)]
    assert twins(glance([Pair("SET", path.stem, path, path) for path in paths])) == []
    assert thumbnail(values[0]).shape == (16, 16) and thumbnail(values[0]).dtype == np.float32


def test_twins_are_warned_of_with_five_names(tmp_path, capsys):
    looks = glance([Pair("SET", "a", write(tmp_path / "a.png", IMAGE), tmp_path)])
    assert warn_of_twins("images are in both", []) == [] and capsys.readouterr().out == ""
    (said,) = warn_of_twins("images are in both", [(looks[0], looks[0])] * 7)
    pair = f"{tmp_path}/a.png and {tmp_path}/a.png"
    assert said == f"WARNING: 7 images are in both: {', '.join([pair] * 5)} and 2 more"
    assert capsys.readouterr().out == f"{said}\n"


def test_a_right_dataset_folder_has_no_problem(data, tmp_path):
    assert check(data) == (["Train/SAMPLE: 6 pairs, 0 problem(s)", "SAMPLE/Test: 3 pairs, 0 problem(s)"], [])
    assert check(tmp_path / "none") == ([], [f"{tmp_path}/none: neither Train/NAME/images nor NAME/Test/images here"])


def spoil(path: Path, way) -> None:
    write(path, way(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))


FAULTS = {  # what is done to a training set, and what is said of it
    "no mask": (lambda f: (f / "masks/train_001.png").unlink(), "images/train_001.jpg: no partner in "),
    "no contour": (lambda f: (f / "contour/train_001.png").unlink(), "images/train_001.jpg: no partner in "),
    "two masks": (lambda f: shutil.copy(f / "masks/train_001.png", f / "masks/train_001.bmp"), "001.bmp: doubled"),
    "no image": (lambda f: (f / "images/train_001.jpg").write_bytes(b""), "images/train_001.jpg: not a readable image"),
    "labels": (lambda f: spoil(f / "masks/train_001.png", lambda m: m // 255 + np.arange(m.shape[1]) // 24),
               "masks/train_001.png: not a readable image (levels 0, 1, 2, 3"),
    "another size": (lambda f: spoil(f / "masks/train_001.png", lambda m: m[1:]), "train_001.jpg is 96 x 64, its mask"),
    "grey edges": (lambda f: spoil(f / "masks/train_001.png", lambda m: cv2.blur(m, (3, 3))),
                   "masks/train_001.png: grey values in the mask"),
    "a stale contour": (lambda f: spoil(f / "contour/train_001.png", lambda m: m[::-1]),
                        ": WARNING: contours that are not those of their masks; prepare makes them: "),
    "a twin": (lambda f: [shutil.copy(path, path.with_stem("twin")) for path in f.glob("*/train_001.*")],
               "images/twin.jpg: the same photograph as "),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_of_a_dataset_folder_is_named(data, kind):
    way, said = FAULTS[kind]
    way(folder := data / "Train/SAMPLE")
    summary, problems = check(data)
    assert any(said in problem and str(folder) in problem for problem in problems)
    count = {"a twin": 7, "no mask": 5}.get(kind, 6)
    assert summary[0] == f"Train/SAMPLE: {count} pairs, {len(problems)} problem(s)"
    assert summary[1:] == ["SAMPLE/Test: 3 pairs, 0 problem(s)"]


def test_inverted_sets_and_images_of_two_sets_are_problems(data):
    for path in (data / "SAMPLE/Test/masks").iterdir():
        spoil(path, lambda mask: 255 - mask)
    for part, suffix in (("images", "jpg"), ("masks", "png")):
        shutil.copy(data / f"Train/SAMPLE/{part}/train_002.{suffix}", data / f"SAMPLE/Test/{part}")
    _, problems = check(data)
    assert len(problems) == 2 and problems[0].startswith(
        f"{data}/SAMPLE/Test: WARNING: THE MASKS LOOK INVERTED: in 3 of 4"
    )
    first, second = f"{data}/Train/SAMPLE/images/train_002.jpg", f"{data}/SAMPLE/Test/images/train_002.jpg"
    assert problems[1] == f"{second}: the same photograph as {first} of another set"


def test_partial_sets_may_hold_an_image_more_often_but_no_test_image(data):
    """synthesise makes several images of one."""
    part = shutil.copytree(data / "Train/SAMPLE", data / "Train/PART")
    (part / "masks").rename(part / "trimaps")
    shutil.rmtree(part / "contour")
    for path in part.glob("*/train_001.*"):
        shutil.copy(path, path.with_stem("again"))
    assert check(data)[1] == []
    image = min((data / "SAMPLE/Test/images").iterdir())
    shutil.copy(image, part / "images")
    shutil.copy(data / f"SAMPLE/Test/masks/{image.stem}.png", part / "trimaps")
    assert check(data)[1] == [f"{image}: the same photograph as {part}/images/{image.name} of another set"]


def test_a_folder_among_images_is_refused_by_its_name(data):
    (folder := data / "Train/SAMPLE/images/more").mkdir()
    with pytest.raises(ValueError, match=f"^{folder}: a folder among the images of"):
        check(data)
