"""EfficientNet-Lite2 as an encoder, with timm's names for its layers: importing timm takes longer than PyTorch itself.

Tan and Le, EfficientNet (ICML 2019), section 4; Lite leaves out squeeze-and-excitation, and has ReLU6 for activation.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import outputs_of

# Blocks, channels, kernel and stride of each stage; width 1.1 and depth 1.2 times those of EfficientNet-B0.
STAGES = (
    (1, 16, 3, 1), (3, 24, 3, 2), (3, 48, 5, 2), (4, 88, 3, 2), (4, 120, 5, 1), (5, 208, 5, 2), (1, 352, 3, 1),
)  # fmt: skip
TAPS = (1, 2, 4, 6)  # stages whose outputs have strides 4, 8, 16 and 32
STEM, EXPANSION = 32, 6
NORM_EPS = 1e-3
WEIGHTS_URL = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/tf_efficientnet_lite2-dcccb7df.pth"


class Lite2(nn.Module):
    """N x 3 x H x W -> features of 24, 48, 120 and 352 channels at strides 4, 8, 16 and 32, sizes rounded up."""

    def __init__(self):
        super().__init__()
        self.conv_stem, self.bn1 = Conv(3, STEM, 3, 2), nn.BatchNorm2d(STEM, NORM_EPS)
        self.blocks, before = nn.Sequential(), STEM
        for count, channels, kernel, stride in STAGES:
            self.blocks.append(stage := nn.Sequential())
            for number in range(count):
                stage.append(Block(before, channels, kernel, 1 if number else stride, expands=before != STEM))
                before = channels

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return outputs_of(self.blocks, TAPS, F.relu6(self.bn1(self.conv_stem(image))))


class Block(nn.Module):
    """Inverted residual: 1 x 1 expansion (not in the first block of all), depthwise, 1 x 1 projection."""

    def __init__(self, before: int, channels: int, kernel: int, stride: int, expands: bool):
        super().__init__()
        between = before * EXPANSION if expands else before
        layers = [("dw", Conv(between, between, kernel, stride, groups=between))]
        layers = [("pw", Conv(before, between)), *layers] if expands else layers
        layers.append(("pwl" if expands else "pw", Conv(between, channels)))
        for number, (name, layer) in enumerate(layers, 1):
            self.add_module(f"conv_{name}", layer)
            self.add_module(f"bn{number}", nn.BatchNorm2d(layer.out_channels, NORM_EPS))
        self.residual = stride == 1 and before == channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, layers = x, list(self.children())
        for conv, norm in zip(layers[:-2:2], layers[1:-2:2]):
            y = F.relu6(norm(conv(y)))
        y = layers[-1](layers[-2](y))
        return x + y if self.residual else y


class Conv(nn.Conv2d):
    """Convolution without bias, its output size / stride, rounded up: TensorFlow's rim, wider at the right and bottom
    where it is odd. A depthwise one computes in 32 bits on a CPU, where its gradient takes far longer in bf16."""

    def __init__(self, before: int, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        padding = kernel // 2 if stride == 1 else 0  # else forward pads
        super().__init__(before, channels, kernel, stride, padding, groups=groups, bias=False)
        nn.init.normal_(self.weight, 0, math.sqrt(2 / (kernel**2 * channels // groups)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride > 1:
            # Without a negative number: what ONNX makes of this division rounds towards zero.
            down, across = ((side - 1) // stride * stride + kernel - side for side in x.shape[-2:])
            x = F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        if self.groups > 1 and x.is_cpu:
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)
