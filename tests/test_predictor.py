"""Predictors: every kind of image, the same map by every way, tiles, and a host program that stays as it was."""

import io
import warnings

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ran import load_model as load_any
from ran.data.images import write_image
from ran.data.resizing import quantised
from ran.predictor import Predictor, load_model
from ran.tools.sample import photograph
from tests.small import Bright

CAT = photograph("chelsea")[:150, :200]


@pytest.fixture
def predictor(run_folder) -> Predictor:
    return load_model(run_folder, "cpu")


def test_maps_are_resized_probabilities_of_a_run_folder_or_its_file(predictor, run_folder):
    file = load_model(run_folder / "best_model.safetensors", "cpu")
    images, sizes = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), np.uint8), [(64, 64), (200, 31)]
    maps = predictor.maps(images, sizes)
    assert [(one.shape, one.dtype) for one in maps] == [(size, np.uint8) for size in sizes]
    assert all(map(np.array_equal, maps, file.maps(images, sizes))) and predictor.img_size == 64
    with torch.no_grad():
        probability = predictor.network.eval()(torch.from_numpy(images) / 255)["mask"].sigmoid()[0, 0].numpy()
    assert np.array_equal(maps[0], np.round(255 * probability))


def test_every_kind_of_image_gives_the_same_map(predictor, tmp_path):
    write_image(path := tmp_path / "cat.png", CAT)
    Image.fromarray(CAT).save(file := io.BytesIO(), "PNG")  # which leaves it at its end
    first = predictor(CAT)
    assert first.shape == (150, 200) and first.dtype == np.float32 and 0 <= first.min() < first.max() <= 1
    with path.open("rb") as opened:
        for kind in (path, str(path), Image.fromarray(CAT), CAT / 255, path.read_bytes(), file, opened):
            assert np.array_equal(predictor(kind), first), kind
        assert not file.closed and not opened.closed
    small = cv2.resize(CAT, (64, 64), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)[None]
    assert np.array_equal(whole := predictor.levels(CAT), predictor.maps(small, [(150, 200)])[0])
    for options in ({}, {"size": 96}, {"tile": 90}, {"tile": 200}):
        assert np.array_equal(levels := predictor.levels(CAT, **options), quantised(predictor(CAT, **options)))
        assert np.array_equal(levels, whole) == (options in ({}, {"tile": 200}))  # one tile is the whole


@pytest.mark.filterwarnings("error")
def test_elongated_images_are_warned_of_and_sizes_or_weights_that_do_not_work_make_no_map(predictor):
    predictor(strip := np.tile(CAT[:, :150], (1, 3, 1)), tile=150)
    with pytest.warns(UserWarning, match="450 x 150 is very elongated; .*try --tile 150"):
        predictor(strip)
    for work in (predictor, predictor.levels):
        for name, value in (("size", -1), ("size", 31), ("tile", 31)):
            with pytest.raises(ValueError, match=f"{name} {value}: expected at least 32 pixels, or 0"):
                work(CAT, **{name: value})
    next(predictor.network.parameters()).data.fill_(float("nan"))
    for work in (predictor, predictor.levels, lambda cat: predictor(cat, tile=90)):
        with pytest.raises(ValueError, match="no numbers .NaN.: its weights are damaged"):
            work(CAT)


@pytest.mark.parametrize("shape", [(500, 700), (700, 500), (90, 640)])
def test_tiles_lie_where_they_belong_and_have_no_seams(shape):
    """The map of a predictor whose probability is the brightness is nearly the image, whatever it is made of."""
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, shape, np.uint8), (0, 0), 6)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)[..., None].repeat(3, 2)
    assert np.abs(Bright().levels(image, tile=128).astype(int) - image[..., 0]).mean() < 6
    for tile in (50, 128, 499):
        assert np.allclose(Bright()(np.full_like(image, 191), tile=tile), 191 / 255)


def test_the_host_program_stays_as_it_was(predictor, run_folder):
    """Its warnings filters, TF32 switch, threads, default type, autocast and device, none of which changes the map."""
    seen: list[tuple[bool, bool]] = []
    before = [*warnings.filters], torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            loaded = load_any(run_folder, "cpu")
        state = lambda *_: seen.append((torch.backends.cudnn.allow_tf32, torch.is_autocast_enabled("cpu")))  # noqa: E731
        loaded.network.register_forward_hook(state)
        with torch.autocast("cpu", torch.bfloat16):
            assert np.array_equal(loaded(CAT), predictor(CAT))
        assert seen == [(False, False)]
    finally:
        torch.set_default_dtype(torch.float32)
    assert before == ([*warnings.filters], torch.get_num_threads(), torch.backends.cudnn.allow_tf32)


def test_heic_is_read_by_the_package_and_onnx_files_are_for_it_alone(predictor, run_folder, tmp_path):
    pytest.importorskip("pillow_heif").from_pillow(Image.fromarray(CAT)).save(tmp_path / "a.heic")
    assert np.abs(load_any(run_folder, "cpu")(tmp_path / "a.heic") - predictor(CAT)).mean() < 0.05
    with pytest.raises(ValueError, match="x.onnx: .onnx files are for predict, video, serve and ran.load_model"):
        load_model("x.onnx")
