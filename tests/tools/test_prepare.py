import shutil
from pathlib import Path

import numpy as np
import pytest

from ran.data.layouts import LAYOUTS, SPLITS
from ran.data.masks import read_mask
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


def test_layout_split_and_polarity_are_the_same_again_and_the_source_is_left_alone(source, dataset, tmp_path, capsys):
    before, test = files(source), dataset / "SAMPLE/Test"
    for _ in "12":
        run(source, tmp_path)
    masks = {path: read_mask(path) for path in dataset.rglob("masks/*")}
    share = np.mean([mask.mean() / 255 for path, mask in masks.items() if "Test" in path.parts])
    out = capsys.readouterr().out
    assert f"{tmp_path}/SAMPLE/Test: 3 pairs, {share:.3f} of the pixels in focus" in out and "WARNING" not in out
    run("", tmp_path, check=True)
    assert "Train/SAMPLE: 6 pairs\n" in capsys.readouterr().out
    assert files(tmp_path) == files(dataset) and files(source) == before and len(before) == 19
    assert sorted(p.stem for p in (test / "images").iterdir()) == (source / "test.txt").read_text().split()
    assert all(np.array_equal(mask, 255 - read_mask(source / "gt" / path.name)) for path, mask in masks.items())
    images = [path for path in dataset.rglob("images/*") if path.read_bytes() == before[Path("image", path.name)]]
    assert len(masks) == len(images) == 9


@pytest.mark.parametrize("layouts, white", [(LAYOUTS[1:3], ""), (LAYOUTS[3:], ""), (LAYOUTS[3:4], "blurred")])
def test_published_layouts_are_known_by_their_folders_and_white_wins(source, tmp_path, capsys, layouts, white):
    """They publish white = in focus, which is doubted here: the sample's masks are the other way round."""
    for layout in layouts:
        publish(source, tmp_path / "download" / layout.split / layout.dataset, layout)
    run(tmp_path / "download", tmp_path / "d", dataset="", white=white)
    out = capsys.readouterr().out
    for layout in layouts:
        target = tmp_path / "d" / (f"{layout.dataset}/Test" if layout.split == "test" else f"Train/{layout.dataset}")
        assert len(list(target.glob("images/*"))) == len(list(target.glob("masks/*"))) == 6
        mask = read_mask(target / f"masks/{layout.images}0.png")
        assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white or "in_focus"))
        doubted = f"{layout.dataset}: WARNING: THE MASKS LOOK INVERTED" in out
        assert doubted == ("--white" in out) != bool(white)


def test_cuhk_brings_its_polarity_and_split_and_leaves_motion_blur_out(source, tmp_path):
    stems = (SPLITS / "CUHK_test.txt").read_text().split()
    publish(source, tmp_path / "cuhk", LAYOUTS[0], ["out_of_focus0001", "motion0001", *stems])
    run(tmp_path / "cuhk", tmp_path / "dataset", dataset="", white="")
    assert [p.stem for p in (tmp_path / "dataset/Train/CUHK/images").iterdir()] == ["out_of_focus0001"]
    assert len({p.stem for p in (tmp_path / "dataset/CUHK/Test/masks").iterdir()} & set(stems)) == len(stems) == 100
    mask = read_mask(tmp_path / "dataset/Train/CUHK/masks/out_of_focus0001.png")
    assert np.array_equal(mask, read_mask(source / "gt/train_000.png", white="blurred"))
