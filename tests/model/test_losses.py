import pytest
import torch
from torch.nn import functional as F

from ran.model.losses import WEIGHTS, adaptive_pixel_intensity_loss, is_known, ran_loss


def reference(logits, target, source, factors=(0.7, 0.7, 0.7)) -> float:
    """Mean over images and channels, in float64; where the target's source is neither 0 nor 1, nothing counts."""
    p, m, c = (x.detach().double().expand_as(target) for x in (torch.sigmoid(logits.double()), target, source))
    known = ((c == 0) | (c == 1)).double()
    boxes = [F.avg_pool2d(m, window, stride=1, padding=window // 2) for window in (3, 15, 31)]
    w = known * (1 + 0.5 * sum(abs(box - m) for box in boxes) * m)
    entropy = -torch.where(m == 1, p, 1 - p).log()
    bce, inter, both, distance, total, count = (
        x.sum((2, 3)) for x in (w * entropy, w * p * m, w * (p + m), w * abs(p - m), w, known)
    )
    terms = bce / (total + 0.5 * count).clamp(1), 1 - (inter + 1) / (both - inter + 1), distance / total.clamp(1)
    return sum(factor * term for factor, term in zip(factors, terms)).mean().item()


@pytest.mark.parametrize("factors", [None, (0.5, 1.0, 4.0), (0.0, 1.0, 0.0)])
@pytest.mark.parametrize("unknown", [0, 0.5, 1])
@pytest.mark.parametrize("height, width, kind, precision", [
    (33, 20, torch.float64, 1e-12), (1, 40, torch.float64, 1e-12), (96, 128, torch.float32, 1e-5),
])  # fmt: skip
def test_loss_follows_its_formula(height, width, kind, precision, unknown, factors):
    """The mask's weights are not the connectivity's, whose target is the contour's; the unknown teaches nothing."""
    torch.manual_seed(0)
    mask, contour = (torch.rand(2, 2, 1, height, width) < 0.5).to(kind)
    columns = int(unknown * width)
    mask[0, ..., :columns] = 128 / 255
    contour[0] = 128 / 255 if unknown else contour[0]  # as load_sample makes it
    assert is_known(mask).sum() == mask.numel() - height * columns
    logits = {"mask": torch.randn(2, 1, height, width, dtype=kind).requires_grad_()}
    weights = dict(zip(("bce", "iou", "l1"), factors)) if factors else WEIGHTS
    loss = ran_loss(logits, mask, contour, weights)
    loss.backward()
    of_mask = reference(logits["mask"], mask, mask, factors or (0.7, 0.7, 0.7))
    assert loss.item() == pytest.approx(of_mask, rel=precision)
    assert torch.equal(logits["mask"].grad != 0, is_known(mask) == 1)
    logits["connectivity"] = 2 * torch.randn(2, 8, height, width, dtype=kind)
    neighbours = torch.eye(9, dtype=kind).view(9, 1, 3, 3)[[0, 1, 2, 3, 5, 6, 7, 8]]  # a filter for each, row by row
    connected = contour * F.conv2d(contour, neighbours, padding=1)  # both lie on the band
    of_both = of_mask + reference(logits["connectivity"], connected, contour)
    assert ran_loss(logits, mask, contour, weights).item() == pytest.approx(of_both, rel=precision)


@pytest.mark.parametrize("start", [0, 20, 48])
def test_finite_and_falling_towards_the_target(start):
    """The mask knows all pixels, a part of them, or none."""
    target = torch.zeros(1, 1, 40, 48)
    target[..., start:] = 1
    values = [adaptive_pixel_intensity_loss(s * (2 * target - 1), target).item() for s in (-100, -4, 0, 4, 100)]
    assert all(torch.isfinite(torch.tensor(values)))
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0, abs=1e-3)
