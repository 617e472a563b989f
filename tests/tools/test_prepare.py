import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ran.data.images import write_image
from ran.data.layouts import LAYOUTS, SPLITS
from ran.data.masks import UNKNOWN, read_mask
from ran.tools import prepare
from ran.tools.options import PrepareOptions


def run(source, data_path, **options):
    settings = {"source": str(source), "dataset": "SAMPLE", "white": "blurred"} | options
    prepare.run(PrepareOptions(data_path=str(data_path), **settings))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def pixels(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def publish(source, parent, layout, stems=()):
    """Lays the sample's training images out as one of the known layouts; each layout gets stems of its own."""
    for part, name, suffix in (("image", layout.images, "jpg"), ("gt", layout.masks, "png")):
        (parent / name).mkdir(parents=True)
        for n, stem in enumerate(stems or [f"{layout.images}{n}" for n in range(6)]):
            shutil.copy(source / part / f"train_00{n % 6}.{suffix}", parent / name / f"{stem}.{suffix}")


def test_layout_split_and_polarity(source, dataset):
    train, test = dataset / "Train/SAMPLE", dataset / "SAMPLE/Test"
    assert {*os.listdir(train)} == {*os.listdir(test)} == {"images", "masks"}
    assert len(list((train / "images").iterdir())) == 6
    assert sorted(p.stem for p in (test / "images").iterdir()) == (source / "test.txt").read_text().split()
    for path in [*(train / "masks").iterdir(), *(test / "masks").iterdir()]:
        assert np.array_equal(pixels(path), 255 - pixels(source / "gt" / path.name))
    for path in (train / "images").iterdir():
        assert path.read_bytes() == (source / "image" / path.name).read_bytes()


def test_again_gives_the_same_leaves_the_source_alone_and_passes_the_check(source, dataset, tmp_path, capsys):
    before = files(source)
    for _ in "12":
        run(source, tmp_path)
    share = np.mean([read_mask(path).mean() / 255 for path in (dataset / "SAMPLE/Test/masks").iterdir()])
    out = capsys.readouterr().out
    assert f"{tmp_path}/SAMPLE/Test: 3 pairs, {share:.3f} of the pixels in focus" in out and "WARNING" not in out
    prepare.run(PrepareOptions(data_path=str(tmp_path), check=True))
    assert "Train/SAMPLE: 6 pairs\n" in capsys.readouterr().out
    assert files(tmp_path) == files(dataset) and files(source) == before


@pytest.mark.parametrize("white, is_right", [("", False), ("blurred", True)])
def test_white_wins_over_what_is_published_and_a_wrong_one_is_doubted(white, is_right, source, tmp_path, capsys):
    publish(source, tmp_path / "source", LAYOUTS[3])
    run(tmp_path / "source", tmp_path / "d", dataset="", white=white)
    mask, out = read_mask(tmp_path / "d/Train/CUHK_DUT/masks/1204source0.png"), capsys.readouterr().out
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png", "blurred" if is_right else "in_focus"))
    assert ("CUHK_DUT: WARNING: THE MASKS LOOK INVERTED: in 6 of 6 pairs" in out) == ("--white" in out) != is_right


@pytest.mark.parametrize("layouts", [LAYOUTS[1:3], LAYOUTS[3:]], ids=["as authors do", "pack"])
def test_published_layouts_are_known_by_their_folders(source, tmp_path, layouts):
    for layout in layouts:
        publish(source, tmp_path / "download" / layout.split / layout.dataset, layout)
    run(tmp_path / "download", tmp_path / "d", dataset="", white="")
    for layout in layouts:
        target = tmp_path / "d" / (f"{layout.dataset}/Test" if layout.split == "test" else f"Train/{layout.dataset}")
        assert len(list((target / "images").iterdir())) == len(list((target / "masks").iterdir())) == 6
        mask = read_mask(target / f"masks/{layout.images}0.png")
        assert np.array_equal(mask, read_mask(source / "gt/train_000.png"))  # these publish white = in focus


def test_cuhk_brings_its_polarity_and_split_and_leaves_motion_blur_out(source, tmp_path):
    stems = (SPLITS / "CUHK_test.txt").read_text().split()
    assert len(stems) == len(set(stems)) == 100
    publish(source, tmp_path / "cuhk", LAYOUTS[0], ["out_of_focus0001", "motion0001", *stems])
    run(tmp_path / "cuhk", tmp_path / "dataset", dataset="", white="")
    assert [p.stem for p in (tmp_path / "dataset/Train/CUHK/images").iterdir()] == ["out_of_focus0001"]
    assert {p.stem for p in (tmp_path / "dataset/CUHK/Test/masks").iterdir()} == set(stems)
    mask = read_mask(tmp_path / "dataset/Train/CUHK/masks/out_of_focus0001.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white="blurred"))


@pytest.fixture
def places(source, dataset, tmp_path, monkeypatch):
    """Makes sources with mistakes, and a dataset folder d, in a folder of the test's own, and goes there."""
    monkeypatch.chdir(tmp_path)
    for layout in LAYOUTS[3:]:
        publish(source, Path("pack"), layout)
    for name in ("twice/a", "twice/b"):
        publish(source, Path(name), LAYOUTS[5])
    shutil.copytree(dataset, "d")
    shutil.copytree("d/Train/SAMPLE", "six")
    for name in ("copy", "nobody", "less", "broken"):
        shutil.copytree(source, name)
    Path("none").mkdir()
    Path("nobody/test.txt").write_text("nobody\n")
    for path in (*Path("less").glob("*/train_000.*"), Path("broken/gt/train_005.png")):
        path.unlink()
    shutil.copy("broken/gt/train_004.png", "broken/gt/train_004.bmp")


OTHER = {"source": "", "images": "copy/image", "masks": "copy/gt", "split": "train"}


@pytest.mark.parametrize("options, message", [
    ({"source": "broken"}, "(?s)train_005.jpg: no partner.*train_004.bmp: doubled stem, also train_004.png"),
    ({"source": "less"}, "train_000.jpg: not of this source"), ({"source": "nobody"}, "nobody: in "),
    ({"source": "none"}, "--images and --masks name any other"), ({"source": ""}, "--source is missing"),
    ({"source": "twice"}, "dut500-source0.jpg: another image of the set has the same stem"),
    ({"source": "pack"}, "holds CUHK, CUHK_DUT, DUT: remove --dataset"), ({"white": ""}, "--white blurred or in_foc"),
    ({"dataset": "../CUHK"}, "it cannot be a path"), (OTHER | {"dataset": "a/b"}, "it cannot be a path"),
    ({"split": "test"}, "--split needs --images"), (OTHER | {"masks": ""}, "--images needs --masks, --dataset and --w"),
    (OTHER | {"split": "test", "trimaps": True}, "--trimaps needs --split train"),
    (OTHER | {"trimaps": True}, "masks/train_000.png: not of this source"),
    (OTHER | {"images": "d/Train/SAMPLE/images", "masks": "six/masks"}, "the source would be overwritten"),
    (OTHER | {"images": "six/images", "masks": "d/Train/SAMPLE/masks"}, "the source would be overwritten"),
])  # fmt: skip
def test_mistakes_are_named_before_anything_is_written(places, options, message):
    before = files(Path("d"))
    with pytest.raises(ValueError, match=message):
        run(**{"source": "copy", "data_path": "d"} | options)
    assert files(Path("d")) == before


def test_masks_named_with_more_are_found(source, tmp_path):
    masks = shutil.copytree(source / "gt", tmp_path / "masks")
    for path in [*masks.iterdir()]:
        path.rename(path.with_stem(f"{path.stem}_mask"))
    with pytest.warns(UserWarning, match=f"^{masks}: masks are named like their images, with _mask behind$"):
        run("", tmp_path / "d", images=str(source / "image"), masks=str(masks), dataset="MINE", split="test")
    assert len(list((tmp_path / "d/MINE/Test/masks").glob("train_*[0-9].png"))) == 6


def test_trimaps_keep_what_is_unknown(source, tmp_path, capsys):
    """White means what --white says, and --check takes the set for what it is."""
    for path in (source / "gt").iterdir():
        trimap = read_mask(path)
        trimap[:9] = UNKNOWN
        write_image(tmp_path / "masks" / path.name, trimap)
    mine = {"images": str(source / "image"), "masks": str(tmp_path / "masks"), "trimaps": True, "split": "train"}
    run("", tmp_path / "d", **mine)
    folder = tmp_path / "d/Train/SAMPLE"
    assert sorted(os.listdir(folder)) == ["images", "trimaps"]
    for path in (folder / "trimaps").iterdir():
        written, given = pixels(path), pixels(tmp_path / "masks" / path.name)
        assert (written[:9] == UNKNOWN).all() and np.array_equal(written[9:], 255 - given[9:])
    prepare.run(PrepareOptions(data_path=str(tmp_path / "d"), check=True))
    assert "Train/SAMPLE: 9 pairs\n" in capsys.readouterr().out


def test_check_fails_with_all_problems(tmp_path):
    for name in "ab":
        (tmp_path / f"Train/{name}/images").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"^2 problem.s. in {tmp_path}:\n  {tmp_path}/Train/a/masks: no such folder"):
        prepare.run(PrepareOptions(data_path=str(tmp_path), check=True))
