"""Eight-direction connectivity contour head."""

import torch
from torch import nn

from .layers import conv3x3, resize_like


class ECC(nn.Module):
    """Eight-direction connectivity contour head: from x4 down to f1, each level joined by upsampling.

    Every step upsamples, narrows to the shallower width, concatenates the shallower level and narrows again.

    Input: x4, x3, x2 and the reduced f1 with `channels` (128, 64, 32, 32) by default. Output: connectivity logits,
    N x 8, of f1's size; the directions stand in the order of utils.connectivity.DIRECTIONS.
    """

    def __init__(self, channels: tuple[int, ...] = (128, 64, 32, 32), directions: int = 8):
        super().__init__()
        steps = list(zip(channels, channels[1:]))
        self.narrow = nn.ModuleList([conv3x3(deep, shallow) for deep, shallow in steps])
        self.join = nn.ModuleList([conv3x3(2 * shallow, shallow) for _, shallow in steps])
        self.classify = conv3x3(channels[-1], directions)

    def forward(self, deepest: torch.Tensor, *shallower: torch.Tensor) -> torch.Tensor:
        x = deepest
        for narrow, join, level in zip(self.narrow, self.join, shallower):
            x = join(torch.cat([narrow(resize_like(x, level)), level], dim=1))
        return self.classify(x)
