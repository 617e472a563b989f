"""Receptive field block: one feature map seen through four fields of view."""

import torch
from torch import nn

from .layers import conv


class RFB(nn.Module):
    """Receptive field block (RFBNet, ECCV 2018), as RAN puts it on f2, f3 and f4.

    Four branches: a 1x1 convolution; and for k = 3, 5, 7 a 1x1, 1xk, kx1 and a 3x3 with dilation k. They are
    concatenated, brought back to `out_channels` and added to a 1x1 shortcut of the input, then ReLU.

    Input: N x in_channels x H x W. Output: N x out_channels x H x W, not negative.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        c = out_channels
        self.branches = nn.ModuleList([conv(in_channels, c, 1)])
        for k in (3, 5, 7):
            layers = conv(in_channels, c, 1), conv(c, c, (1, k)), conv(c, c, (k, 1)), conv(c, c, 3, dilation=k)
            self.branches.append(nn.Sequential(*layers))
        self.merge = conv(4 * c, c)
        self.shortcut = conv(in_channels, c, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        merged = self.merge(torch.cat([branch(x) for branch in self.branches], dim=1))
        return torch.relu(merged + self.shortcut(x))
