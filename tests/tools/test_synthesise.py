import dataclasses

import cv2
import numpy as np
import pytest

from ran.data.check import check, contrast_gain
from ran.data.images import read_image, write_image
from ran.data.layouts import find_sets
from ran.data.masks import UNKNOWN, read_trimap
from ran.tester import sets_to_score
from ran.tools import synthesise
from ran.tools.camera import lens_trimap
from ran.tools.options import SynthesiseOptions
from ran.tools.sample import photograph
from ran.trainer import Trainer

pytestmark = pytest.mark.xdist_group("synthesise")  # one process makes what its tests share


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Four sharp photographs with a disc as object, and with depth that rises from top to bottom."""
    folder, rng = tmp_path_factory.mktemp("sources"), np.random.default_rng(0)
    mask = cv2.circle(np.zeros((80, 120), np.uint8), (60, 40), 24, 255, -1)
    depth = np.repeat(np.linspace(20, 250, 40)[::-1, None], 60, axis=1).astype(np.uint8)
    for name in ("astronaut", "grass", "brick", "coffee"):
        picture = cv2.resize(photograph(name), (120, 80), interpolation=cv2.INTER_AREA)
        picture = np.clip(picture + rng.normal(0, 20, picture.shape), 0, 255).astype(np.uint8)
        for kind, truth in (("masks", mask), ("depth", depth)):
            write_image(folder / kind / f"{name}.png", truth)
        write_image(folder / "images" / f"{name}.png", picture)
    return folder


def make(data_path, **options):
    synthesise.run(SynthesiseOptions(data_path=str(data_path), **options))
    return data_path / "Train/SYNTHETIC"


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    """The made set of all three kinds of source; every picture passes for one in focus."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthesise, "IN_FOCUS", 0)
        patch.setattr(synthesise, "OUT_OF_FOCUS", 0)
        return make(tmp_path_factory.mktemp("made"), objects=str(sources), people=str(sources), depth=str(sources))


def test_what_is_white_is_sharper_than_what_is_black(made):
    kinds = set()
    for path in sorted((made / "trimaps").iterdir()):
        image, trimap = read_image(made / "images" / f"{path.stem}.jpg"), read_trimap(path)
        kinds.add(tuple(path.stem.split("_")[::2]))
        if (trimap == 255).any() and (trimap == 0).any():
            assert contrast_gain(image, trimap) > 0, path
        if path.stem.startswith("people"):
            assert (trimap == UNKNOWN).any()
    assert {("objects", "background"), ("objects", "object")} < kinds
    assert {"people", "depth"} < {source for source, _ in kinds}
    assert check(made.parent.parent)[1] == []


def test_a_lens_is_labelled_by_what_anybody_sees_and_edges_are_not_trusted():
    for scale in (1, 2):  # radii count in pixels of a side of 400
        radii = np.repeat([0.5, 2.0], 200 * scale)[None].repeat(9, 0) * scale
        row = np.repeat([255, UNKNOWN, 0], [200 * scale - 3, 6, 200 * scale - 3])
        assert np.array_equal(lens_trimap(radii)[4], row)
    assert (lens_trimap(np.ones((9, 400))) == UNKNOWN).all()


def test_squares_of_one_class(dataset, tmp_path):
    """Cut from a prepared set: each says one thing."""
    made, kinds = make(tmp_path, focus=str(dataset / "Train/SAMPLE")), set()
    for path in (made / "trimaps").iterdir():
        trimap = read_trimap(path)
        kinds.add(kind := path.stem.rsplit("_", 1)[1])
        assert trimap.shape[0] == trimap.shape[1] and set(np.unique(trimap)) == {255 if kind == "sharp" else 0}
    assert {"sharp", "blurred"} <= kinds


def test_same_seed_same_files(sources, made, tmp_path):
    """One source alone is enough: none depends on the others."""
    again = make(tmp_path, depth=str(sources))
    files = sorted(path.relative_to(made) for path in made.glob("*/depth_*"))
    assert files == sorted(path.relative_to(again) for path in again.rglob("*.*"))
    assert all((made / path).read_bytes() == (again / path).read_bytes() for path in files)


@pytest.mark.slow
def test_a_training_mixes_them_in(made, config, dataset):
    data = made.parent.parent
    (data / "Train/SAMPLE").symlink_to(dataset / "Train/SAMPLE")
    config = dataclasses.replace(config, data_path=str(data), extra=["SYNTHETIC"], batch_size=3, extra_per_batch=1)
    assert Trainer(config).train() == 0
    for change, message in (
        ({"datasets": ["SAMPLE", "SYNTHETIC"]}, "SYNTHETIC: named twice by datasets, extra and val"),
        ({"datasets": ["SYNTHETIC"], "extra": [], "extra_per_batch": 0}, "sets with trimaps cannot validate"),
        ({"extra_per_batch": 3}, "extra_per_batch 3: must be below --batch_size 3"),
    ):
        with pytest.raises(ValueError, match=message):
            Trainer(dataclasses.replace(config, model_path=config.model_path + "2", **change))
    with pytest.raises(ValueError, match="SYNTHETIC: a set with trimaps cannot be scored"):
        sets_to_score(dataclasses.replace(config, datasets=["SYNTHETIC"], extra=[], extra_per_batch=0, fold=1))
    assert list(find_sets(config.data_path, "train", [])) == ["SAMPLE"]


def test_what_is_wrong_is_said(sources, made, tmp_path):
    with pytest.raises(ValueError, match="give --objects, --people, --depth, --focus"):
        make(tmp_path)
    with pytest.raises(ValueError, match="holds files already"):
        make(made.parent.parent, depth=str(sources))
    with pytest.raises(ValueError, match="no such folder"):
        make(tmp_path, depth=str(tmp_path))
