"""An encoder for tests, beside those of the model: every part of RAN at a quarter of the weights and half of the time.

What is written of a training (weights, moments, states) shrinks with it. Importing this module makes it known as
--arch tiny to the model and the command line of this process.
"""

import torch
from torch import nn

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.model import encoder
from ran.utils import options

TINY = "tiny"
CHANNELS = (8, 16, 24, 32)


def build(_: str) -> nn.Sequential:
    """Four convolutions, at strides 4, 8, 16 and 32."""
    stages, before = [], 3
    for channels, stride in zip(CHANNELS, (4, 2, 2, 2)):
        convolution = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        stages.append(nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU()))
        before = channels
    return nn.Sequential(*stages)


def features(stages: nn.Sequential, image: torch.Tensor) -> list[torch.Tensor]:
    found = []
    for stage in stages:
        image = stage(image)
        found.append(image)
    return found


if TINY not in encoder.BACKBONES:
    encoder.BACKBONES[TINY] = encoder.Backbone(CHANNELS, build, features)
    encoder.ARCHS = options.ARCHS = tuple(encoder.BACKBONES)
