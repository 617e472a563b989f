import torch

from ran.model.rfb import RFB


def test_shape_sign_and_gradients():
    rfb = RFB(12, 8)
    x = torch.randn(1, 12, 9, 7, requires_grad=True)
    y = rfb(x)
    assert y.shape == (1, 8, 9, 7)
    assert y.min() >= 0
    y.sum().backward()
    assert x.grad.abs().sum() > 0
    assert all(p.grad is not None for p in rfb.parameters())


def test_field_of_view_reaches_the_widest_dilated_branch():
    rfb = RFB(1, 4)
    x = torch.zeros(1, 1, 41, 41, requires_grad=True)
    # Half of the 1x7 kernel, dilation 7 and half of the merging 3x3: 3 + 7 + 1 = 11 pixels to each side.
    (rfb.merge(torch.cat([branch(x) for branch in rfb.branches], 1))[0, 0, 20, 20]).backward()
    seen = x.grad[0, 0].nonzero()
    assert seen.min().item() == 20 - 11
    assert seen.max().item() == 20 + 11


def test_released_parameter_count():
    assert sum(p.numel() for channels in ((128, 32), (256, 64), (512, 128)) for p in RFB(*channels).parameters()) == (
        2433312
    )
