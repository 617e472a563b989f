import torch

from model.connectivity import ECC


def test_shape_and_gradients_at_odd_sizes():
    head = ECC((16, 8, 6, 6))
    levels = [
        torch.randn(1, c, *size, requires_grad=True)
        for c, size in zip((16, 8, 6, 6), ((2, 3), (4, 5), (7, 10), (14, 19)))
    ]
    logits, features = head(*levels)
    assert logits.shape == (1, 8, 14, 19) and features.shape == (1, 6, 14, 19)
    logits.square().sum().backward()
    assert all(level.grad.abs().sum() > 0 for level in levels)
    assert all(p.grad is not None for p in head.parameters())


def test_logits_are_free_to_be_negative():
    torch.manual_seed(0)
    logits, _ = ECC()(*(torch.randn(1, c, s, s) for c, s in ((128, 2), (64, 4), (32, 8), (32, 16))))
    assert logits.min() < 0 < logits.max()
