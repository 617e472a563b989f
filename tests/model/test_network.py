import math
import re
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ran.model import RAN, make_network
from ran.model.losses import ran_loss
from tests.small import TINY


@pytest.mark.parametrize("decoder, connectivity", [("paper", True), ("paper", False), ("fine", True)])
def test_parts_are_joined_as_in_the_figure(decoder, connectivity):
    torch.manual_seed(0)
    net = make_network(decoder, arch=TINY, encoder_norm="group", connectivity=connectivity).eval()
    image = torch.rand(2, 3, 70, 45)
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
    f1, f2, f3, f4 = net.encoder((image - mean) / std)
    x2, x3, x4 = net.rfb2(f2), net.rfb3(f3), net.rfb4(f4)
    mask, aggregated = net.mfa(x2, net.rsa3(x3, x2), net.rsa4(x4, x3))
    expected = {"mask": mask}
    if connectivity:
        expected["connectivity"], contour = net.ecc(x4, x3, x2, net.reduce1(f1))
        assert net.reduce1.kernel_size == (1, 1)
    if decoder == "fine":
        expected["mask"] = net.refinement(mask, aggregated, contour)
    logits, alone = net(image), net(image, mask_only=True)
    assert logits.keys() == expected.keys() and alone.keys() == {"mask"}
    for head, value in expected.items():
        large = F.interpolate(value, (70, 45), mode="bilinear", align_corners=False)
        assert torch.allclose(logits[head], large, atol=1e-5) and large.std() > 0.01
    assert torch.equal(alone["mask"], logits["mask"])


def test_sizes_are_the_papers():
    """Those of the released code, where it has the same parts."""
    parts = RAN("resnet18", encoder_norm="group").named_children()
    count = {name: sum(p.numel() for p in part.parameters()) for name, part in parts}
    assert count["rfb2"] + count["rfb3"] + count["rfb4"] == 2433312
    assert sum(count.values()) == 15704233


def test_decoder_starts_without_shrinking_its_input():
    torch.manual_seed(0)
    for decoder in ("paper", "fine"):
        for name, layer in make_network(decoder, arch=TINY, encoder_norm="group").named_modules():
            if isinstance(layer, nn.Conv2d) and not name.startswith("encoder"):
                assert not layer.bias.any()
                if layer.weight.numel() > 1000:
                    expected = 1 / math.sqrt(layer.weight[0].numel())
                    assert layer.weight.std().item() == pytest.approx(expected, rel=0.12), name


IMAGE = torch.rand(1, 3, 64, 64)


@pytest.mark.parametrize("image, reason", [
    (IMAGE[0], "N x 3 x H x W with H, W >= 32, got 3 x 64 x 64"), (IMAGE[:, :1], "N x 3 x H x W with H, W >= 32"),
    (IMAGE[:, :, :31], "N x 3 x H x W with H, W >= 32"), (IMAGE.byte(), r"floats in \[0, 1\].* got torch.uint8"),
    (torch.full_like(IMAGE, 255), r"floats in \[0, 1\].* got values from 255 to 255"),
    (IMAGE / 0.225 - 2, r"floats in \[0, 1\].* got values from -2 "), (IMAGE * torch.nan, ".* got values from nan"),
])  # fmt: skip
def test_other_inputs_are_refused_with_what_was_expected(image, reason):
    network = RAN(TINY)
    with pytest.raises(ValueError, match=reason):
        network(image)
    network.eval()(IMAGE[..., :32, :32] * 1.4 - 0.2)  # as bicubic resizing leaves it


def test_a_graph_holds_no_look_at_the_values(monkeypatch):
    for module, name in ((torch.compiler, "is_compiling"), (torch.jit, "is_tracing")):
        with monkeypatch.context() as graph:
            graph.setattr(module, name, lambda: True)
            RAN(TINY).eval()(255 * IMAGE)
    RAN(TINY).to("meta")(IMAGE.to("meta"))


@pytest.mark.parametrize("options, gone", [
    ({}, "nothing"), ({"connectivity": False}, "reduce1|ecc"), ({"attention": "normal"}, r"rsa.\.(reverse|weigh)"),
    ({"attention": "reverse"}, r"rsa.\.(normal|weigh)"), ({"attention": "none", "connectivity": False}, "rsa|red|ecc"),
])  # fmt: skip
def test_ablation_rows_drop_their_parts_and_train_the_rest(options, gone):
    full, row = (RAN(TINY, "group", **some) for some in ({}, options))
    expected = [name for name, _ in full.named_parameters() if not re.match(gone, name)]
    assert [name for name, _ in row.named_parameters()] == expected and row.options == full.options | options
    ran_loss(row(torch.rand(2, 3, 64, 64)), torch.ones(2, 1, 64, 64), torch.ones(2, 1, 64, 64)).backward()
    assert [name for name, p in row.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("options, reason", [
    ({"attention": "both"}, "separated, normal, reverse, none"), ({"decoder": "coarse"}, "choose one of paper, fine"),
    ({"decoder": "fine", "connectivity": False}, "needs the connectivity head"),
    ({"encoder_norm": "batch"}, "frozen, group"), ({"arch": "vgg16"}, "resnet18.*timm/NAME"),
    ({"arch": "timm/nothing_of_this_name"}, "Unknown model"),
    ({"arch": "timm/levit_128"}, "no features at strides 4, 8, 16, 32"),
    ({"arch": "timm/mambaout_femto"}, "1 x 3 x 64 x 96 gives"),  # N x H x W x C
    ({"arch": "timm/swin_tiny_patch4_window7_224"}, "no features .* of any image .*match model"),
    ({"arch": "timm/resnet18"}, "pip install timm"),  # where it is missing
])  # fmt: skip
def test_networks_that_do_not_exist_are_refused_with_the_choices(options, reason, monkeypatch):
    if reason == "pip install timm":
        monkeypatch.setitem(sys.modules, "timm", None)
    elif "timm/" in options.get("arch", ""):
        pytest.importorskip("timm")
    with pytest.raises(ValueError, match=reason):
        make_network(**{"arch": TINY} | options)
