import torch

from ran.model.aggregation import MFA


def test_shape_and_gradients_at_odd_sizes():
    mfa = MFA((8, 16, 24))
    levels = [torch.randn(2, c, h, w, requires_grad=True) for c, h, w in ((8, 13, 11), (16, 7, 6), (24, 4, 3))]
    logits, features = mfa(*levels)
    assert logits.shape == (2, 1, 13, 11) and features.shape == (2, 48, 13, 11)
    logits.square().sum().backward()
    assert all(level.grad.abs().sum() > 0 for level in levels)
    assert all(p.grad is not None for p in mfa.parameters())


def test_deeper_levels_gate_the_shallow_one():
    """Where the deepest level says nothing, neither y3 nor x2 comes through."""
    mfa = MFA((4, 4, 4))
    for convolution in mfa.modules():
        if isinstance(convolution, torch.nn.Conv2d):
            torch.nn.init.zeros_(convolution.bias)
    x2, y3 = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 4, 4)
    assert mfa(x2, y3, torch.zeros(1, 4, 2, 2))[0].abs().max() == 0
    assert mfa(x2, y3, torch.randn(1, 4, 2, 2))[0].abs().max() > 0
