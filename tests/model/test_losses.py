import pytest
import torch
from torch.nn import functional as F

from ran.model.losses import WEIGHTS, adaptive_pixel_intensity_loss, box_averages, pixel_weights, ran_loss


def targets():
    half = torch.zeros(1, 1, 40, 48)
    half[..., 20:] = 1
    return {"empty": torch.zeros_like(half), "full": torch.ones_like(half), "half": half}


@pytest.mark.parametrize("height, width", [(20, 33), (1, 40), (384, 384)])
def test_box_averages_are_the_zero_padded_means(height, width):
    x = (torch.rand(2, 3, height, width) > 0.5).float()
    for window, average in zip((3, 15, 31), box_averages(x), strict=True):
        assert torch.allclose(average, F.avg_pool2d(x, window, stride=1, padding=window // 2), atol=1e-6)


def test_weights_are_a_pixels_own_and_rise_at_the_boundary():
    weights = pixel_weights(targets()["half"])[0, 0]
    assert weights[20, :20].eq(1).all()  # off the target
    assert weights[20, 20] > weights[20, 33] >= 1
    assert weights.max() <= 2.5


def test_loss_follows_its_formula():
    torch.manual_seed(0)
    target = (torch.rand(1, 1, 8, 8) < 0.5).float()
    logits = torch.randn(1, 1, 8, 8)
    p, w = logits.sigmoid(), pixel_weights(target)
    bce = -(target * p.log() + (1 - target) * (1 - p).log())
    inter, both = (w * p * target).sum(), (w * (p + target)).sum()
    expected = (w * bce).sum() / (w + 0.5).sum() + 1 - (inter + 1) / (both - inter + 1)
    expected = 0.7 * (expected + (w * (p - target).abs()).sum() / w.sum())
    assert adaptive_pixel_intensity_loss(logits, target).item() == pytest.approx(expected.item(), rel=1e-5)


def test_every_image_and_channel_counts_alike():
    torch.manual_seed(0)
    target, logits = (torch.rand(3, 2, 16, 16) < 0.5).float(), torch.randn(3, 2, 16, 16)
    singles = [
        adaptive_pixel_intensity_loss(logits[n : n + 1, c : c + 1], target[n : n + 1, c : c + 1])
        for n in range(3)
        for c in range(2)
    ]
    assert torch.allclose(adaptive_pixel_intensity_loss(logits, target), torch.stack(singles).mean())


@pytest.mark.parametrize("name", ["empty", "full", "half"])
def test_finite_and_falling_towards_the_target(name):
    target = targets()[name]
    values = [adaptive_pixel_intensity_loss(s * (2 * target - 1), target).item() for s in (-100, -4, 0, 4, 100)]
    assert all(torch.isfinite(torch.tensor(values)))
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("mask", ["empty", "full", "half"])
@pytest.mark.parametrize("contour", ["empty", "half"])
def test_both_heads_get_finite_gradients_and_descend(mask, contour):
    mask, contour = targets()[mask], targets()[contour]
    logits = {"mask": torch.zeros(1, 1, 40, 48), "connectivity": torch.zeros(1, 8, 40, 48)}
    values = []
    for _ in range(5):
        for value in logits.values():
            value.requires_grad_(True)
        loss = ran_loss(logits, mask, contour)
        loss.backward()
        assert all(torch.isfinite(v.grad).all() and v.grad.abs().sum() > 0 for v in logits.values())
        logits = {key: (v - 200 * v.grad).detach() for key, v in logits.items()}
        values.append(loss.item())
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("term", WEIGHTS)
def test_the_loss_is_the_weighted_sum_of_its_terms(term):
    """Each term can stand alone: also with an IoU that weighs nothing."""
    logits, target = torch.randn(2, 1, 40, 48), targets()["half"].expand(2, 1, -1, -1)
    weights = {"bce": 0.5, "iou": 1.0, "l1": 4.0} | {term: 0.0}
    expected = sum(weight * adaptive_pixel_intensity_loss(logits, target, {k: 1.0}) for k, weight in weights.items())
    assert torch.isclose(adaptive_pixel_intensity_loss(logits, target, weights), expected)


@pytest.mark.parametrize("unknown", ["none", "half", "all"])
def test_nothing_is_learned_where_the_target_is_not_known(unknown):
    """Neither loss nor gradient depends on the logits there, and a picture without any known pixel weighs nothing."""
    torch.manual_seed(0)
    mask = targets()["half"].clone()
    hidden = {"none": slice(0, 0), "half": slice(0, 20), "all": slice(0, None)}[unknown]
    mask[:, :, hidden] = 128 / 255
    contour = mask if unknown == "none" else torch.full_like(mask, 128 / 255)  # as load_sample makes it
    logits = {"mask": torch.randn(1, 1, 40, 48), "connectivity": torch.randn(1, 8, 40, 48)}
    for value in logits.values():
        value.requires_grad_(True)
    loss = ran_loss(logits, mask, contour)
    loss.backward()
    assert torch.isfinite(loss) and (loss == 0) == (unknown == "all")
    assert (logits["mask"].grad[:, :, hidden] == 0).all()
    assert (logits["mask"].grad.abs().sum() > 0) == (unknown != "all")
    assert (logits["connectivity"].grad.abs().sum() > 0) == (unknown == "none")
    changed = {head: value.detach().clone() for head, value in logits.items()}
    changed["mask"][:, :, hidden] += 5
    assert torch.equal(ran_loss(changed, mask, contour), loss.detach())
