import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from ran.data.contour import contour_band
from ran.data.images import write_image
from ran.data.layouts import LAYOUTS, SPLITS
from ran.data.masks import UNKNOWN, read_mask
from ran.tools import prepare
from ran.tools.options import PrepareOptions


@pytest.fixture
def copy(source, tmp_path):
    """A source of one's own, to break."""
    return shutil.copytree(source, tmp_path / "copy")


def run(source, data_path, **options):
    settings = {"source": str(source), "dataset": "SAMPLE", "white": "blurred"} | options
    prepare.run(PrepareOptions(data_path=str(data_path), **settings))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def pixels(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def publish(source, parent, layout):
    """Lays the sample's training images out as one of the known layouts; each layout gets stems of its own."""
    for part, name, suffix in (("image", layout.images, "jpg"), ("gt", layout.masks, "png")):
        (parent / name).mkdir(parents=True)
        for n in range(6):
            shutil.copy(source / part / f"train_00{n}.{suffix}", parent / name / f"{layout.images}{n}.{suffix}")


def test_layout_split_polarity_and_contours(source, dataset):
    train, test = dataset / "Train/SAMPLE", dataset / "SAMPLE/Test"
    assert len(list((train / "images").iterdir())) == 6
    assert sorted(p.stem for p in (test / "images").iterdir()) == (source / "test.txt").read_text().split()
    assert not (test / "contour").exists()
    for path in [*(train / "masks").iterdir(), *(test / "masks").iterdir()]:
        assert np.array_equal(pixels(path), 255 - pixels(source / "gt" / path.name))
    for path in (train / "contour").iterdir():
        assert np.array_equal(pixels(path), contour_band(read_mask(train / "masks" / path.name)))
    for path in (train / "images").iterdir():
        assert path.read_bytes() == (source / "image" / path.name).read_bytes()


def test_again_gives_the_same_and_leaves_the_source_alone(source, dataset, copy, tmp_path, capsys):
    for _ in "12":
        run(copy, tmp_path / "dataset")
    assert files(tmp_path / "dataset") == files(dataset) and files(copy) == files(source)
    out = capsys.readouterr().out
    assert "6 training pairs" in out and "3 test pairs" in out and "in focus" in out and "WARNING" not in out


def test_the_wrong_polarity_is_doubted(source, tmp_path, capsys):
    run(source, tmp_path, white="in_focus")
    mask, out = tmp_path / "Train/SAMPLE/masks/train_000.png", capsys.readouterr().out
    assert np.array_equal(pixels(mask), pixels(source / "gt/train_000.png"))
    assert "SAMPLE: WARNING: THE MASKS LOOK INVERTED: in 9 of 9 pairs " in out and "; --white blurred swaps" in out


HARMS = {  # what is done to a source, and what is said of it
    "no mask": (lambda c: (c / "gt/train_000.png").unlink(), "train_000.jpg: no partner"),
    "two masks": (lambda c: shutil.copy(c / "gt/train_004.png", c / "gt/train_004.bmp"),
                  "train_004.bmp: doubled stem, also train_004.png"),
    "a list of nobody": (lambda c: (c / "test.txt").write_text("nobody\n"), "nobody: in "),
    "no list": (lambda c: (c / "test.txt").unlink(), "test.txt: no such file; give --split train, --split test or --"),
    "no masks": (lambda c: shutil.rmtree(c / "gt"), "none of the known folder pairs (image + gt, "),
}  # fmt: skip


@pytest.mark.parametrize("kinds", [*([kind] for kind in HARMS), ["no mask", "two masks"]], ids=" and ".join)
def test_a_broken_source_stops_with_names_before_anything_is_written(copy, tmp_path, kinds):
    for kind in kinds:
        HARMS[kind][0](copy)
    with pytest.raises(ValueError, match="nothing was written") as error:
        run(copy, tmp_path / "dataset")
    assert all(HARMS[kind][1] in str(error.value) for kind in kinds)
    assert not (tmp_path / "dataset").exists()


def test_cuhk_brings_its_polarity_and_split_and_leaves_motion_blur_out(source, tmp_path):
    stems = (SPLITS / "CUHK_test.txt").read_text().split()
    assert len(stems) == len(set(stems)) == 100
    for part, suffix in (("image", "jpg"), ("gt", "png")):
        (tmp_path / "cuhk" / part).mkdir(parents=True)
        for stem in [*stems, "out_of_focus0001", "motion0001"]:
            shutil.copy(source / part / f"train_000.{suffix}", tmp_path / f"cuhk/{part}/{stem}.{suffix}")
    run(tmp_path / "cuhk", tmp_path / "dataset", dataset="", white="")
    assert [p.stem for p in (tmp_path / "dataset/Train/CUHK/images").iterdir()] == ["out_of_focus0001"]
    assert {p.stem for p in (tmp_path / "dataset/CUHK/Test/masks").iterdir()} == set(stems)
    mask = read_mask(tmp_path / "dataset/Train/CUHK/masks/out_of_focus0001.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white="blurred"))


@pytest.mark.parametrize("layout", LAYOUTS[1:], ids=lambda layout: layout.images)
def test_published_layouts_are_known_by_their_folders(source, tmp_path, layout):
    publish(source, tmp_path / "download/deep", layout)
    prepare.run(PrepareOptions(source=str(tmp_path / "download"), data_path=str(tmp_path / "d")))
    target = tmp_path / "d" / (f"{layout.dataset}/Test" if layout.split == "test" else f"Train/{layout.dataset}")
    assert len(list((target / "images").iterdir())) == len(list((target / "masks").iterdir())) == 6
    assert (target / "contour").exists() == (layout.split == "train")
    mask = read_mask(target / f"masks/{layout.images}0.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png"))  # these publish white = in focus


def test_the_whole_pack_is_prepared_at_once(source, tmp_path, capsys):
    for layout, folder in zip(LAYOUTS[3:], ("train_data", "test_data/CUHK", "test_data/DUT")):
        publish(source, tmp_path / "pack" / folder, layout)
    run(tmp_path / "pack", tmp_path / "d", dataset="", white="")
    out = capsys.readouterr().out
    assert all(text in out for text in ("CUHK_DUT: 6 training", "CUHK: 6 test", "DUT: 6 test"))
    with pytest.raises(ValueError, match="holds CUHK, CUHK_DUT, DUT: remove --dataset"):
        run(tmp_path / "pack", tmp_path / "d", dataset="CUHK", white="")


@pytest.mark.parametrize("options, message", [
    ({"white": ""}, "--white blurred or --white in_focus"),
    ({"source": ""}, "--source is missing"),
    ({"source": "TMP"}, "DUT600S_Training.*--images and --masks name any other"),
    ({"source": "", "images": "SOURCE/image"}, "--images needs --masks, --dataset and --white"),
    ({"split": "test"}, "--split needs --images"),
    ({"trimaps": True}, "--trimaps needs --images, --masks and --split train"),
    ({"data_path": "DATA", "source": "", "images": "DATA/Train/SAMPLE/images", "masks": "DATA/Train/SAMPLE/masks",
      "split": "train"}, "the source would be overwritten"),
    ({"source": "TWICE"}, "dut500-source0.jpg: the same set and stem as"),
    ({"source": "HALF"}, "only one of DUT600S_Training and DUT600GT_Training is here"),
])  # fmt: skip
def test_mistakes_are_named_before_anything_is_written(source, dataset, tmp_path, options, message):
    for name in ("twice/a", "twice/b", "half/a"):
        publish(source, tmp_path / name, LAYOUTS[5])
    (tmp_path / "half/DUT600GT_Training").mkdir()
    places = {"TWICE": tmp_path / "twice", "HALF": tmp_path / "half", "TMP": tmp_path / "none", "SOURCE": source,
              "DATA": shutil.copytree(dataset, tmp_path / "d")}  # fmt: skip
    places["TMP"].mkdir()
    for word, path in places.items():
        options = {k: v.replace(word, str(path)) if isinstance(v, str) else v for k, v in options.items()}
    before = files(tmp_path / "d")
    with pytest.raises(ValueError, match=message):
        run(**{"source": source, "data_path": tmp_path / "d"} | options)
    assert files(tmp_path / "d") == before


@pytest.mark.parametrize("name, said", [("{}_mask", "_mask behind"), ("mask_{}", "mask_ before")])
def test_masks_named_with_more_are_found(name, said, source, tmp_path):
    masks = shutil.copytree(source / "gt", tmp_path / "masks")
    for path in [*masks.iterdir()]:
        path.rename(path.with_stem(name.format(path.stem)))
    with pytest.warns(UserWarning, match=f"^{masks}: masks are named like their images, with {said}$"):
        run("", tmp_path / "d", images=str(source / "image"), masks=str(masks), dataset="MINE", split="test")
    found = (tmp_path / "d/MINE/Test/masks").iterdir()
    assert {path.stem for path in found} == {path.stem for path in (source / "image").iterdir()}


def test_masks_of_labels_are_written_black_and_white_and_other_images_not_mixed_in(copy, dataset, tmp_path, capsys):
    """Labels 0 and 1, where 1 means blurred in this source."""
    for path in (copy / "gt").iterdir():
        Image.fromarray((read_mask(path) > 0).astype(np.uint8)).save(path)
    run(copy, tmp_path / "d")
    said = f"masks hold 0 and 1 (9, such as {copy}/gt/test_006.png); the smaller value means in focus"
    assert f"{said}; --white in_focus swaps the two classes" in capsys.readouterr().out
    assert files(tmp_path / "d") == files(dataset)
    for path in (copy / "image/train_000.jpg", copy / "gt/train_000.png"):
        path.unlink()
    with pytest.raises(ValueError, match="train_000.jpg: not of this source"):
        run(copy, tmp_path / "d")


def test_trimaps_keep_what_is_unknown(source, tmp_path, capsys):
    """White means what --white says, there is no contour, and --check takes the set for what it is."""
    masks = tmp_path / "masks"
    for path in (source / "gt").iterdir():
        trimap = read_mask(path)
        trimap[:9] = UNKNOWN
        write_image(masks / path.name, trimap)
    options = {"images": str(source / "image"), "masks": str(masks), "dataset": "PART", "split": "train"}
    run("", tmp_path / "d", trimaps=True, **options)
    folder = tmp_path / "d/Train/PART"
    assert sorted(path.name for path in folder.iterdir()) == ["images", "trimaps"]
    for path in (folder / "trimaps").iterdir():
        written, given = pixels(path), pixels(masks / path.name)
        assert (written[:9] == UNKNOWN).all() and np.array_equal(written[9:], 255 - given[9:])
    prepare.run(PrepareOptions(data_path=str(tmp_path / "d"), check=True))
    assert "Train/PART: 9 pairs\n" in capsys.readouterr().out


def test_check_passes_what_prepare_wrote_and_fails_with_all_problems(dataset, tmp_path, capsys):
    before = files(dataset)
    prepare.run(PrepareOptions(data_path=str(dataset), check=True))
    assert files(dataset) == before and "Train/SAMPLE: 6 pairs\n" in capsys.readouterr().out
    for name in ("a", "b"):
        (tmp_path / f"Train/{name}/images").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"^2 problem.s. in {tmp_path}:\n  {tmp_path}/Train/a/masks: no such folder"):
        prepare.run(PrepareOptions(data_path=str(tmp_path), check=True))
