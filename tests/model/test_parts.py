"""The decoder's parts against their formulas, at odd sizes."""

import pytest
import torch
from torch import cat, nn, sigmoid
from torch.nn import functional as F

from ran.model.aggregation import MFA
from ran.model.attention import ATTENTIONS, MSCAM, RSA
from ran.model.connectivity import ECC
from ran.model.fine import Refinement
from ran.model.layers import group_norm
from ran.model.rfb import RFB


def random_part(part: nn.Module) -> nn.Module:
    """The part in float64 and eval mode, every number in it random."""
    for tensor in (*part.parameters(), *part.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.2, 1.0)  # variances among them
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.uniform_(layer.weight, -0.5, 0.7)
    return part.double().eval()


def conv(x, layer, dilation=1):
    """Keeps the size; zeros lie outside."""
    padding = [dilation * (side // 2) for side in layer.weight.shape[2:]]
    return F.conv2d(x, layer.weight, layer.bias, padding=padding, dilation=dilation)


def resize(x, like):
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=False)


def batch_norm(x, layer):
    return F.batch_norm(x, layer.running_mean, layer.running_var, layer.weight, layer.bias)


def group_norm_1(x, layer):
    return F.group_norm(x, 1, layer.weight, layer.bias)


def rfb(part, x):
    fields = [conv(x, part.branches[0])]
    for branch, k in zip(part.branches[1:], (3, 5, 7), strict=True):
        point, across, down, dilated = branch
        assert (across.kernel_size, down.kernel_size, dilated.kernel_size) == ((1, k), (k, 1), (3, 3))
        fields.append(conv(conv(conv(conv(x, point), across), down), dilated, dilation=k))
    return F.relu(conv(cat(fields, 1), part.merge) + conv(x, part.shortcut))


def mscam(part, x):
    into, norm1, _, out, norm2 = part.local_context
    local = batch_norm(conv(F.relu(batch_norm(conv(x, into), norm1)), out), norm2)
    _, into, norm1, _, out, norm2 = part.global_context
    mean = x.mean((2, 3), keepdim=True)
    return sigmoid(local + group_norm_1(conv(F.relu(group_norm_1(conv(mean, into), norm1)), out), norm2))


def rsa(part, deep, shallow):
    if part.attention == "none":
        return deep
    gate = sigmoid(resize(conv(shallow, part.gate), deep))
    if part.attention == "normal":
        return conv(gate * deep, part.normal)
    if part.attention == "reverse":
        return conv((1 - gate) * deep, part.reverse)
    normal, reverse = conv(gate * deep, part.normal), conv((1 - gate) * deep, part.reverse)
    weight = mscam(part.weigh, normal + reverse)
    return (1 - weight) * normal + weight * reverse


def mfa(part, x2, y3, y4):
    up4, up3 = resize(y4, y3), resize(y3, x2)
    upup4 = resize(up4, x2)
    a3 = conv(up4, part.y4_gates_y3) * y3
    a2 = conv(upup4, part.y4_gates_x2) * conv(up3, part.y3_gates_x2) * x2
    b3 = conv(cat([a3, conv(up4, part.carry_y4)], 1), part.merge3)
    b2 = conv(cat([a2, conv(resize(b3, x2), part.carry_b3)], 1), part.merge2)
    return conv(b2, part.classify), b2


def ecc(part, x, *levels):
    for narrow, join, level in zip(part.narrow, part.join, levels, strict=True):
        x = conv(cat([conv(resize(x, level), narrow), level], 1), join)
    return conv(x, part.classify), x


def refinement(part, mask, aggregated, contour):
    def fine(x, layers):
        return F.relu(group_norm_1(conv(x, layers[0]), layers[1]))

    joined = fine(cat([resize(fine(aggregated, part.narrow), contour), contour], 1), part.join)
    return resize(mask, contour) + conv(joined, part.classify)


@pytest.mark.parametrize("part, formula, shapes", [
    (RFB(3, 2), rfb, [(3, 17, 16)]),
    (MSCAM(8), mscam, [(8, 3, 4)]),
    *((RSA(8, 3, attention), rsa, [(8, 3, 4), (3, 7, 6)]) for attention in ATTENTIONS),
    (MFA((2, 3, 4)), mfa, [(2, 9, 7), (3, 5, 4), (4, 2, 3)]),
    (ECC((5, 4, 3, 3)), ecc, [(5, 2, 3), (4, 4, 5), (3, 7, 9), (3, 13, 10)]),
    (Refinement(6, 4), refinement, [(1, 4, 3), (6, 4, 3), (4, 7, 9)]),
])  # fmt: skip
def test_parts_follow_their_formulas(part, formula, shapes):
    torch.manual_seed(0)
    part = random_part(part)
    inputs = [torch.randn(2, *shape, dtype=torch.float64) for shape in shapes]
    torch.testing.assert_close(part(*inputs), formula(part, *inputs), rtol=1e-6, atol=1e-8)


def test_group_norms_have_at_most_32_groups_of_at_least_8():
    """The largest power of two that allows it."""
    expected = {8: 1, 16: 2, 24: 2, 32: 4, 48: 4, 64: 8, 256: 32, 512: 32}
    assert {channels: group_norm(channels).num_groups for channels in expected} == expected
