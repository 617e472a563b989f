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


def break_partner(copy):
    (copy / "gt/train_000.png").unlink()
    return "train_000.jpg: no partner"


def break_mask_without_image(copy):
    (copy / "image/train_001.jpg").unlink()
    return "train_001.png: no partner"


def break_file(copy):
    path = copy / "image/train_002.jpg"
    path.write_bytes(path.read_bytes()[:100])
    return "train_002.jpg: not a readable image (Truncated File Read)"


def break_size(copy):
    cv2.imwrite(str(copy / "gt/train_003.png"), np.zeros((10, 12), np.uint8))
    return "train_003.jpg is 96 x 64, its mask 12 x 10"


def break_stem(copy):
    shutil.copy(copy / "gt/train_004.png", copy / "gt/train_004.bmp")
    return "train_004.bmp: doubled stem, also train_004.png"


def break_list(copy):
    (copy / "test.txt").write_text("nobody\n")
    return "nobody: in "


def break_folder(copy):
    shutil.rmtree(copy / "gt")
    return "image: no gt beside it"


def break_split(copy):
    (copy / "test.txt").unlink()
    return "--test_list"


@pytest.mark.parametrize(
    "harm", [break_partner, break_mask_without_image, break_file, break_size, break_stem, break_list, break_folder,
             break_split],
)  # fmt: skip
def test_a_broken_source_stops_with_names_before_anything_is_written(copy, tmp_path, harm):
    message = harm(copy)
    with pytest.raises(ValueError, match="nothing was written") as error:
        run(copy, tmp_path / "dataset")
    assert message in str(error.value)
    assert not (tmp_path / "dataset").exists()


def test_names_in_the_list_may_hold_spaces(copy, tmp_path):
    for part, suffix in (("image", "jpg"), ("gt", "png")):
        (copy / part / f"train_005.{suffix}").rename(copy / part / f"my photo 5.{suffix}")
    (copy / "test.txt").write_text("\ufeffmy photo 5\r\n\r\n", encoding="utf-8")
    run(copy, tmp_path / "dataset")
    assert [p.name for p in (tmp_path / "dataset/SAMPLE/Test/masks").iterdir()] == ["my photo 5.png"]


def test_all_problems_are_listed_at_once(copy, tmp_path):
    messages = [break_partner(copy), break_stem(copy)]
    with pytest.raises(ValueError) as error:
        run(copy, tmp_path / "dataset")
    assert all(message in str(error.value) for message in messages)


def test_pictures_of_another_source_are_not_mixed_in(copy, tmp_path):
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
    """Lays the sample's training pictures out as one of the known layouts; each layout gets stems of its own."""
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


@pytest.mark.parametrize("name, said", [
    ("{}_mask", "with _mask behind (--mask_suffix _mask)"),
    ("mask_{}", "with mask_ before (--mask_prefix mask_)"),
])  # fmt: skip
def test_masks_named_with_more_are_found(name, said, source, tmp_path, capsys):
    masks = tmp_path / "masks"
    shutil.copytree(source / "gt", masks)
    for path in list(masks.iterdir()):
        path.rename(path.with_name(name.format(path.stem) + path.suffix))
    run("", tmp_path / "d", images=str(source / "image"), masks=str(masks), split="train")
    assert said in capsys.readouterr().out
    assert {path.stem for path in (tmp_path / "d").rglob("masks/*")} == {p.stem for p in (source / "image").iterdir()}
    with pytest.raises(ValueError, match="no partner"):
        run("", tmp_path / "e", images=str(source / "image"), masks=str(masks), split="train", mask_suffix="_gt")


@pytest.mark.parametrize("name, way", [("{}_mask", "--mask_suffix _mask"), ("mask_{}", "--mask_prefix mask_")])
@pytest.mark.parametrize("other", ["notes", "{}"])
def test_one_mask_named_otherwise_hides_no_affix(name, way, other, source, tmp_path):
    masks = tmp_path / "masks"
    shutil.copytree(source / "gt", masks)
    first, *rest = sorted(masks.iterdir())
    first.rename(masks / f"{other.format(first.stem)}{first.suffix}")
    for path in rest:
        path.rename(path.with_name(name.format(path.stem) + path.suffix))
    with pytest.raises(ValueError, match=f"most masks would be paired by {way}; name the others alike"):
        run("", tmp_path / "d", images=str(source / "image"), masks=str(masks), split="train")
    affix = {way.split()[0].removeprefix("--"): way.split()[1]}
    with pytest.raises(ValueError, match="2 problem") as error:
        run("", tmp_path / "d", images=str(source / "image"), masks=str(masks), split="train", **affix)
    assert "most masks" not in str(error.value)


def test_two_folders_need_a_split(copy, tmp_path):
    (copy / "test.txt").unlink()
    with pytest.raises(ValueError, match="--split train or --split test says what all of .* is, or --test_list"):
        run("", tmp_path / "d", images=str(copy / "image"), masks=str(copy / "gt"))


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
    said = "masks hold 0 and 1: 0 is taken for in focus; --white in_focus turns it round"
    assert (said in capsys.readouterr().out) != palette
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
    assert "Train/PART: 9 pairs, 0 problem(s)" in capsys.readouterr().out
    with pytest.raises(ValueError, match="trimaps/.*: not of this source"):
        prepare.run(PrepareOptions(**options | {"trimaps": False}, split="train"))
    with pytest.raises(ValueError, match="--split train"):
        prepare.run(PrepareOptions(**options, split="test"))
