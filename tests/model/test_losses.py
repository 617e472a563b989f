from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ran.model.losses import WEIGHTS, adaptive_pixel_intensity_loss, box_averages, is_known, ran_loss
from tests.model.naive import array, sigmoid


def connected_pixels(band: torch.Tensor) -> torch.Tensor:
    """N x 8 x H x W: whether a pixel and its neighbour in each direction both lie on the band, N x 1 x H x W."""
    target = torch.zeros(len(band), 8, *band.shape[2:])
    directions = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    for n, (d, (dy, dx)), i, j in product(range(len(band)), enumerate(directions), *map(range, band.shape[2:])):
        if 0 <= i + dy < band.shape[2] and 0 <= j + dx < band.shape[3]:
            target[n, d, i, j] = band[n, 0, i, j] * band[n, 0, i + dy, j + dx]
    return target


def omega(mask: np.ndarray) -> np.ndarray:
    """Pixel by pixel; H x W."""
    weights = np.ones_like(mask)
    for (i, j), k in product(np.ndindex(mask.shape), (3, 15, 31)):
        inside = mask[max(0, i - k // 2) : i + k // 2 + 1, max(0, j - k // 2) : j + k // 2 + 1]
        weights[i, j] += 0.5 * abs(inside.sum() / k**2 - mask[i, j]) * mask[i, j]
    return weights


def naive_loss(logits, target, source, factors=(0.7, 0.7, 0.7)) -> float:
    """Mean over images and channels; where the target's source is neither 0 nor 1, nothing counts."""
    losses = []
    for logit, m, c in zip(*(array(x.expand_as(target).flatten(0, 1)) for x in (logits, target, source))):
        p, w, known = sigmoid(logit), omega(m), (c == 0) | (c == 1)
        bce = inter = both = distance = total = 0.0
        for i in map(tuple, np.argwhere(known)):
            bce -= w[i] * np.log(p[i] if m[i] else 1 - p[i])
            inter += w[i] * p[i] * m[i]
            both += w[i] * (p[i] + m[i])
            distance += w[i] * abs(p[i] - m[i])
            total += w[i]
        terms = bce / max(total + 0.5 * known.sum(), 1), 1 - (inter + 1) / (both - inter + 1), distance / max(total, 1)
        losses.append(np.dot(factors, terms))
    return np.mean(losses)


@pytest.mark.parametrize("height, width", [(20, 33), (1, 40), (384, 384)])
def test_box_averages_are_the_zero_padded_means(height, width):
    x = (torch.rand(2, 3, height, width) > 0.5).float()
    for window, average in zip((3, 15, 31), box_averages(x), strict=True):
        assert torch.allclose(average, F.avg_pool2d(x, window, stride=1, padding=window // 2), atol=1e-6)


@pytest.mark.parametrize("factors", [None, (0.5, 1.0, 4.0), (0.0, 1.0, 0.0)])
@pytest.mark.parametrize("unknown", ["nothing", "a part", "all"])
def test_loss_in_a_loop(factors, unknown):
    """The mask's weights are not the connectivity's, whose target is the contour's; the unknown teaches nothing."""
    torch.manual_seed(0)
    mask, contour = (torch.rand(2, 2, 1, 9, 7) < 0.5).float()
    rows, known = {"nothing": (0, 126), "a part": (4, 98), "all": (9, 63)}[unknown]
    mask[0, 0, :rows] = 128 / 255
    contour[0] = 128 / 255 if rows else contour[0]  # as load_sample makes it
    assert is_known(mask).sum() == known
    logits = {"mask": torch.randn(2, 1, 9, 7).requires_grad_(), "connectivity": 2 * torch.randn(2, 8, 9, 7)}
    connected = connected_pixels(contour)
    weights = dict(zip(("bce", "iou", "l1"), factors)) if factors else WEIGHTS
    of_mask = naive_loss(logits["mask"], mask, mask, factors or (0.7, 0.7, 0.7))
    of_both = of_mask + naive_loss(logits["connectivity"], connected, contour)
    assert ran_loss(logits, mask, contour, weights).item() == pytest.approx(of_both, rel=1e-5)
    loss = ran_loss({"mask": logits["mask"]}, mask, contour, weights)
    loss.backward()
    assert loss.item() == pytest.approx(of_mask, rel=1e-5)
    assert torch.equal(logits["mask"].grad != 0, is_known(mask) == 1)


@pytest.mark.parametrize("start", [0, 20, 48])
def test_finite_and_falling_towards_the_target(start):
    """The mask knows all pixels, a part of them, or none."""
    target = torch.zeros(1, 1, 40, 48)
    target[..., start:] = 1
    values = [adaptive_pixel_intensity_loss(s * (2 * target - 1), target).item() for s in (-100, -4, 0, 4, 100)]
    assert all(torch.isfinite(torch.tensor(values)))
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0, abs=1e-3)
