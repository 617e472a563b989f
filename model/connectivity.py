"""Eight-direction connectivity of the contour: its target and the head that learns it."""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import conv, resize_like

# (dy, dx) of the eight neighbours; direction 7 - d is the opposite of direction d.
DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def neighbours(x: torch.Tensor) -> torch.Tensor:
    """N x 1 x H x W -> N x 8 x H x W: channel d at pixel p holds x(p + DIRECTIONS[d]), zero outside the image."""
    height, width = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    return torch.cat([padded[:, :, 1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in DIRECTIONS], dim=1)


def connectivity_target(contour: torch.Tensor) -> torch.Tensor:
    """Ground truth (ConnNet, BiconNet), N x 8 x H x W: c(p) * c(p + direction), a pixel and its neighbour both lie on
    the band. The contour c: N x 1 x H x W, float, 1 on the band and 0 elsewhere.
    """
    return contour * neighbours(contour)


class ECC(nn.Module):
    """Eight-direction connectivity contour head.

    From x4 down to f1, every step upsamples, narrows to the shallower width, concatenates the shallower level and
    narrows again.

    Input: x4, x3, x2 and the reduced f1 with `channels`. Output: connectivity logits, N x 8, and the features behind
    them, N x channels[-1], of f1's size.
    """

    def __init__(self, channels: tuple[int, ...] = (128, 64, 32, 32)):
        super().__init__()
        steps = list(zip(channels, channels[1:]))
        self.narrow = nn.ModuleList([conv(deep, shallow) for deep, shallow in steps])
        self.join = nn.ModuleList([conv(2 * shallow, shallow) for _, shallow in steps])
        self.classify = conv(channels[-1], len(DIRECTIONS))

    def forward(self, x: torch.Tensor, *shallower: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for narrow, join, level in zip(self.narrow, self.join, shallower):
            x = join(torch.cat([narrow(resize_like(x, level)), level], dim=1))
        return self.classify(x), x
