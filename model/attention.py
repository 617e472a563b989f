"""Region separation attention: a deep feature read through a gate for the clear region and through its complement."""

import torch
from torch import nn

from .layers import conv, resize_like

ATTENTIONS = ("separated", "normal", "reverse", "none")


class MSCAM(nn.Module):
    """Multi-scale channel attention (attentional feature fusion, WACV 2021).

    A local half keeps every position, a global half sees the average over the image. The global half has one value a
    channel, which no BatchNorm can normalise at batch 1: it takes GroupNorm with one group instead.

    Input: N x C x H x W. Output: weights in (0, 1), N x C x H x W.
    """

    def __init__(self, channels: int):
        super().__init__()

        def context(norm, inner=channels // 4):
            squeeze, expand = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
            return squeeze, norm(inner), nn.ReLU(), expand, norm(channels)

        self.local_context = nn.Sequential(*context(nn.BatchNorm2d))
        self.global_context = nn.Sequential(nn.AdaptiveAvgPool2d(1), *context(lambda count: nn.GroupNorm(1, count)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.local_context(x) + self.global_context(x))


class RSA(nn.Module):
    """Normal and reverse streams of a deep feature, weighed by MS-CAM.

    Args:
        attention: "separated", or for the ablation one stream alone, "normal" or "reverse", or "none".

    Input: deep N x deep_channels x h x w, shallow N x shallow_channels x H x W. Output: like deep.
    """

    def __init__(self, deep_channels: int, shallow_channels: int, attention: str = "separated"):
        super().__init__()
        if attention not in ATTENTIONS:
            raise ValueError(f"unknown attention {attention!r}: choose one of {', '.join(ATTENTIONS)}")
        self.attention = attention
        if attention != "none":
            self.gate = conv(shallow_channels, deep_channels)
        if attention in ("normal", "separated"):
            self.normal = conv(deep_channels, deep_channels)
        if attention in ("reverse", "separated"):
            self.reverse = conv(deep_channels, deep_channels)
        if attention == "separated":
            self.weigh = MSCAM(deep_channels)

    def forward(self, deep: torch.Tensor, shallow: torch.Tensor) -> torch.Tensor:
        if self.attention == "none":
            return deep
        gate = torch.sigmoid(resize_like(self.gate(shallow), deep))
        if self.attention == "normal":
            return self.normal(gate * deep)
        if self.attention == "reverse":
            return self.reverse((1 - gate) * deep)
        normal, reverse = self.normal(gate * deep), self.reverse((1 - gate) * deep)
        weight = self.weigh(normal + reverse)
        return (1 - weight) * normal + weight * reverse
