"""Eight-direction connectivity of the contour: its target and the head that learns it."""

import torch
from torch import nn
from torch.nn import functional as F

from .layers import conv, resize_like

# (dy, dx) of the eight neighbours; direction 7 - d is the opposite of direction d.
DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def neighbours(x: torch.Tensor) -> torch.Tensor:
    """The value of each pixel's eight neighbours, zero outside the image.

    Args:
        x: N x 1 x H x W.

    Returns:
        N x 8 x H x W: channel d at pixel p holds x(p + DIRECTIONS[d]).
    """
    height, width = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    return torch.cat([padded[:, :, 1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in DIRECTIONS], dim=1)


def connectivity_target(contour: torch.Tensor) -> torch.Tensor:
    """Connectivity ground truth (ConnNet, BiconNet): a pixel and its neighbour both lie on the band.

    Args:
        contour: N x 1 x H x W, float, 1 on the band and 0 elsewhere.

    Returns:
        N x 8 x H x W of the same type: c(p) * c(p + direction), zero where the neighbour is outside the image.
    """
    return contour * neighbours(contour)


class ECC(nn.Module):
    """Eight-direction connectivity contour head: from x4 down to f1, each level joined by upsampling.

    Every step upsamples, narrows to the shallower width, concatenates the shallower level and narrows again.

    Args:
        channels: of x4, x3, x2 and the reduced f1.
        directions: of the connectivity, in the order of DIRECTIONS.

    Input: x4, x3, x2 and the reduced f1 with `channels`. Output: connectivity logits, N x 8, and the features behind
    them, N x channels[-1], of f1's size.
    """

    def __init__(self, channels: tuple[int, ...] = (128, 64, 32, 32), directions: int = 8):
        super().__init__()
        steps = list(zip(channels, channels[1:]))
        self.narrow = nn.ModuleList([conv(deep, shallow) for deep, shallow in steps])
        self.join = nn.ModuleList([conv(2 * shallow, shallow) for _, shallow in steps])
        self.classify = conv(channels[-1], directions)

    def forward(self, deepest: torch.Tensor, *shallower: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = deepest
        for narrow, join, level in zip(self.narrow, self.join, shallower):
            x = join(torch.cat([narrow(resize_like(x, level)), level], dim=1))
        return self.classify(x), x
