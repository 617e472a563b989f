import numpy as np
import pytest
from PIL import Image

from ran.imaging import renderings
from ran.imaging.background import read_background
from ran.utils.photograph_options import RENDERINGS
from tests.faults.making import GREY, by_opencv, chunk, tiff


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray]:
    """A fine red and black pattern, in focus, left of a plain green wall; 400 x 600, with a soft edge in the map."""
    photograph = np.full((400, 600, 3), (20, 180, 40), np.uint8)
    photograph[:, :300] = (0, 0, 0)
    photograph[::2, :300:2] = (250, 30, 30)
    focus_map = np.rint(255 * np.clip((310 - np.arange(600)) / 20, 0, 1)).astype(np.uint8)
    return photograph, np.tile(focus_map, (400, 1))


def test_overlay_keeps_what_is_in_focus_and_darkens_the_rest(scene):
    photograph, focus_map = scene
    drawn = np.asarray(renderings.overlay(photograph, focus_map))
    assert np.array_equal(drawn[5:-5, 5:280], photograph[5:-5, 5:280])
    assert (drawn[5:-5, 320:-5] == [6, 54, 12]).all()
    assert (drawn == renderings.LINE).all(-1)[:, 290:310].any()


def test_cutout_has_the_map_as_alpha_and_none_of_the_background_in_its_edge(scene):
    photograph, focus_map = scene
    cut = np.asarray(renderings.cutout(photograph, focus_map))
    assert cut.shape == (400, 600, 4) and np.array_equal(cut[..., 3], focus_map)
    assert np.array_equal(cut[:, :280, :3], photograph[:, :280])
    edge = cut[:, 305:309, :3].reshape(-1, 3)  # nearly transparent: green in the photograph
    assert edge[:, 1].mean() < 60 and edge[:, 0].mean() > edge[:, 1].mean()


def test_bokeh_blurs_the_blurred_part_alone_and_does_not_smear_into_it(scene):
    photograph, focus_map = scene
    photograph[::8, 400:] = 255  # lines in the blurred part, to be smoothed
    drawn = np.asarray(renderings.bokeh(photograph, focus_map))
    assert np.array_equal(drawn[:, :280], photograph[:, :280])
    assert drawn[20:-20, 450:].std(axis=0).mean() < 0.1 * photograph[20:-20, 450:].std(axis=0).mean()
    assert np.abs(drawn[20:-20, 320:340].astype(int) - (20, 180, 40)).max() <= 2  # no red of its sharp neighbour


def test_a_bright_subject_gets_no_glow():
    """The map's edge is soft, and the subject reaches a little beyond it, as in photographs."""
    y, x = np.mgrid[:400, :600]
    distance = np.hypot(y - 200, x - 300)
    photograph = np.where((distance < 103)[..., None], (250, 40, 60), (20, 50, 40)).astype(np.uint8)
    focus_map = np.rint(255 * np.clip((108 - distance) / 16, 0, 1)).astype(np.uint8)
    drawn = np.asarray(renderings.bokeh(photograph, focus_map))
    beyond = (distance > 108) & (distance < 125)
    assert np.abs(drawn[beyond].astype(int) - (20, 50, 40)).max() <= 4


def test_numbers_of_a_known_map(scene):
    photograph, focus_map = scene
    row = renderings.numbers(photograph, focus_map, (800, 1200))
    assert (row["width"], row["height"]) == (1200, 800)
    assert row["in_focus"] == pytest.approx(0.5, abs=0.01)
    assert (row["left"], row["top"], row["bottom"]) == (0, 0, 800) and row["right"] == pytest.approx(600, abs=4)
    assert row["centre_x"] == pytest.approx(300, abs=2) and row["centre_y"] == pytest.approx(400, abs=1)
    assert 0.95 < row["decidedness"] <= 1
    flat = renderings.numbers(np.full_like(photograph, 90), focus_map, (800, 1200))
    assert flat["sharpness"] == 0
    empty = renderings.numbers(photograph, np.zeros_like(focus_map), (400, 600))
    assert empty["in_focus"] == 0 and empty["centre_x"] is None and empty["right"] is None


def test_other_maps_are_refused_in_words(scene):
    photograph, focus_map = scene
    for name in ("overlay", "cutout", "bokeh"):
        for wrong in (focus_map / np.float32(255), focus_map.astype(np.uint16) * 257):
            with pytest.raises(ValueError, match=f"a map of {wrong.dtype}: expected uint8"):
                getattr(renderings, name)(photograph, wrong)
    with pytest.raises(ValueError, match="a map of float32: expected uint8"):
        renderings.numbers(photograph, focus_map / np.float32(255), (400, 600))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (2500, 1)])
def test_odd_shapes(shape):
    photograph, focus_map = np.zeros((*shape, 3), np.uint8), np.full(shape, 255, np.uint8)
    for name in ("overlay", "cutout", "bokeh"):
        made = getattr(renderings, name)(photograph, focus_map)
        assert made.shape == np.asarray(made).shape and made.shape[:2] == shape
    assert renderings.numbers(photograph, focus_map, shape)["in_focus"] == 1


@pytest.mark.parametrize("look", [renderings.PLAIN, renderings.Look(read_background("teal"))])
@pytest.mark.parametrize("name", RENDERINGS)
def test_strips_are_seamless(scene, name, look, monkeypatch, tmp_path):
    photograph, focus_map = scene
    focus_map[100:] = focus_map[100:, ::-1]
    Image.fromarray(np.dstack([photograph, focus_map // 2 + 100])).save(path := tmp_path / "a.png")
    made = renderings.made(name, photograph, focus_map, look, path)
    parts = [made[top : top + 7] for top in range(0, 400, 7)]
    assert np.array_equal(np.concatenate(parts), np.asarray(made))


def test_the_line_is_the_same_square_by_square(scene, monkeypatch):
    photograph, focus_map = scene
    focus_map[130:200] = 0
    whole = np.asarray(renderings.overlay(photograph, focus_map))
    monkeypatch.setattr(renderings, "SQUARE", 13)
    assert np.array_equal(renderings.overlay(photograph, focus_map), whole)
    assert (whole[[129, 130, 199, 200], :200] == renderings.LINE).all()
    assert (whole[0, :290] != renderings.LINE).any(-1).all()


def lights(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A white point on black, nothing in focus: what the blur makes of it is its disc."""
    photograph = np.zeros((side * 2 // 3, side, 3), np.uint8)
    y, x = side // 3, side // 2
    photograph[y - side // 500 : y + side // 500 + 1, x - side // 500 : x + side // 500 + 1] = 255
    return photograph, np.zeros(photograph.shape[:2], np.uint8)


@pytest.mark.parametrize("side", [1000, 3000])
@pytest.mark.parametrize("blur", [0.5, 1, 2.4, 6])
def test_the_disc_has_the_diameter_that_blur_says(side, blur):
    drawn = np.asarray(renderings.bokeh(*lights(side), blur=blur))[..., 0].astype(float)
    across = drawn[side // 3] > drawn.max() / 2
    assert across.sum() == pytest.approx(blur / 100 * side, rel=0.15, abs=side * 0.005)


def test_without_a_word_the_blur_is_as_ever(scene):
    assert np.array_equal(renderings.bokeh(*scene), renderings.bokeh(*scene, blur=2.4))
    assert not np.array_equal(renderings.bokeh(*scene), renderings.bokeh(*scene, blur=2.5))


def test_looks_say_what_differs_from_the_default():
    plain, other = renderings.PLAIN, renderings.Look(read_background("white"), blur=5)
    assert [plain.comment(name) for name in RENDERINGS] == ["", "", ""]
    assert [plain.suffix(name) for name in RENDERINGS] == [".overlay.jpg", ".cutout.png", ".bokeh.jpg"]
    assert [other.suffix(name) for name in RENDERINGS] == [".overlay.jpg", ".cutout.jpg", ".bokeh.jpg"]
    assert other.comment("overlay") == "" and other.comment("bokeh") == ", blur 5"
    assert other.comment("cutout") == f", on {read_background('#fff').code}"


def test_an_alpha_of_fewer_bits_is_scaled_where_the_file_says_so(tmp_path):
    twelve = np.rint(GREY / 255 * 4095).astype(np.uint16)
    content = by_opencv(".png", np.dstack([twelve] * 4))
    low = np.rint(twelve / 257)
    for bits, opaque in (((12, 12, 12, 12), GREY), ((12, 12, 12, 16), low), ((), low)):
        said = chunk(b"sBIT", bytes(bits)) if bits else b""
        (tmp_path / "a.png").write_bytes(content[:33] + said + content[33:])
        assert np.array_equal(renderings.read_alpha(tmp_path / "a.png"), opaque)
    highest = [(281, "H", 4, (4095,) * 4, True)]
    pixels = np.dstack([twelve] * 4)
    (tmp_path / "a.tif").write_bytes(tiff(pixels, photometric="rgb", extrasamples=["unassalpha"], extratags=highest))
    assert np.array_equal(renderings.read_alpha(tmp_path / "a.tif"), GREY)
