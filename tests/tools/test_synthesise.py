import dataclasses

import cv2
import numpy as np
import pytest

from ran.data.check import check, contrast_gain
from ran.data.images import read_image, write_image
from ran.data.masks import UNKNOWN, read_levels, read_pair
from ran.tester import sets_to_score
from ran.tools import synthesise
from ran.tools.camera import largest_square, lens_trimap
from ran.tools.options import SynthesiseOptions
from ran.tools.sample import photograph
from ran.trainer import Trainer

pytestmark = pytest.mark.xdist_group("synthesise")  # one process makes what its tests share


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Four sharp photographs with a disc as object, and with depth that rises from top to bottom."""
    folder, rng = tmp_path_factory.mktemp("sources"), np.random.default_rng(0)
    mask = cv2.circle(np.zeros((80, 120), np.uint8), (60, 40), 24, 255, -1)
    depth = np.repeat(np.linspace(5, 250, 40)[::-1, None], 60, axis=1).astype(np.uint8)
    for name in ("astronaut", "grass", "brick", "coffee"):
        image = cv2.resize(photograph(name), (120, 80), interpolation=cv2.INTER_AREA) + rng.normal(0, 20, (80, 120, 3))
        for kind, values in (("images", image.clip(0, 255).astype(np.uint8)), ("masks", mask), ("depth", depth)):
            write_image(folder / kind / f"{name}.png", values)
    return folder


def make(data_path, **sources):
    synthesise.run(SynthesiseOptions(data_path=str(data_path), **{kind: str(path) for kind, path in sources.items()}))
    return data_path / "Train/SYNTHETIC"


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    """The made set of all kinds of source; every image passes for one in focus."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthesise, "IN_FOCUS", 0)
        patch.setattr(synthesise, "OUT_OF_FOCUS", 0)
        return make(tmp_path_factory.mktemp("made"), objects=sources, people=sources, depth=sources, focus=sources)


LABELS = {  # of the object's centre and of the image's corner
    ("objects", "background"): (255, 0), ("objects", "object"): (0, 255), ("objects", "sharp"): (255, 255),
    ("objects", "blurred"): (0, 0), ("people", "real"): (255, UNKNOWN), ("people", "background"): (255, 0),
    ("people", "object"): (0, UNKNOWN), ("depth", "sharp"): (255, 255), ("depth", "blurred"): (0, 0),
    ("focus", "sharp"): (255, 255), ("focus", "defocused"): (0, 0), ("focus", "blurred"): (0, 0),
    ("depth", "lens"): (255, 255),  # of a flat scene
}  # fmt: skip


def test_each_kind_has_its_labels_and_what_is_out_of_focus_is_no_object(sources, monkeypatch):
    focus, found = np.ones((80, 120)), {}
    monkeypatch.setattr(synthesise, "network", lambda: lambda image: focus)
    image, mask = read_pair(sources / "images/grass.png", sources / "masks/grass.png")
    for name, partner in (("objects", mask), ("people", mask), ("depth", np.full(mask.shape, 2.0)), ("focus", mask)):
        original = np.dstack([mask] * 3) if name == "focus" else image  # squares show which part they are of
        for seed in range(20):
            for kind, made, trimap in synthesise.MAKERS[name](original, partner, np.random.default_rng(seed)):
                middle = trimap[len(trimap) // 2, trimap.shape[1] // 2]
                found.setdefault((name, kind), set()).add((middle, trimap[0, 0]))
                assert name != "people" or trimap[40, 36] == UNKNOWN  # the rim
                assert made.shape[:2] == trimap.shape == ((32, 32) if name == "focus" else (80, 120))
                assert name != "focus" or kind == "defocused" or (made[..., 0] == trimap).all()
    assert found == {kind: {labels} for kind, labels in LABELS.items()}
    focus[mask == 0] = 0.5  # its own background is blurred: an object in front of it is not blurred, too
    kinds = [kind for kind, _, _ in synthesise.of_objects(image, mask, np.random.default_rng(0))]
    assert kinds[0] == "background" and not {"object", "sharp"} & set(kinds)
    focus[mask > 0] = 0.7
    assert not list(synthesise.of_objects(image, mask, np.random.default_rng(0)))


def test_a_lens_blurs_by_the_difference_of_inverse_depths_and_squares_lie_in_one_part(sources, monkeypatch):
    image, metres = synthesise.metres_of(sources / "images/grass.png", sources / "depth/grass.png")
    assert metres.shape == (80, 120) and metres[[0, -1], 0] == pytest.approx([2500 / 255, 0.4])
    lenses, rng = [], np.random.default_rng(0)
    monkeypatch.setattr(synthesise, "thin_lens", lambda image, *depth: lenses.append(depth) or image)
    while len(lenses) < 5:
        list(synthesise.of_depth(image, metres, rng))
    for radii, nearness in lenses:
        apart = abs(1 / metres - 1 / metres.ravel()[radii.argmin()])
        assert np.allclose(nearness, 1 / metres) and np.allclose(radii, radii.max() * apart / apart.max())
        assert radii.min() == 0 and 2 * 0.006 * 120 <= radii.max() <= 2 * 0.035 * 120
    for scale in (1, 2):  # labels are what anybody sees; radii count in pixels of a side of 400; edges are unknown
        row = np.repeat([255, UNKNOWN, 0], [200 * scale - 3, 6, 200 * scale - 3])
        assert np.array_equal(lens_trimap(np.repeat([0.5, 2.0], 200 * scale)[None].repeat(9, 0) * scale)[4], row)
    assert (lens_trimap(np.ones((9, 400))) == UNKNOWN).all()
    image, part = np.arange(100 * 120 * 3).reshape(100, 120, 3), np.zeros((100, 120), np.uint8)
    assert largest_square(image, part) is None
    part[20:85, 30:95] = 255
    assert np.array_equal(largest_square(image, part), image[20:85, 30:95])


def test_what_is_white_is_sharper_than_what_is_black_and_a_seed_gives_the_same_files(sources, made, tmp_path):
    """One source alone is enough: none depends on the others."""
    for path in made.glob("trimaps/*"):
        trimap, _ = read_levels(path, trimap=True)
        if {0, 255} <= {*trimap.flat}:
            assert contrast_gain(read_image(made / "images" / f"{path.stem}.jpg"), trimap) > 0, path
    assert check(made.parent.parent)[1] == []
    again = make(tmp_path / "again", depth=sources)
    files = {path.relative_to(made): path.read_bytes() for path in made.glob("*/depth_*")}
    assert files == {path.relative_to(again): path.read_bytes() for path in again.rglob("*.*")}


@pytest.mark.slow
def test_a_training_mixes_them_in(made, config, dataset):
    data = made.parent.parent
    (data / "Train/SAMPLE").symlink_to(dataset / "Train/SAMPLE")
    config = dataclasses.replace(config, data_path=str(data), extra=["SYNTHETIC"], batch_size=3, extra_per_batch=1)
    assert Trainer(config).train() == 0
    alone = dataclasses.replace(config, datasets=["SYNTHETIC"], extra=[], extra_per_batch=0)
    with pytest.raises(ValueError, match="sets with trimaps cannot validate"):
        Trainer(dataclasses.replace(alone, model_path=config.model_path + "2"))
    with pytest.raises(ValueError, match="SYNTHETIC: a set with trimaps cannot be scored"):
        sets_to_score(dataclasses.replace(alone, fold=1))
