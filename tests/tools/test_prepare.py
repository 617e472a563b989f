import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.data.contour import contour_band
from ran.data.images import write_image
from ran.data.layouts import LAYOUTS, SPLITS
from ran.data.masks import UNKNOWN, read_mask
from ran.tools import prepare
from ran.utils.tool_options import PrepareOptions


@pytest.fixture
def copy(source, tmp_path):
    """A source of one's own, to break."""
    return shutil.copytree(source, tmp_path / "copy")


def run(source, data_path, **options):
    settings = {"source": str(source), "dataset": "SAMPLE", "white": "blurred"} | options
    prepare.run(PrepareOptions(data_path=str(data_path), **settings))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_layout_split_polarity_and_contours(source, dataset):
    train, test = dataset / "Train/SAMPLE", dataset / "SAMPLE/Test"
    assert len(list((train / "images").iterdir())) == 6
    assert sorted(p.stem for p in (test / "images").iterdir()) == (source / "test.txt").read_text().split()
    assert not (test / "contour").exists()
    for mask_path in [*(train / "masks").iterdir(), *(test / "masks").iterdir()]:
        mask = cv2.imread(str(mask_path), cv2.IMREAD_UNCHANGED)
        published = cv2.imread(str(source / "gt" / mask_path.name), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(mask, 255 - published)
    for contour in (train / "contour").iterdir():
        expected = contour_band(read_mask(train / "masks" / contour.name))
        assert np.array_equal(cv2.imread(str(contour), cv2.IMREAD_UNCHANGED), expected)
    for image in (train / "images").iterdir():
        assert image.read_bytes() == (source / "image" / image.name).read_bytes()


def test_again_gives_the_same_and_leaves_the_source_alone(copy, tmp_path, capsys):
    before = files(copy)
    run(copy, tmp_path / "dataset")
    once = files(tmp_path / "dataset")
    run(copy, tmp_path / "dataset")
    assert files(tmp_path / "dataset") == once
    assert files(copy) == before
    out = capsys.readouterr().out
    assert "6 training pairs" in out and "3 test pairs" in out and "in focus" in out
    assert "WARNING" not in out


def test_white_in_focus_keeps_the_masks_and_is_doubted_here(source, tmp_path, capsys):
    run(source, tmp_path, white="in_focus")
    mask = cv2.imread(str(next((tmp_path / "Train/SAMPLE/masks").iterdir())), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(mask)) == {0, 255}
    out = capsys.readouterr().out
    assert "SAMPLE: WARNING: THE MASKS LOOK INVERTED: in 9 of 9 pairs " in out
    assert "; --white blurred turns it round\n" in out


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


HARMS = {  # what is done to a source, and what is said of it
    "no mask": (lambda c: (c / "gt/train_000.png").unlink(), "train_000.jpg: no partner"),
    "no image": (lambda c: (c / "image/train_001.jpg").unlink(), "train_001.png: no partner"),
    "a damaged image": (lambda c: cut(c / "image/train_002.jpg"), "2.jpg: not a readable image (Truncated File Read)"),
    "sizes": (lambda c: cv2.imwrite(str(c / "gt/train_003.png"), np.zeros((10, 12), np.uint8)),
              "train_003.jpg is 96 x 64, its mask 12 x 10"),
    "two masks": (lambda c: shutil.copy(c / "gt/train_004.png", c / "gt/train_004.bmp"),
                  "train_004.bmp: doubled stem, also train_004.png"),
    "a list of nobody": (lambda c: (c / "test.txt").write_text("nobody\n"), "nobody: in "),
    "no list": (lambda c: (c / "test.txt").unlink(), "test.txt: no such file; give --split train, --split test or --"),
    "no masks": (lambda c: shutil.rmtree(c / "gt"), "none of the known folder pairs (image + gt, "),
}  # fmt: skip


@pytest.mark.parametrize("kinds", [*([kind] for kind in HARMS), ["no mask", "two masks"]])
def test_a_broken_source_stops_with_names_before_anything_is_written(copy, tmp_path, kinds):
    for kind in kinds:
        HARMS[kind][0](copy)
    with pytest.raises(ValueError, match="nothing was written") as error:
        run(copy, tmp_path / "dataset")
    assert all(HARMS[kind][1] in str(error.value) for kind in kinds)
    assert not (tmp_path / "dataset").exists()


def test_names_in_the_list_may_hold_spaces(copy, tmp_path):
    for part, suffix in (("image", "jpg"), ("gt", "png")):
        (copy / part / f"train_005.{suffix}").rename(copy / part / f"my photo 5.{suffix}")
    (copy / "test.txt").write_text("\ufeffmy photo 5\r\n\r\n", encoding="utf-8")
    run(copy, tmp_path / "dataset")
    assert [p.name for p in (tmp_path / "dataset/SAMPLE/Test/masks").iterdir()] == ["my photo 5.png"]


def test_images_of_another_source_are_not_mixed_in(copy, tmp_path):
    run(copy, tmp_path / "dataset")
    for path in (copy / "image/train_000.jpg", copy / "gt/train_000.png"):
        path.unlink()
    with pytest.raises(ValueError, match="train_000.jpg: not of this source"):
        run(copy, tmp_path / "dataset")


def test_polarity_of_an_unknown_set_must_be_said(source, tmp_path):
    with pytest.raises(ValueError, match="--white blurred or --white in_focus"):
        run(source, tmp_path, white="")


def test_cuhk_brings_its_polarity_and_split_and_leaves_motion_blur_out(source, tmp_path):
    stems = (SPLITS / "CUHK_test.txt").read_text().split()
    assert len(stems) == len(set(stems)) == 100
    published = [*stems, "out_of_focus0001", "motion0001"]
    for part, suffix in (("image", "jpg"), ("gt", "png")):
        (tmp_path / "cuhk" / part).mkdir(parents=True)
        for stem in published:
            shutil.copy(source / part / f"train_000.{suffix}", tmp_path / f"cuhk/{part}/{stem}.{suffix}")
    run(tmp_path / "cuhk", tmp_path / "dataset", dataset="", white="")
    assert [p.stem for p in (tmp_path / "dataset/Train/CUHK/images").iterdir()] == ["out_of_focus0001"]
    assert {p.stem for p in (tmp_path / "dataset/CUHK/Test/masks").iterdir()} == set(stems)
    mask = read_mask(tmp_path / "dataset/Train/CUHK/masks/out_of_focus0001.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white="blurred"))


def publish(source, parent, layout):
    """Lays the sample's training images out as one of the known layouts; each layout gets stems of its own."""
    for part, name, suffix in (("image", layout.images, "jpg"), ("gt", layout.masks, "png")):
        (parent / name).mkdir(parents=True)
        for number in range(6):
            shutil.copy(
                source / part / f"train_00{number}.{suffix}", parent / name / f"{layout.images}{number}.{suffix}"
            )


@pytest.mark.parametrize("layout", LAYOUTS[1:], ids=lambda layout: layout.images)
def test_published_layouts_are_known_by_their_folders(source, tmp_path, layout):
    publish(source, tmp_path / "download" / "deep", layout)
    prepare.run(PrepareOptions(source=str(tmp_path / "download"), data_path=str(tmp_path / "d")))
    target = tmp_path / "d" / (f"{layout.dataset}/Test" if layout.split == "test" else f"Train/{layout.dataset}")
    assert len(list((target / "images").iterdir())) == len(list((target / "masks").iterdir())) == 6
    assert (target / "contour").exists() == (layout.split == "train")
    mask = read_mask(target / f"masks/{layout.images}0.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png"))  # these publish white = in focus


def test_the_whole_pack_is_prepared_at_once(source, tmp_path, capsys):
    for layout, folder in zip(LAYOUTS[3:], ("train_data", "test_data/CUHK", "test_data/DUT")):
        publish(source, tmp_path / "pack" / folder, layout)
    options = PrepareOptions(source=str(tmp_path / "pack"), data_path=str(tmp_path / "d"))
    prepare.run(options)
    out = capsys.readouterr().out
    assert all(text in out for text in ("CUHK_DUT: 6 training", "CUHK: 6 test", "DUT: 6 test"))
    options.dataset = "CUHK"
    with pytest.raises(ValueError, match="holds CUHK, CUHK_DUT, DUT: leave --dataset out"):
        prepare.run(options)


def test_folders_may_be_spelt_with_other_dashes(source, tmp_path):
    layout = LAYOUTS[2]
    publish(source, tmp_path / "s", layout)
    (tmp_path / "s" / layout.images).rename(tmp_path / "s" / "dut500s_testing")
    prepare.run(PrepareOptions(source=str(tmp_path / "s"), data_path=str(tmp_path / "d")))
    assert len(list((tmp_path / "d/DUT/Test/images").iterdir())) == 6


def test_grey_edges_are_cut(source, tmp_path):
    publish(source, tmp_path / "s", LAYOUTS[5])
    path = tmp_path / "s/dut500-gt/dut500-source0.png"
    soft = cv2.GaussianBlur(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (0, 0), 2)
    cv2.imwrite(str(path), soft)
    prepare.run(PrepareOptions(source=str(tmp_path / "s"), data_path=str(tmp_path / "d")))
    mask = cv2.imread(str(tmp_path / "d/DUT/Test/masks/dut500-source0.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, np.where(soft >= 128, 255, 0))


@pytest.mark.parametrize("split", ["train", "test"])
def test_any_two_folders(source, tmp_path, split):
    run("", tmp_path, images=str(source / "image"), masks=str(source / "gt"), dataset="MINE", split=split)
    folder = tmp_path / ("MINE/Test" if split == "test" else "Train/MINE")
    assert len(list((folder / "images").iterdir())) == 9
    with pytest.raises(ValueError, match="--images needs --masks, --dataset and --white"):
        run("", tmp_path, images=str(source / "image"), masks=str(source / "gt"), white="")


def test_two_copies_of_a_set_are_refused_before_anything_is_written(source, tmp_path):
    for copy in "ab":
        publish(source, tmp_path / "s" / copy, LAYOUTS[5])
    with pytest.raises(ValueError, match="dut500-source0.jpg: the same set and stem as"):
        prepare.run(PrepareOptions(source=str(tmp_path / "s"), data_path=str(tmp_path / "d")))
    assert not (tmp_path / "d").exists()


def test_half_a_layout_is_named_and_a_stray_folder_is_not(source, tmp_path):
    publish(source, tmp_path / "s", LAYOUTS[5])
    (tmp_path / "s/image").mkdir()
    options = PrepareOptions(source=str(tmp_path / "s"), data_path=str(tmp_path / "d"))
    prepare.run(options)
    (tmp_path / "s/DUT600GT_Training").mkdir()
    with pytest.raises(ValueError, match="DUT600GT_Training: no DUT600S_Training beside it"):
        prepare.run(options)
    options.split = "test"
    with pytest.raises(ValueError, match="--split goes with --images"):
        prepare.run(options)


@pytest.mark.parametrize("name, said", [("{}_mask", "_mask behind"), ("mask_{}", "mask_ before")])
@pytest.mark.parametrize("other", ["", "notes", "{}"])
def test_masks_named_with_more_are_found(name, said, other, source, tmp_path, capsys):
    """One that is named otherwise is a problem, and the only one."""
    masks = shutil.copytree(source / "gt", tmp_path / "masks")
    first, *rest = sorted(masks.iterdir())
    for path in rest:
        path.rename(path.with_name(name.format(path.stem) + path.suffix))
    odd = first.rename(masks / f"{(other or name).format(first.stem)}{first.suffix}")
    options = {"images": str(source / "image"), "masks": str(masks), "split": "train"}
    if other:
        with pytest.raises(ValueError, match=rf"^2 problem(?s:.*){first.stem}.jpg: no partner(?s:.*){odd}: no partner"):
            run("", tmp_path / "d", **options)
        return
    run("", tmp_path / "d", **options)
    assert f"{masks}: masks are named as their images with {said}\n" in capsys.readouterr().out
    assert {path.stem for path in (tmp_path / "d").rglob("masks/*")} == {p.stem for p in (source / "image").iterdir()}


@pytest.mark.parametrize("palette", [False, True])
def test_masks_of_labels_are_written_black_and_white(source, tmp_path, capsys, palette):
    """Labels 0 and 1, or a palette as VOC's, where white means blurred in this source."""
    shutil.copytree(source, tmp_path / "s")
    for path in (tmp_path / "s/gt").iterdir():
        image = Image.fromarray((read_mask(path) > 0).astype(np.uint8))
        if palette:
            image.putpalette([0, 0, 0, 128, 0, 0])
        image.save(path)
    for folder, data in ((source, "a"), (tmp_path / "s", "b")):
        run("", tmp_path / data, images=str(folder / "image"), masks=str(folder / "gt"), split="train")
    said = f"masks hold 0 and 1 (9, such as {tmp_path}/s/gt/test_006.png); the smaller value is taken for in focus"
    assert (f"{said}; --white in_focus turns it round" in capsys.readouterr().out) != palette
    for path in (tmp_path / "a").rglob("masks/*"):
        assert path.read_bytes() == Path(str(path).replace("/a/", "/b/")).read_bytes()


def test_a_dataset_folder_is_never_its_own_source(dataset, tmp_path):
    shutil.copytree(dataset, tmp_path / "d")
    before = files(tmp_path / "d")
    folder = tmp_path / "d/Train/SAMPLE"
    with pytest.raises(ValueError, match="the source would be written over"):
        run("", tmp_path / "d", images=str(folder / "images"), masks=str(folder / "masks"), split="train")
    assert files(tmp_path / "d") == before


def test_unknown_folders_are_reported_what_is_known(tmp_path):
    with pytest.raises(ValueError, match="DUT600S_Training.*--images and --masks name any other"):
        run(tmp_path, tmp_path / "d")
    with pytest.raises(ValueError, match="--source names"):
        run("", tmp_path / "d")


SHARED = Path(__file__).parents[3] / "shared/data/CUHK"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="CUHK is not here")
def test_cuhk_as_published(tmp_path, capsys):
    run(SHARED, tmp_path, white="", dataset="CUHK")
    out = capsys.readouterr().out
    assert "604 training pairs" in out and "100 test pairs, 0.295 of the pixels in focus" in out
    assert "WARNING" not in out


def test_trimaps_keep_what_is_unknown(source, tmp_path, capsys):
    """White means what --white says, there is no contour, and --check takes the set for what it is."""
    masks = tmp_path / "masks"
    for path in (source / "gt").iterdir():
        trimap = read_mask(path)
        trimap[:9] = UNKNOWN
        write_image(masks / path.name, trimap)
    options = {"images": str(source / "image"), "masks": str(masks), "trimaps": True, "dataset": "PART"}
    options |= {"white": "blurred", "data_path": str(tmp_path / "dataset")}
    prepare.run(PrepareOptions(**options, split="train"))
    folder = tmp_path / "dataset/Train/PART"
    assert sorted(path.name for path in folder.iterdir()) == ["images", "trimaps"]
    for path in (folder / "trimaps").iterdir():
        written, given = (cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in (path, masks / path.name))
        assert (written[:9] == UNKNOWN).all() and np.array_equal(written[9:], 255 - given[9:])
    prepare.run(PrepareOptions(data_path=str(tmp_path / "dataset"), check=True))
    assert "Train/PART: 9 pairs\n" in capsys.readouterr().out
    with pytest.raises(ValueError, match="trimaps/.*: not of this source"):
        prepare.run(PrepareOptions(**options | {"trimaps": False}, split="train"))
    with pytest.raises(ValueError, match="--split train"):
        prepare.run(PrepareOptions(**options, split="test"))
