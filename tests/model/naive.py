"""What the network's parts are made of as loops over pixels, to compare them with. Arrays are C x H x W, float64."""

from itertools import product

import numpy as np
import torch
from torch import nn


def random_part(part: nn.Module) -> nn.Module:
    """The part in float64 and eval mode, every number in it random."""
    for tensor in (*part.parameters(), *part.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.2, 1.0)  # variances among them
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.uniform_(layer.weight, -0.5, 0.7)
    return part.double().eval()


def array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def conv(x: np.ndarray, layer: nn.Module, dilation: int = 1) -> np.ndarray:
    """Convolution that keeps the size; zeros lie outside."""
    weight, (_, height, width) = array(layer.weight), x.shape
    y = np.zeros((len(weight), height, width)) + (0 if layer.bias is None else array(layer.bias)[:, None, None])
    for i, j, a, b in product(range(height), range(width), *map(range, weight.shape[2:])):
        row, column = i + dilation * (a - weight.shape[2] // 2), j + dilation * (b - weight.shape[3] // 2)
        if 0 <= row < height and 0 <= column < width:
            y[:, i, j] += weight[:, :, a, b] @ x[:, row, column]
    return y


def resize(x: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Bilinear, to the height and width of `like`: pixel i of n has its centre at (i + 1/2) / n."""

    def weights(before: int, after: int) -> np.ndarray:
        places = np.clip((np.arange(after) + 0.5) / after * before - 0.5, 0, before - 1)
        return np.maximum(0, 1 - abs(places[:, None] - np.arange(before)))

    rows, columns = map(weights, x.shape[1:], like.shape[1:])
    return rows @ x @ columns.T


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def relu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0)


def batch_norm(x: np.ndarray, layer: nn.Module) -> np.ndarray:
    """Normalises by the stored statistics."""
    mean, variance, gain, bias = (
        array(tensor)[:, None, None] for tensor in (layer.running_mean, layer.running_var, layer.weight, layer.bias)
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * gain + bias


def group_norm(x: np.ndarray, layer: nn.Module, groups: int = 1) -> np.ndarray:
    y = np.concatenate([(g - g.mean()) / np.sqrt(g.var() + 1e-5) for g in np.split(x, groups)])
    return y * array(layer.weight)[:, None, None] + array(layer.bias)[:, None, None]
