import pytest
import torch

from ran.model.attention import MSCAM, RSA


def test_mscam_gives_weights_at_batch_1_and_uses_both_halves():
    attention = MSCAM(16).train()
    x = torch.randn(1, 16, 6, 5)
    weights = attention(x)
    assert weights.shape == x.shape
    assert weights.min() > 0 and weights.max() < 1
    weights.sum().backward()
    assert all(p.grad is not None for p in attention.parameters())
    with torch.no_grad():
        attention.global_context[-1].bias += 1
    assert (attention(x) > weights).all()


@pytest.mark.parametrize("batch", [1, 2])
def test_rsa_keeps_the_deep_shape_at_odd_sizes(batch):
    rsa = RSA(16, 8)
    deep = torch.randn(batch, 16, 5, 7, requires_grad=True)
    shallow = torch.randn(batch, 8, 9, 14, requires_grad=True)
    y = rsa(deep, shallow)
    assert y.shape == deep.shape
    y.square().sum().backward()
    assert deep.grad.abs().sum() > 0 and shallow.grad.abs().sum() > 0
    assert all(p.grad is not None for p in rsa.parameters())


def test_rsa_separates_the_regions_by_its_gate():
    """An open gate leaves the reverse stream only its bias, a closed one the normal stream."""
    rsa = RSA(8, 4).eval()
    torch.nn.init.zeros_(rsa.gate.weight)
    deep, shallow = torch.randn(1, 8, 4, 4), torch.randn(1, 4, 8, 8)
    seen = {}
    rsa.normal.register_forward_hook(lambda _, args, __: seen.update(normal=args[0]))
    rsa.reverse.register_forward_hook(lambda _, args, __: seen.update(reverse=args[0]))
    for bias, stream, other in ((50.0, "normal", "reverse"), (-50.0, "reverse", "normal")):
        torch.nn.init.constant_(rsa.gate.bias, bias)
        rsa(deep, shallow)
        assert torch.allclose(seen[stream], deep)
        assert seen[other].abs().max() < 1e-6


def test_rsa_streams_do_not_share_weights():
    rsa = RSA(8, 4)
    assert rsa.normal.weight.data_ptr() != rsa.reverse.weight.data_ptr()
