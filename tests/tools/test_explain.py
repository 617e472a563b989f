"""What is drawn is what the network computes, here once more by hand."""

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ran.data.images import write_image
from ran.model import make_network
from ran.model.connectivity import DIRECTIONS
from ran.predictor import TorchPredictor, load_model
from ran.tools import explain
from ran.tools.options import ExplainOptions
from tests.small import TINY

SIDE = 96
IMAGE = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8).repeat(10, 0).repeat(10, 1)


@torch.no_grad()
def parts_by_hand(network: torch.nn.Module, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Every part that the network has, from 0 to 1."""
    resized = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    batch = torch.from_numpy(resized).permute(2, 0, 1)[None] / 255
    logits, (_, x2, x3, x4, _, _) = network(batch), network.relate(batch)
    parts = {"map": logits["mask"].sigmoid()[0, 0]}
    if "connectivity" in logits:
        c, mosaic = logits["connectivity"].sigmoid()[0].numpy(), np.ones((3, SIDE + 2, 3, SIDE + 2))
        back = [np.roll(np.pad(x, 1), (-dy, -dx), (0, 1))[1:-1, 1:-1] for (dy, dx), x in zip(DIRECTIONS, c[::-1])]
        parts["contour"] = (c * back).max(0)
        for (dy, dx), cell in [((0, 0), parts["contour"]), *zip(DIRECTIONS, c)]:
            mosaic[1 + dy, 1:-1, 1 + dx, 1:-1] = cell
        parts["connectivity"] = mosaic.reshape(3 * SIDE + 6, -1)
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


@pytest.mark.parametrize("options", [
    {}, {"decoder": "fine"}, {"attention": "none"}, {"attention": "normal", "connectivity": False},
    {"attention": "reverse"},
])  # fmt: skip
def test_every_part_is_what_the_network_computes(options):
    torch.manual_seed(0)
    network = make_network(**{"arch": TINY, "encoder_norm": "group"} | options).eval().requires_grad_(False)
    for name, weights in network.named_parameters():
        weights *= 2 if ".reverse." in name else 1  # the stronger stream decides the scale
    expected = parts_by_hand(network, IMAGE)
    parts = explain.parts_of(TorchPredictor(network, {"config": {"img_size": SIDE}}, "cpu"), IMAGE)
    assert [name for row in parts for name in row] == [*expected]
    for name, (_, values) in (panel for row in parts for panel in row.items()):
        assert np.abs(expected[name] - values).max() < 1e-4 and values.std() > 0.008, name


def test_the_figure_and_the_files_hold_all_parts_and_the_map_is_that_of_predict(tmp_path, monkeypatch):
    write_image(tmp_path / "a photo.png", IMAGE)
    figures, draw, predictor = [], explain.draw, load_model(device="cpu")
    monkeypatch.setattr(explain, "draw", lambda rows: figures.append(draw(rows)) or figures[0])
    explain.run(ExplainOptions([str(tmp_path / "a photo.png")], "", str(tmp_path / "out")))
    parts = {name: title for row in explain.parts_of(predictor, IMAGE) for name, (title, _) in row.items()}
    files = {p.name.split(".")[1]: cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in (tmp_path / "out").iterdir()}
    assert np.array_equal(files["map"], predictor.levels(IMAGE)) and files.pop("explain").shape[1] == 2160
    panels = [axes.images[0].get_array() for axes in figures[0].axes if axes.images]
    assert parts.keys() == files.keys() and len(panels) == len(parts) + 1
    assert all(map(np.array_equal, panels, [IMAGE, *(files[name] for name in parts)]))
    for number, stride in ((4, 32), (3, 16)):
        assert parts[f"gate{number}"].startswith(f"gate at stride {stride}, mean\n0.")
    assert not any(module._forward_hooks for module in predictor.network.modules())
