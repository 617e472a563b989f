"""Adaptive pixel intensity loss on the mask and on the connectivity maps."""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from .connectivity import connectivity_target

WINDOWS = (3, 15, 31)  # sides of the squares, pixels
WEIGHTS = {  # weights of the terms, as published
    "bce": 0.7,
    "iou": 0.7,
    "l1": 0.7,
}


def box_averages(x: torch.Tensor) -> Iterator[torch.Tensor]:
    """Means over the squares of WINDOWS, a new tensor like x for each; zero outside the image, the padding counted.

    All windows share one integral image, so a square costs four additions. x: N x C x H x W, 0 or 1 in float32, at most
    2^24 pixels a channel: so every sum is exact.
    """
    height, width = x.shape[-2:]
    reach = max(WINDOWS) // 2
    integral = F.pad(x, (reach + 1, reach, reach + 1, reach)).cumsum(-1).cumsum(-2)
    for window in WINDOWS:
        start = reach - window // 2
        rows = integral[..., start + window :, :][..., :height, :] - integral[..., start : start + height, :]
        sums = rows[..., start + window :][..., :width] - rows[..., start : start + width]
        yield sums.div_(window**2)


def pixel_weights(target: torch.Tensor) -> torch.Tensor:
    """omega = 1 + 0.5 * sum over windows |avg_k(m) - m| * m: boundaries and thin parts of the target weigh more.

    Like the target, N x C x H x W of 0 and 1; in [1, 2.5].
    """
    distances = torch.zeros_like(target)
    for average in box_averages(target):
        distances += average.sub_(target).abs_()  # in place: as much time goes into new memory as into the sums
    return distances.mul_(target).mul_(0.5).add_(1)


def adaptive_pixel_intensity_loss(
    logits: torch.Tensor, target: torch.Tensor, weights: dict[str, float] = WEIGHTS, known: torch.Tensor | float = 1.0
) -> torch.Tensor:
    """Adaptive pixel intensity loss (TRACER, AAAI 2022): BCE, IoU and L1, weighed; the mean over images and channels.

    Unlike the published form, the L1 term is divided by sum(omega), not by sum(omega - 1), which is zero on an empty
    target and tiny on most: so the loss is finite everywhere and no term drowns the others.

    Args:
        logits, target: N x C x H x W; the target 0 or 1.
        weights: the weight of each term, by its name.
        known: 1, or 0 where the target is not known and nothing is learned; any shape that broadcasts to the target's.
    """
    omega = pixel_weights(target) * known
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = logits.sigmoid()

    def total(x: torch.Tensor) -> torch.Tensor:
        return x.sum(dim=(-2, -1))

    intersection = total(omega * probability * target)
    union = total(omega * (probability + target)) - intersection
    terms = {
        "bce": total(omega * entropy) / total(omega + 0.5 * known).clamp(min=1),
        "iou": 1 - (intersection + 1) / (union + 1),
        "l1": total(omega * (probability - target).abs()) / total(omega).clamp(min=1),
    }
    return torch.stack([weight * terms[name] for name, weight in weights.items()]).sum(0).mean()


def ran_loss(
    logits: dict[str, torch.Tensor], mask: torch.Tensor, contour: torch.Tensor, weights: dict[str, float] = WEIGHTS
) -> torch.Tensor:
    """The adaptive pixel intensity loss of both heads, summed 1:1; without a connectivity head, the mask's alone.

    Args:
        logits: the network's output.
        mask, contour: N x 1 x H x W, float, 0 or 1, or between them where it is not known, which is left out.
        weights: the weight of each term of the mask, by its name; the connectivity keeps the published ones.
    """
    loss = adaptive_pixel_intensity_loss(logits["mask"], mask, weights, is_known(mask))
    if "connectivity" in logits:
        target = connectivity_target(contour)
        loss = loss + adaptive_pixel_intensity_loss(logits["connectivity"], target, known=is_known(contour))
    return loss


def is_known(target: torch.Tensor) -> torch.Tensor:
    """1 where a target is 0 or 1, else 0."""
    return ((target == 0) | (target == 1)).to(target.dtype)
