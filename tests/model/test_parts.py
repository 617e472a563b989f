"""The decoder's parts against their formulas in loops, at odd sizes."""

import numpy as np
import pytest
import torch

from ran.model.aggregation import MFA
from ran.model.attention import ATTENTIONS, MSCAM, RSA
from ran.model.connectivity import ECC
from ran.model.fine import Refinement
from ran.model.layers import group_norm
from ran.model.rfb import RFB
from tests.model import naive
from tests.model.naive import conv, relu, resize, sigmoid


def rfb(part, x):
    fields = [conv(x, part.branches[0])]
    for branch, k in zip(part.branches[1:], (3, 5, 7), strict=True):
        point, across, down, dilated = branch
        assert (across.kernel_size, down.kernel_size, dilated.kernel_size) == ((1, k), (k, 1), (3, 3))
        fields.append(conv(conv(conv(conv(x, point), across), down), dilated, dilation=k))
    return [relu(conv(np.concatenate(fields), part.merge) + conv(x, part.shortcut))]


def mscam(part, x):
    into, norm1, _, out, norm2 = part.local_context
    local = naive.batch_norm(conv(relu(naive.batch_norm(conv(x, into), norm1)), out), norm2)
    _, into, norm1, _, out, norm2 = part.global_context
    mean = x.mean(axis=(1, 2), keepdims=True)
    return [sigmoid(local + naive.group_norm(conv(relu(naive.group_norm(conv(mean, into), norm1)), out), norm2))]


def rsa(part, deep, shallow):
    if part.attention == "none":
        return [deep]
    gate = sigmoid(resize(conv(shallow, part.gate), deep))
    if part.attention == "normal":
        return [conv(gate * deep, part.normal)]
    if part.attention == "reverse":
        return [conv((1 - gate) * deep, part.reverse)]
    normal, reverse = conv(gate * deep, part.normal), conv((1 - gate) * deep, part.reverse)
    (weight,) = mscam(part.weigh, normal + reverse)
    return [(1 - weight) * normal + weight * reverse]


def mfa(part, x2, y3, y4):
    up4, up3 = resize(y4, y3), resize(y3, x2)
    upup4 = resize(up4, x2)
    a3 = conv(up4, part.y4_gates_y3) * y3
    a2 = conv(upup4, part.y4_gates_x2) * conv(up3, part.y3_gates_x2) * x2
    b3 = conv(np.concatenate([a3, conv(up4, part.carry_y4)]), part.merge3)
    b2 = conv(np.concatenate([a2, conv(resize(b3, x2), part.carry_b3)]), part.merge2)
    return [conv(b2, part.classify), b2]


def ecc(part, x, *levels):
    for narrow, join, level in zip(part.narrow, part.join, levels, strict=True):
        x = conv(np.concatenate([conv(resize(x, level), narrow), level]), join)
    return [conv(x, part.classify), x]


def refinement(part, mask, aggregated, contour):
    def fine(x, layers):
        return relu(naive.group_norm(conv(x, layers[0]), layers[1]))

    joined = fine(np.concatenate([resize(fine(aggregated, part.narrow), contour), contour]), part.join)
    return [resize(mask, contour) + conv(joined, part.classify)]


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
    part = naive.random_part(part)
    inputs = [torch.randn(2, *shape, dtype=torch.float64) for shape in shapes]
    outputs = part(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for n in range(2):
        expected = formula(part, *(value[n].numpy() for value in inputs))
        for output, value in zip(outputs, expected, strict=True):
            assert np.allclose(naive.array(output[n]), value, rtol=1e-6, atol=1e-8)


def test_group_norms_have_at_most_32_groups_of_at_least_8():
    """The largest power of two that allows it."""
    expected = {8: 1, 16: 2, 24: 2, 32: 4, 48: 4, 64: 8, 256: 32, 512: 32}
    assert {channels: group_norm(channels).num_groups for channels in expected} == expected
