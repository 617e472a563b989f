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


class Bright(Predictor):
    """A predictor whose probability is the brightness."""

    def __init__(self):
        super().__init__({"config": {"img_size": 64}}, "cpu")

    def _run(self, images: np.ndarray) -> np.ndarray:
        return images[:, 0].astype(np.float32) / 255


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
    write_image(tmp_path / "cat.png", cat)
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


DAMAGED = r"not a readable image \(damaged, or none of JPEG, PNG, .*: save it as 8-bit PNG\)$"


@pytest.mark.parametrize(
    "wrong, message",
    [
        (None, r"NoneType \(None\) is no image: give a path, a file's bytes"),
        (7, r"int \(7\) is no image"),
        ([[0.5, 0.5]], r"float \(0.5\) is no image"),
        ({"image": 1}, "dict .* is no image"),
        (torch.zeros(2, 40, 40), "a tensor of 2 x 40 x 40: expected 3 x H x W"),
        (torch.zeros(2, 3, 40, 40), "of several, give a list"),
        (np.zeros((40, 40), bool), "an array of bool: expected"),
        (b"", rf"^an open file: {DAMAGED}"),
        (io.BytesIO(b"no image"), rf"^an open file: {DAMAGED}"),
        (io.StringIO("no image"), "^an open file: not a readable image"),
        ("nowhere.jpg", r"^nowhere.jpg: not a readable image \(No such file or directory\)$"),
        (Path(__file__), rf"test_predictor.py: {DAMAGED}"),
    ],
)
def test_what_is_no_image_is_refused_in_words(wrong, message, run_folder):
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
    for work in (predictor, predictor.levels, lambda cat: predictor(cat, tile=90)):
        with pytest.raises(ValueError, match="no numbers .NaN.: its weights are damaged"):
            work(photograph("chelsea"))


def test_tiles_are_blended_without_seams(run_folder, monkeypatch):
    predictor = load_model(run_folder, "cpu")
    cat = photograph("chelsea")
    assert np.array_equal(predictor(cat, tile=451), predictor(cat))  # one tile: the whole
    tiled = predictor(cat, tile=100)
    assert tiled.shape == cat.shape[:2] and tiled.min() >= 0 and tiled.max() <= 1 + 1e-6
    # A network that says of every tile the same number everywhere: weights sum to one at every pixel.
    same = lambda images: np.full((len(images), 64, 64), 0.75, np.float32)  # noqa: E731
    monkeypatch.setattr(predictor, "probabilities", same)
    for tile in (50, 100, 299, 400):
        assert np.allclose(predictor(cat, tile=tile), 0.75)


@pytest.mark.parametrize("shape", [(500, 700), (700, 500), (90, 640)])
def test_tiles_lie_where_they_belong(shape):
    """The map of a predictor whose probability is the brightness is nearly the picture, whatever it is made of."""
    picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, shape, np.uint8), (0, 0), 6)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)[..., None].repeat(3, 2)
    found = Bright().levels(picture, tile=128)
    assert np.abs(found.astype(int) - picture[..., 0]).mean() < 6


def test_weights_that_do_not_fit_their_network_are_refused(run_folder, tmp_path):
    state, metadata = read_weights(run_folder)
    state.pop("reduce1.weight")
    save_weights(tmp_path / "cut.safetensors", state, metadata)
    with pytest.raises(ValueError, match="do not fit"):
        load_network(tmp_path / "cut.safetensors")


@pytest.mark.parametrize("options", [{}, {"size": 96}, {"tile": 90}, {"tile": 200}])
def test_levels_are_those_of_the_map(options, run_folder):
    predictor, cat = load_model(run_folder, "cpu"), photograph("chelsea")
    assert np.array_equal(predictor.levels(cat, **options), quantised(predictor(cat, **options)))
    assert not options or not np.array_equal(predictor.levels(cat, **options), predictor.levels(cat))


def test_elongated_images_are_warned_of(run_folder):
    predictor, cat = load_model(run_folder, "cpu"), photograph("chelsea")[:150, :200]
    with pytest.warns(UserWarning, match="450 x 150 is very elongated; .*try --tile 150"):
        predictor(strip := np.tile(cat[:, :150], (1, 3, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor(strip, tile=150)
        predictor(cat)


def test_the_host_program_stays_as_it_was(run_folder, tmp_path, monkeypatch):
    """Its warnings filters, TF32 switch, threads, default type and device."""
    Image.new("L", (200, 100)).save(tmp_path / "large.png")
    expected, cat = load_any(run_folder, "cpu")(photograph("chelsea")), photograph("chelsea")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 15_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        before = [*warnings.filters], torch.get_num_threads(), torch.backends.cudnn.allow_tf32
        torch.set_default_dtype(torch.float64)
        try:
            with torch.device("meta"):
                predictor = load_any(run_folder, "cpu")
            assert np.array_equal(predictor(cat), expected)
        finally:
            torch.set_default_dtype(torch.float32)
        assert before == ([*warnings.filters], torch.get_num_threads(), torch.backends.cudnn.allow_tf32)
        with pytest.raises(ValueError, match="large.png: .*exceeds limit"):
            predictor(tmp_path / "large.png")


def test_every_kind_of_photograph_is_read_by_the_package(run_folder, tmp_path):
    """ran.load_model reads HEIC, by path and by bytes; .onnx files are for it alone."""
    pillow_heif = pytest.importorskip("pillow_heif")
    cat = photograph("chelsea")[:150, :200]
    pillow_heif.from_pillow(Image.fromarray(cat)).save(tmp_path / "a.heic")
    predictor = load_any(run_folder, "cpu")
    expected = predictor(cat)
    for source in (tmp_path / "a.heic", (tmp_path / "a.heic").read_bytes()):
        assert predictor(source).shape == (150, 200) and np.abs(predictor(source) - expected).mean() < 0.05
    with pytest.raises(ValueError, match="x.onnx: .onnx files are for predict, video, serve and ran.load_model"):
        load_model("x.onnx")
