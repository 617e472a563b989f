"""The two pieces that every part of the decoder is made of."""

import torch
from torch import nn
from torch.nn import functional as F


def conv3x3(in_channels: int, out_channels: int) -> nn.Conv2d:
    """3x3 convolution with bias that keeps the size; the paper's decoder has neither norms nor activations."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def resize_like(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """x resized bilinearly to the height and width of reference, pixel centres aligned."""
    return F.interpolate(x, size=reference.shape[-2:], mode="bilinear", align_corners=False)
