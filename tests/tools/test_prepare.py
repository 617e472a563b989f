import os
import shutil

import numpy as np
import pytest

from ran.data.images import write_image
from ran.data.layouts import LAYOUTS, SPLITS
from ran.data.masks import UNKNOWN, read_mask, read_trimap
from ran.tools import prepare
from ran.tools.options import PrepareOptions


def run(source, data_path, **options):
    settings = {"source": str(source), "data_path": str(data_path), "dataset": "SAMPLE", "white": "blurred"}
    prepare.run(PrepareOptions(**settings | options))


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def publish(source, parent, layout, stems=()):
    """Lays the sample's training images out as one of the known layouts; each layout gets stems of its own."""
    for part, name, suffix in (("image", layout.images, "jpg"), ("gt", layout.masks, "png")):
        (parent / name).mkdir(parents=True)
        for n, stem in enumerate(stems or [f"{layout.images}{n}" for n in range(6)]):
            shutil.copy(source / part / f"train_00{n % 6}.{suffix}", parent / name / f"{stem}.{suffix}")


def test_layout_split_and_polarity(source, dataset):
    train, test = dataset / "Train/SAMPLE", dataset / "SAMPLE/Test"
    assert {*os.listdir(train)} == {*os.listdir(test)} == {"images", "masks"}
    assert sorted(p.stem for p in (test / "images").iterdir()) == (source / "test.txt").read_text().split()
    for path in [*(train / "masks").iterdir(), *(test / "masks").iterdir()]:
        assert np.array_equal(read_mask(path), 255 - read_mask(source / "gt" / path.name))
    for path in (train / "images").iterdir():
        assert path.read_bytes() == (source / "image" / path.name).read_bytes()


def test_again_gives_the_same_leaves_the_source_alone_and_passes_the_check(source, dataset, tmp_path, capsys):
    before = files(source)
    for _ in "12":
        run(source, tmp_path)
    share = np.mean([read_mask(path).mean() / 255 for path in (dataset / "SAMPLE/Test/masks").iterdir()])
    out = capsys.readouterr().out
    assert f"{tmp_path}/SAMPLE/Test: 3 pairs, {share:.3f} of the pixels in focus" in out and "WARNING" not in out
    run("", tmp_path, check=True)
    assert "Train/SAMPLE: 6 pairs\n" in capsys.readouterr().out
    assert files(tmp_path) == files(dataset) and files(source) == before


@pytest.mark.parametrize("layouts, white", [(LAYOUTS[1:3], ""), (LAYOUTS[3:], ""), (LAYOUTS[3:4], "blurred")],
                         ids=["as authors do", "pack", "white said"])  # fmt: skip
def test_published_layouts_are_known_by_their_folders_and_white_wins(source, tmp_path, capsys, layouts, white):
    """They publish white = in focus, which is doubted here: the sample's masks are the other way round."""
    for layout in layouts:
        publish(source, tmp_path / "download" / layout.split / layout.dataset, layout)
    run(tmp_path / "download", tmp_path / "d", dataset="", white=white)
    out = capsys.readouterr().out
    for layout in layouts:
        target = tmp_path / "d" / (f"{layout.dataset}/Test" if layout.split == "test" else f"Train/{layout.dataset}")
        assert len(list((target / "images").iterdir())) == len(list((target / "masks").iterdir())) == 6
        mask = read_mask(target / f"masks/{layout.images}0.png")
        assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white or "in_focus"))
        doubted = f"{layout.dataset}: WARNING: THE MASKS LOOK INVERTED" in out
        assert doubted == ("--white" in out) != bool(white)


def test_cuhk_brings_its_polarity_and_split_and_leaves_motion_blur_out(source, tmp_path):
    stems = (SPLITS / "CUHK_test.txt").read_text().split()
    assert len(stems) == len(set(stems)) == 100
    publish(source, tmp_path / "cuhk", LAYOUTS[0], ["out_of_focus0001", "motion0001", *stems])
    run(tmp_path / "cuhk", tmp_path / "dataset", dataset="", white="")
    assert [p.stem for p in (tmp_path / "dataset/Train/CUHK/images").iterdir()] == ["out_of_focus0001"]
    assert {p.stem for p in (tmp_path / "dataset/CUHK/Test/masks").iterdir()} == set(stems)
    mask = read_mask(tmp_path / "dataset/Train/CUHK/masks/out_of_focus0001.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white="blurred"))


def test_trimaps_keep_what_is_unknown(source, tmp_path, capsys):
    """White means what --white says, and --check takes the set for what it is."""
    for path in (source / "gt").iterdir():
        trimap = np.where(np.arange(64)[:, None] < 9, UNKNOWN, read_mask(path)).astype(np.uint8)
        write_image(tmp_path / "masks" / f"{path.stem}_mask.png", trimap)
    mine = {"images": str(source / "image"), "masks": str(tmp_path / "masks"), "trimaps": True, "split": "train"}
    with pytest.warns(UserWarning, match="masks: masks are named like their images, with _mask behind$"):
        run("", tmp_path / "d", **mine)
    folder = tmp_path / "d/Train/SAMPLE"
    assert sorted(os.listdir(folder)) == ["images", "trimaps"]
    for path in (folder / "trimaps").iterdir():
        written, given = read_trimap(path), read_trimap(tmp_path / "masks" / f"{path.stem}_mask.png")
        assert (written[:9] == UNKNOWN).all() and np.array_equal(written[9:], 255 - given[9:])
    run("", tmp_path / "d", check=True)
    assert "Train/SAMPLE: 9 pairs\n" in capsys.readouterr().out
