"""What is drawn is what the network computes, here once more by hand."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ran.data.images import write_image
from ran.model import make_network
from ran.model.connectivity import DIRECTIONS
from ran.predictor import load_model
from ran.tools import explain
from ran.tools.options import ExplainOptions
from ran.utils.checkpoint import save_weights
from tests.small import TINY

SIDE = 96
SIZE = (70, 90)  # of the image


@pytest.fixture
def image():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return cv2.resize(pixels, SIZE[::-1], interpolation=cv2.INTER_NEAREST)


def contour_by_hand(c: np.ndarray) -> np.ndarray:
    band = np.zeros(c.shape[1:])
    for (y, x), (d, (dy, dx)) in ((at, named) for at in np.ndindex(band.shape) for named in enumerate(DIRECTIONS)):
        if 0 <= y + dy < SIDE and 0 <= x + dx < SIDE:
            band[y, x] = max(band[y, x], c[d, y, x] * c[7 - d, y + dy, x + dx])
    return band


@torch.no_grad()
def parts_by_hand(network: torch.nn.Module, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Every part that the network has, from 0 to 1."""
    resized = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    batch = torch.from_numpy(resized).permute(2, 0, 1)[None] / 255
    logits, (_, x2, x3, x4, _, _) = network(batch), network.relate(batch)
    parts = {"map": logits["mask"].sigmoid()[0, 0]}
    if "connectivity" in logits:
        c = logits["connectivity"].sigmoid()[0].numpy()
        parts["contour"], parts["connectivity"] = contour_by_hand(c), np.ones((3, SIDE + 2, 3, SIDE + 2))
        for (dy, dx), cell in [((0, 0), parts["contour"]), *zip(DIRECTIONS, c)]:
            parts["connectivity"][1 + dy, 1:-1, 1 + dx, 1:-1] = cell
        parts["connectivity"] = parts["connectivity"].reshape(3 * SIDE + 6, -1)
    for number, deep, shallow in ((4, x4, x3), (3, x3, x2)):
        part = getattr(network, f"rsa{number}")
        if part.attention != "none":
            gate = F.interpolate(part.gate(shallow), deep.shape[-2:], mode="bilinear").sigmoid()[0]
            mean, small = gate.mean(0), F.adaptive_avg_pool2d(logits["mask"].sigmoid(), deep.shape[-2:])
            r = [np.corrcoef(channel.ravel(), small.ravel())[0, 1] for channel in gate.numpy()]
            parts[f"gate{number}"] = (mean - mean.min()) / (mean.max() - mean.min())
            parts[f"gate{number}_like"], parts[f"gate{number}_unlike"] = gate[np.argmax(r)], gate[np.argmin(r)]
            streams = [(name, x * deep) for name, x in (("normal", gate), ("reverse", 1 - gate)) if hasattr(part, name)]
            streams = {name: getattr(part, name)(x)[0].abs().mean(0) for name, x in streams}
            parts |= {f"{name}{number}": x / max(x.max() for x in streams.values()) for name, x in streams.items()}
    return {name: np.asarray(part, np.float32) for name, part in parts.items()}


@pytest.mark.parametrize("options, rows", [
    ({}, [4, 5, 5]), ({"decoder": "fine"}, [4, 5, 5]), ({"attention": "none"}, [4]),
    ({"attention": "normal", "connectivity": False}, [2, 4, 4]), ({"attention": "reverse"}, [4, 4, 4]),
])  # fmt: skip
def test_every_part_is_drawn(options, rows, image, tmp_path, monkeypatch):
    torch.manual_seed(0)
    network = make_network(**{"arch": TINY, "encoder_norm": "group"} | options).eval()
    stored = {"model": network.options, "config": {"img_size": SIDE}}
    save_weights(tmp_path / "w.safetensors", network.state_dict(), stored)
    write_image(tmp_path / "a photo.png", image)
    figures, draw = [], explain.draw
    monkeypatch.setattr(explain, "draw", lambda rows: figures.append(draw(rows)) or figures[0])
    words = [str(tmp_path / "a photo.png")], str(tmp_path / "w.safetensors"), str(tmp_path / "out")
    explain.run(ExplainOptions(*words))
    expected = parts_by_hand(network, image)
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {f"a photo.{name}.png" for name in ("explain", *expected)}
    panels = [axes for axes in figures[0].axes if axes.images]
    places = [axes.get_subplotspec().rowspan.start for axes in panels]
    assert [places.count(row) for row in sorted(set(places))] == rows
    drawn = [axes.images[0].get_array() for axes in panels]
    assert np.array_equal(drawn[0], image)
    for panel, (name, values) in zip(drawn[1:], expected.items(), strict=True):
        large = 255 * cv2.resize(values, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
        assert np.abs(panel - large).max() < 0.6 and large.std() > 2, name
        assert np.array_equal(cv2.imread(str(tmp_path / f"out/a photo.{name}.png"), cv2.IMREAD_UNCHANGED), panel)
    with Image.open(tmp_path / "out/a photo.explain.png") as file:
        assert file.info["dpi"] == pytest.approx((300, 300), abs=0.1) and file.width == 2160


def test_the_map_is_that_of_predict_and_titles_say_what_is_shown(image):
    """The shipped default."""
    predictor = load_model("ran_photos", device="cpu")
    first, *attentions = explain.parts_of(predictor, image)
    focus_map = cv2.resize(first["map"][1], SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(focus_map, predictor(image))
    assert not any(module._forward_hooks for module in predictor.network.modules())
    for parts, stride in zip(attentions, (32, 16), strict=True):
        titles = [title for title, _ in parts.values()]
        assert titles[0].startswith(f"gate at stride {stride}, mean\n0.") and " to 0." in titles[0]


@pytest.mark.parametrize("count", [0, 2])
def test_one_image_at_a_time(count):
    with pytest.raises(ValueError, match=f"one image, not {count}"):
        explain.run(ExplainOptions(["a.png"] * count))
