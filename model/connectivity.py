"""Eight-direction connectivity contour head."""

import torch
from torch import nn

from .layers import conv, resize_like


class ECC(nn.Module):
    """Eight-direction connectivity contour head: from x4 down to f1, each level joined by upsampling.

    Every step upsamples, narrows to the shallower width, concatenates the shallower level and narrows again.

    Args:
        channels: of x4, x3, x2 and the reduced f1.
        directions: of the connectivity, in the order of utils.connectivity.DIRECTIONS.
        norm: whether GroupNorm and ReLU follow the convolutions.

    Input: x4, x3, x2 and the reduced f1 with `channels`. Output: connectivity logits, N x 8, and the features behind
    them, N x channels[-1], of f1's size.
    """

    def __init__(self, channels: tuple[int, ...] = (128, 64, 32, 32), directions: int = 8, norm: bool = False):
        super().__init__()
        steps = list(zip(channels, channels[1:]))
        self.narrow = nn.ModuleList([conv(deep, shallow, norm=norm) for deep, shallow in steps])
        self.join = nn.ModuleList([conv(2 * shallow, shallow, norm=norm) for _, shallow in steps])
        self.classify = conv(channels[-1], directions)

    def forward(self, deepest: torch.Tensor, *shallower: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = deepest
        for narrow, join, level in zip(self.narrow, self.join, shallower):
            x = join(torch.cat([narrow(resize_like(x, level)), level], dim=1))
        return self.classify(x), x
