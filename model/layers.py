"""The pieces that every part of the decoder is made of."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.nn import functional as F


def conv(in_channels: int, out_channels: int, kernel: int | tuple[int, int] = 3, dilation: int = 1) -> nn.Conv2d:
    """Convolution with bias that keeps the size; in the paper's decoder neither norm nor activation follows.

    kernel: its odd side, or (height, width).
    """
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (dilation * (height // 2), dilation * (width // 2))
    return nn.Conv2d(in_channels, out_channels, (height, width), padding=padding, dilation=dilation)


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with at most 32 groups of at least 8 channels."""
    groups = 32
    while channels % groups or channels // groups < 8 and groups > 1:
        groups //= 2
    return nn.GroupNorm(groups, channels)


def use_group_norm(network: nn.Module) -> None:
    """Puts a GroupNorm in the place of every BatchNorm; dropout and activation, which timm's kind holds, stay."""
    for name, layer in [*network.named_modules()]:
        if isinstance(layer, nn.BatchNorm2d):
            norm, held = group_norm(layer.num_features), [*layer.children()]
            network.set_submodule(name, nn.Sequential(norm, *held) if held else norm)


def resize_like(x: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """x resized bilinearly to the height and width of reference, pixel centres aligned."""
    return F.interpolate(x, size=reference.shape[-2:], mode="bilinear", align_corners=False)


def outputs_of(parts: Iterable[nn.Module], taps: tuple[int, ...], x: torch.Tensor) -> list[torch.Tensor]:
    """Outputs of those parts whose numbers are in taps, each part applied to the output of the one before."""
    outputs = [x := part(x) for part in parts]
    return [outputs[tap] for tap in taps]
