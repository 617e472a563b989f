"""The mask at stride 4: what the connectivity head has learned of boundaries serves the mask. Not in the paper."""

import torch
from torch import nn

from .layers import conv, resize_like


class Refinement(nn.Module):
    """Corrects the mask of stride 8 with the connectivity head's features at stride 4.

    Args:
        aggregated_channels: of the features behind the mask logits.
        contour_channels: of the connectivity head's features.

    Input: mask logits N x 1 x h x w and their features N x aggregated_channels x h x w; the connectivity head's
    features N x contour_channels x H x W. Output: mask logits, N x 1 x H x W.
    """

    def __init__(self, aggregated_channels: int, contour_channels: int):
        super().__init__()
        c = contour_channels
        self.narrow = conv(aggregated_channels, c, norm=True)
        self.join = conv(2 * c, c, norm=True)
        self.classify = conv(c, 1)

    def forward(self, mask: torch.Tensor, aggregated: torch.Tensor, contour: torch.Tensor) -> torch.Tensor:
        joined = self.join(torch.cat([resize_like(self.narrow(aggregated), contour), contour], dim=1))
        return resize_like(mask, contour) + self.classify(joined)
