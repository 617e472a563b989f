import io
import os
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from ran.imaging.resizing import quantised
from ran.imaging.writing import write_png
from ran.predictor import SHIPPED, load_model
from ran.tools import export
from ran.tools.sample import photograph
from ran.utils.checkpoint import load_network, read_weights, save_weights
from ran.utils.tool_options import ExportOptions
from tests.faults.making import dng
from tests.tools.video.clips import Bright

IN_FORKS = """
import multiprocessing, sys
import numpy as np, torch
import tests.small
from ran import load_model

torch.set_num_threads(2)
photo = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
predictor = load_model(sys.argv[1], "cpu")
expected = predictor(photo, size=256)

def work(anew):
    global predictor
    if anew:
        predictor = load_model(sys.argv[1], "cpu")
    return predictor(photo, size=256)

with multiprocessing.get_context("fork").Pool(1) as pool:
    for anew in (False, True):
        assert abs(pool.apply_async(work, [anew]).get(60) - expected).max() < 1e-5
"""


def test_a_run_folder_and_its_file_give_the_same_maps(run_folder):
    folder, file = (load_model(path, "cpu") for path in (run_folder, run_folder / "best_model.safetensors"))
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    maps = folder.maps(images, [(50, 70), (200, 31)])
    assert [m.shape for m in maps] == [(50, 70), (200, 31)]
    assert all(m.dtype == np.uint8 for m in maps)
    assert all(np.array_equal(a, b) for a, b in zip(maps, file.maps(images, [(50, 70), (200, 31)])))
    assert folder.img_size == 64 and not folder.network.training


def test_map_is_the_resized_probability(run_folder):
    predictor = load_model(run_folder, "cpu")
    images = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        probability = predictor.network(images / 255)["mask"].sigmoid()[0, 0].numpy()
    assert np.array_equal(predictor.maps(images, [(64, 64)])[0], np.round(255 * probability).astype(np.uint8))


def test_the_shipped_weights_find_what_is_in_focus():
    """On photographs that they have never seen; the file says what made it, and is small enough for a clone."""
    assert SHIPPED.stat().st_size < 35e6
    _, metadata = read_weights(SHIPPED)
    assert metadata["scores"]["CUHK"]["images"] == 100 and metadata["config"]["datasets"] == ["CUHK"]
    predictor = load_model(device="cpu")
    cat = photograph("chelsea")  # its face is sharp
    blurred = cv2.GaussianBlur(cat, (0, 0), 6)
    beside = np.concatenate([cat, blurred], axis=1)
    focus_map = predictor(beside)
    sharp, soft = focus_map[:, : cat.shape[1]], focus_map[:, cat.shape[1] :]
    assert sharp.mean() > 0.3 and soft.mean() < 0.05


def test_every_kind_of_picture_gives_the_same_map(run_folder, tmp_path):
    predictor = load_model(run_folder, "cpu")
    cat = photograph("chelsea")[:150, :200]
    write_png(tmp_path / "cat.png", cat)
    tensor = torch.from_numpy(cat).permute(2, 0, 1)
    data, file, opened = (tmp_path / "cat.png").read_bytes(), io.BytesIO(), (tmp_path / "cat.png").open("rb")
    Image.fromarray(cat).save(file, "PNG")  # which leaves it at its end
    kinds = (
        cat,
        tmp_path / "cat.png",
        str(tmp_path / "cat.png"),
        Image.fromarray(cat),
        tensor,
        tensor[None] / 255,
        cat / 255,
        data,
        bytearray(data),
        file,
        opened,
    )
    maps = [predictor(picture) for picture in kinds]
    assert not file.closed and not opened.closed
    opened.close()
    assert maps[0].shape == (150, 200) and maps[0].dtype == np.float32 and 0 <= maps[0].min() < maps[0].max() <= 1
    assert all(np.array_equal(maps[0], other) for other in maps)
    image = torch.from_numpy(cv2.resize(cat, (64, 64), interpolation=cv2.INTER_AREA)).permute(2, 0, 1)[None]
    assert np.array_equal(quantised(maps[0]), predictor.maps(image, [(150, 200)])[0])
    listed = predictor([cat, data, (cat, data)])
    assert np.array_equal(listed[1], maps[0]) and all(np.array_equal(one, maps[0]) for one in listed[2])


@pytest.mark.parametrize(
    "wrong, message",
    [
        (None, r"NoneType \(None\) is no picture: give a path, a file's bytes"),
        (7, r"int \(7\) is no picture"),
        ([[0.5, 0.5]], r"float \(0.5\) is no picture"),
        ({"picture": 1}, "dict .* is no picture"),
        (torch.zeros(2, 40, 40), "a tensor of 2 x 40 x 40: expected 3 x H x W"),
        (torch.zeros(2, 3, 40, 40), "of several, give a list"),
        (np.zeros((40, 40), bool), "an array of bool: expected"),
        (b"", r"^a file in memory: not a readable picture \(cannot identify image file\)$"),
        (io.BytesIO(b"no picture"), r"^a file in memory: not a readable picture \(cannot identify image file\)$"),
        (io.StringIO("no picture"), '^a file in memory: opened as text: open a picture with "rb"$'),
        ("nowhere.jpg", "nowhere.jpg: not a readable picture"),
        (Path(__file__), "test_predictor.py: not a readable picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(wrong, message, run_folder):
    with pytest.raises(ValueError, match=message):
        load_model(run_folder, "cpu")(wrong)


@pytest.mark.parametrize("options", [{"size": -1}, {"size": 31}, {"size": 64.0}, {"size": "64"}, {"tile": -5}])
def test_sizes_that_do_not_work_are_refused(options, run_folder):
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} {value!r}: pixels, at least 32, or 0"):
        load_model(run_folder, "cpu")(photograph("chelsea"), **options)
    with pytest.raises(ValueError, match=f"{name} {value!r}: pixels, at least 32, or 0"):
        load_model(run_folder, "cpu").levels(photograph("chelsea"), **options)


@pytest.mark.filterwarnings("error")
def test_weights_that_give_no_numbers_make_no_map(run_folder):
    predictor = load_model(run_folder, "cpu")
    next(predictor.network.parameters()).data.fill_(float("nan"))
    for work in (predictor, predictor.levels, lambda cat: predictor(cat, tile=90, tta=True)):
        with pytest.raises(ValueError, match="no numbers .NaN.: its weights are damaged"):
            work(photograph("chelsea"))


def test_mirror_images_and_other_sizes(run_folder):
    predictor = load_model(run_folder, "cpu")
    cat = photograph("chelsea")[:150, :200]
    both = predictor(cat, tta=True)
    assert np.allclose(both, (predictor(cat) + predictor(cat[:, ::-1])[:, ::-1]) / 2, atol=1e-6)
    assert np.allclose(both[:, ::-1], predictor(cat[:, ::-1], tta=True), atol=1e-6)
    assert not np.allclose(predictor(cat, size=96), predictor(cat))


def test_tiles_are_blended_without_seams(run_folder, monkeypatch):
    predictor = load_model(run_folder, "cpu")
    cat = photograph("chelsea")
    assert np.array_equal(predictor(cat, tile=451), predictor(cat))  # one tile: the whole
    tiled = predictor(cat, tile=100)
    assert tiled.shape == cat.shape[:2] and tiled.min() >= 0 and tiled.max() <= 1 + 1e-6
    # A network that says of every tile the same number everywhere: weights sum to one at every pixel.
    same = lambda images, tta: np.full((len(images), 64, 64), 0.75, np.float32)  # noqa: E731
    monkeypatch.setattr(predictor, "probabilities", same)
    for tile in (50, 100, 299, 400):
        assert np.allclose(predictor(cat, tile=tile), 0.75)


@pytest.mark.parametrize("options", [{}, {"size": 96, "tta": True}, {"tile": 90}, {"tile": 200}])
def test_levels_are_those_of_the_map(options, run_folder):
    predictor, cat = load_model(run_folder, "cpu"), photograph("chelsea")
    for bits in (8, 16):
        assert np.array_equal(predictor.levels(cat, **options, bits=bits), quantised(predictor(cat, **options), bits))


@pytest.mark.parametrize("shape", [(500, 700), (700, 500), (90, 640)])
def test_tiles_lie_where_they_belong(shape):
    """The map of a predictor whose probability is the brightness is nearly the picture, whatever it is made of."""
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, shape, np.uint8), (0, 0), 6)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)[..., None].repeat(3, 2)
    found = Bright().levels(picture, tile=128)
    assert np.abs(found.astype(int) - picture[..., 0]).mean() < 6


@pytest.mark.parametrize("shape", [(9000, 1000), (1000, 9000)])
def test_a_panorama_in_tiles_takes_memory_for_its_map_and_a_few_tiles(run_folder, monkeypatch, shape):
    predictor, picture = load_model(run_folder, "cpu"), np.zeros((*shape, 3), np.uint8)
    same = lambda images, tta: np.full((len(images), 64, 64), 0.75, np.float32)  # noqa: E731
    monkeypatch.setattr(predictor, "probabilities", same)
    tracemalloc.start()
    try:
        predictor.levels(picture, tile=500)
        assert tracemalloc.get_traced_memory()[1] < 9e6 + 6 * 4 * 500 * 1000  # its floats alone would be 36e6
    finally:
        tracemalloc.stop()


def test_levels_of_8_and_16_bits():
    probability = np.array([[0, 0.5, 1], [0.25, 0.1, 0.9]], np.float32)
    assert quantised(probability).tolist() == [[0, 128, 255], [64, 26, 230]]
    assert quantised(probability, 16).dtype == np.uint16 and quantised(probability, 16)[0, 2] == 65535


def test_weights_that_do_not_fit_their_network_are_refused(run_folder, tmp_path):
    state, metadata = read_weights(run_folder)
    state.pop("reduce1.weight")
    save_weights(tmp_path / "cut.safetensors", state, metadata)
    with pytest.raises(ValueError, match="do not fit"):
        load_network(tmp_path / "cut.safetensors")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_predictors_work_in_a_process_forked_after_they_were_used(engine, run_folder, tmp_path):
    """Where the threads of torch and of onnxruntime would be waited for for ever: they do not come along."""
    weights = run_folder
    if engine == "onnx":
        weights = tmp_path / "ran.onnx"
        export.run(ExportOptions(model_path=str(run_folder), output=str(weights)))
    command = [sys.executable, "-c", IN_FORKS, str(weights)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_what_may_be_wrong_is_warned_of(run_folder, tmp_path):
    predictor, cat = load_model(run_folder, "cpu"), photograph("chelsea")[:150, :200]
    twelve = np.rint(cat / 255 * 4095).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "twelve.png"), twelve[..., ::-1])
    for picture in (tmp_path / "twelve.png", twelve):
        with pytest.warns(UserWarning, match="its highest level is .*depth=12 in Python"):
            predictor(picture)
        assert np.array_equal(predictor(picture, depth=12), predictor(cat))
    with pytest.warns(UserWarning, match="450 x 150 is a long strip, .*--tile 150"):
        predictor(strip := np.tile(cat[:, :150], (1, 3, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor(strip, tile=150)
        predictor(cat)


def test_camera_raw_files_are_developed_or_refused_but_no_thumbnail_is_taken(run_folder, tmp_path, monkeypatch):
    predictor = load_model(run_folder, "cpu")
    (tmp_path / "a.dng").write_bytes(dng(6))
    with pytest.raises(ValueError, match="give its path"), Image.open(tmp_path / "a.dng") as picture:
        predictor(picture)
    with monkeypatch.context() as patch, pytest.raises(ValueError, match="a.dng: .*pip install rawpy"):
        patch.setitem(sys.modules, "rawpy", None)
        predictor(tmp_path / "a.dng")
    pytest.importorskip("rawpy")
    assert predictor(tmp_path / "a.dng").shape == (96, 64)
