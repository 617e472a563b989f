"""The encoders: what they give, what learns, and that ours are their libraries' networks."""

from itertools import product

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from ran.model import ARCHS, ATTENTIONS, DECODERS, MIN_SIZE, Encoder, make_network
from ran.model import encoder as encoder_module
from ran.model.losses import ran_loss
from ran.utils import options as config

MOBILE = "timm/mobilenetv3_small_050"


def test_command_line_offers_exactly_what_the_model_has():
    assert (config.ARCHS, config.MIN_SIZE) == (encoder_module.ARCHS, MIN_SIZE)
    assert (ATTENTIONS, tuple(DECODERS)) == (config.ATTENTIONS, config.DECODERS)


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHS)
def test_features_have_the_stated_channels_and_strides(arch):
    encoder = Encoder(arch)
    shapes = [tuple(feature.shape) for feature in encoder.eval()(torch.rand(1, 3, 64, 96))]
    assert shapes == [(1, c, 64 // s, 96 // s) for c, s in zip(encoder.channels, (4, 8, 16, 32))]


@pytest.mark.parametrize("arch, norm", [
    *product(("resnet18", "efficientnet_lite2", MOBILE), ("frozen", "group")),
    ("efficientnet_b3", "group"), ("timm/convnext_atto", "frozen"),
])  # fmt: skip
def test_every_kind_of_encoder_learns_is_saved_and_loaded(arch, norm):
    """Frozen BatchNorms stay as they are, everything else learns, from one image of odd sides."""
    torch.manual_seed(0)
    network, image = make_network(arch=arch, encoder_norm=norm).train(), torch.rand(1, 3, 97, 67)
    frozen = {f"encoder.{n}": part for n, part in network.encoder.named_modules() if isinstance(part, nn.BatchNorm2d)}
    assert bool(frozen) == (norm == "frozen" and "convnext" not in arch)
    assert not any(part.training for part in frozen.values())  # which would change the statistics
    logits = network(image)
    assert (logits["mask"].shape, logits["connectivity"].shape) == ((1, 1, 97, 67), (1, 8, 97, 67))
    ran_loss(logits, *(torch.rand(2, 1, 1, 97, 67) < 0.5).float()).backward()
    for name, parameter in network.named_parameters():
        learns = name.rpartition(".")[0] not in frozen
        assert (parameter.grad is not None) == parameter.requires_grad == learns, name
        assert not learns or parameter.grad.isfinite().all(), name
    again = make_network(**network.options)
    again.load_state_dict(load(save(network.state_dict())))
    with torch.no_grad():
        assert torch.equal(network.eval()(image)["mask"], again.eval()(image)["mask"])


def test_depthwise_convolutions_alone_compute_in_full_precision_with_bf16():
    encoder, kinds = Encoder("efficientnet_lite2"), set()
    for part in encoder.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda part, _, out: kinds.add((part.groups > 1, out.dtype)))
    with torch.autocast("cpu", torch.bfloat16):
        encoder(torch.rand(1, 3, 64, 64))
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


@pytest.mark.slow
def test_lite2_is_timms_bit_for_bit():
    timm = pytest.importorskip("timm")
    peer = timm.create_model("tf_efficientnet_lite2", features_only=True, out_indices=(1, 2, 3, 4)).eval()
    encoder = Encoder("efficientnet_lite2").eval()
    for own, theirs in zip(encoder.backbone.parameters(), peer.parameters(), strict=True):
        if own.ndim == 4:  # drawn from the same distribution
            assert own.std().item() == pytest.approx(theirs.std().item(), rel=0.3)
    encoder.backbone.load_state_dict(peer.state_dict())
    for height, width in ((64, 64), (97, 131), (31, 33)):
        image = 30 * torch.randn(2, 3, height, width)  # beyond what ReLU6 lets pass
        with torch.no_grad():
            assert all(torch.equal(a, b) for a, b in zip(encoder(image), peer(image)))


def test_group_norm_takes_the_place_of_batch_norm_alone_in_timm(monkeypatch):
    """Where it is the identity, as fresh BatchNorms are, the features are those of the frozen network."""
    monkeypatch.setattr("ran.model.layers.group_norm", lambda channels: nn.Identity())
    features = []
    for norm in ("frozen", "group"):
        torch.manual_seed(0)
        features.append(Encoder(MOBILE, norm).eval()(torch.rand(1, 3, 64, 64)))
    assert all(torch.allclose(a, b, atol=0.01 * float(a.abs().max())) for a, b in zip(*features, strict=True))
