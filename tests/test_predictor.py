"""Predictors: every kind of image, the same map by every way, tiles, and a host program that stays as it was."""

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ran import load_model as load_any
from ran.data.images import write_image
from ran.data.resizing import quantised
from ran.predictor import SHIPPED, Predictor, load_model
from ran.tools.sample import photograph
from ran.utils.checkpoint import load_network, read_weights, save_weights

CAT = photograph("chelsea")[:150, :200]
DAMAGED = r"not a readable image \(damaged, or not one of JPEG, PNG, .*: save it as 8-bit PNG\)$"


class Bright(Predictor):
    """A predictor whose probability is the brightness."""

    def __init__(self):
        super().__init__({"config": {"img_size": 64}}, "cpu")

    def _run(self, images: np.ndarray) -> np.ndarray:
        return images[:, 0].astype(np.float32) / 255


@pytest.fixture
def predictor(run_folder) -> Predictor:
    return load_model(run_folder, "cpu")


def test_maps_are_resized_probabilities_of_a_run_folder_or_its_file(predictor, run_folder):
    file = load_model(run_folder / "best_model.safetensors", "cpu")
    images, sizes = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8), [(64, 64), (200, 31)]
    maps = predictor.maps(images, sizes)
    assert [(one.shape, one.dtype) for one in maps] == [(size, np.uint8) for size in sizes]
    assert all(np.array_equal(a, b) for a, b in zip(maps, file.maps(images, sizes)))
    assert predictor.img_size == 64 and not predictor.network.training
    with torch.no_grad():
        probability = predictor.network(images / 255)["mask"].sigmoid()[0, 0].numpy()
    assert np.array_equal(maps[0], np.round(255 * probability).astype(np.uint8))


def test_the_shipped_weights_find_what_is_in_focus():
    """On images that they have never seen; the file says what made it, and is small enough for a clone."""
    assert SHIPPED.stat().st_size < 35e6
    _, metadata = read_weights(SHIPPED)
    assert metadata["scores"]["CUHK"]["images"] == 100 and metadata["config"]["datasets"] == ["CUHK"]
    cat = photograph("chelsea")  # its face is sharp
    focus_map = load_model(device="cpu")(np.concatenate([cat, cv2.GaussianBlur(cat, (0, 0), 6)], axis=1))
    assert focus_map[:, : cat.shape[1]].mean() > 0.3 and focus_map[:, cat.shape[1] :].mean() < 0.05


def test_every_kind_of_image_gives_the_same_map(predictor, tmp_path):
    write_image(tmp_path / "cat.png", CAT)
    tensor, file = torch.from_numpy(CAT).permute(2, 0, 1), io.BytesIO()
    data, opened = (tmp_path / "cat.png").read_bytes(), (tmp_path / "cat.png").open("rb")
    Image.fromarray(CAT).save(file, "PNG")  # which leaves it at its end
    kinds = [CAT, tmp_path / "cat.png", str(tmp_path / "cat.png"), Image.fromarray(CAT), tensor, tensor / 255,
             CAT / 255, data, bytearray(data), file, opened]  # fmt: skip
    first, *others = predictor(kinds)
    assert not file.closed and not opened.closed
    opened.close()
    assert first.shape == (150, 200) and first.dtype == np.float32 and 0 <= first.min() < first.max() <= 1
    assert all(np.array_equal(first, other) for other in [*others, *predictor([CAT, (data, CAT)])[1]])
    small = torch.from_numpy(cv2.resize(CAT, (64, 64), interpolation=cv2.INTER_AREA)).permute(2, 0, 1)[None]
    assert np.array_equal(quantised(first), predictor.maps(small, [(150, 200)])[0])


@pytest.mark.parametrize("wrong, message", [
    (None, "NoneType of shape .* is no image: expected a path, a file's bytes"), (7, "int of .* is no image"),
    ([[0.5, 0.5]], "float of .* is no image"), ({"image": 1}, "dict of .* is no image"),
    (torch.zeros(1, 3, 40, 40), r"Tensor of shape \(1, 3, 40, 40\) .* is no image: expected .* a tensor, 3 x H x W"),
    (np.zeros((40, 40), bool), "ndarray of shape .* and type bool is no image"),
    (b"", rf"^an open file: {DAMAGED}"), (io.BytesIO(b"no image"), rf"^an open file: {DAMAGED}"),
    (io.StringIO("no image"), "^an open file: not a readable image"),
    ("nowhere.jpg", r"^nowhere.jpg: not a readable image \(No such file or directory\)$"),
    (Path(__file__), rf"test_predictor.py: {DAMAGED}"),
])  # fmt: skip
def test_what_is_no_image_is_refused_in_words(wrong, message, predictor):
    with pytest.raises(ValueError, match=message):
        predictor(wrong)


@pytest.mark.parametrize("name, value", [("size", -1), ("size", 31), ("size", 64.0), ("size", "64"), ("tile", -5)])
def test_sizes_that_do_not_work_are_refused(name, value, predictor):
    for work in (predictor, predictor.levels):
        with pytest.raises(ValueError, match=f"{name} {value!r}: expected at least 32 pixels, or 0"):
            work(CAT, **{name: value})


@pytest.mark.filterwarnings("error")
def test_weights_that_give_no_numbers_make_no_map(predictor):
    next(predictor.network.parameters()).data.fill_(float("nan"))
    for work in (predictor, predictor.levels, lambda cat: predictor(cat, tile=90)):
        with pytest.raises(ValueError, match="no numbers .NaN.: its weights are damaged"):
            work(CAT)


def test_tiles_are_blended_without_seams(predictor, monkeypatch):
    assert np.array_equal(predictor(CAT, tile=200), predictor(CAT))  # one tile: the whole
    tiled = predictor(CAT, tile=100)
    assert tiled.shape == CAT.shape[:2] and tiled.min() >= 0 and tiled.max() <= 1 + 1e-6
    # A network that says of every tile the same number everywhere: weights sum to one at every pixel.
    monkeypatch.setattr(predictor, "_run", lambda images: np.full((len(images), 64, 64), 0.75, np.float32))
    for tile in (50, 100, 149, 190):
        assert np.allclose(predictor(CAT, tile=tile), 0.75)


@pytest.mark.parametrize("shape", [(500, 700), (700, 500), (90, 640)])
def test_tiles_lie_where_they_belong(shape):
    """The map of a predictor whose probability is the brightness is nearly the image, whatever it is made of."""
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, shape, np.uint8), (0, 0), 6)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)[..., None].repeat(3, 2)
    assert np.abs(Bright().levels(image, tile=128).astype(int) - image[..., 0]).mean() < 6


def test_weights_that_do_not_fit_their_network_are_refused(run_folder, tmp_path):
    state, metadata = read_weights(run_folder)
    state.pop("reduce1.weight")
    save_weights(tmp_path / "cut.safetensors", state, metadata)
    with pytest.raises(ValueError, match="do not fit"):
        load_network(tmp_path / "cut.safetensors")


@pytest.mark.parametrize("options", [{}, {"size": 96}, {"tile": 90}])
def test_levels_are_those_of_the_map(options, predictor):
    assert np.array_equal(predictor.levels(CAT, **options), quantised(predictor(CAT, **options)))
    assert not options or not np.array_equal(predictor.levels(CAT, **options), predictor.levels(CAT))


def test_elongated_images_are_warned_of(predictor):
    with pytest.warns(UserWarning, match="450 x 150 is very elongated; .*try --tile 150"):
        predictor(strip := np.tile(CAT[:, :150], (1, 3, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor(strip, tile=150)
        predictor(CAT)


def test_the_host_program_stays_as_it_was(predictor, run_folder, tmp_path, monkeypatch):
    """Its warnings filters, TF32 switch, threads, default type and device."""
    Image.new("L", (200, 100)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        before = [*warnings.filters], torch.get_num_threads(), torch.backends.cudnn.allow_tf32
        torch.set_default_dtype(torch.float64)
        try:
            with torch.device("meta"):
                loaded = load_any(run_folder, "cpu")
            assert np.array_equal(loaded(CAT), predictor(CAT))
        finally:
            torch.set_default_dtype(torch.float32)
        assert before == ([*warnings.filters], torch.get_num_threads(), torch.backends.cudnn.allow_tf32)
        with pytest.raises(ValueError, match="large.png: .*exceeds limit"):
            loaded(tmp_path / "large.png")


def test_every_kind_of_file_is_read_by_the_package(predictor, run_folder, tmp_path):
    """ran.load_model reads HEIC, by path and by bytes; .onnx files are for it alone."""
    pytest.importorskip("pillow_heif").from_pillow(Image.fromarray(CAT)).save(tmp_path / "a.heic")
    for source in (tmp_path / "a.heic", (tmp_path / "a.heic").read_bytes()):
        found = load_any(run_folder, "cpu")(source)
        assert found.shape == (150, 200) and np.abs(found - predictor(CAT)).mean() < 0.05
    with pytest.raises(ValueError, match="x.onnx: .onnx files are for predict, video, serve and ran.load_model"):
        load_model("x.onnx")
