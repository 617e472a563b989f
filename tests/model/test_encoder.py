import copy
import re
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from ran.model import ARCHS, ATTENTIONS, DECODERS, MIN_SIZE, Encoder
from ran.utils import options as config


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHS)
def test_features_have_the_stated_channels_and_strides(arch):
    encoder = Encoder(arch).eval()
    with torch.no_grad():
        features = encoder(torch.rand(1, 3, 64, 96))
    assert [tuple(f.shape) for f in features] == [
        (1, c, 64 // s, 96 // s) for c, s in zip(encoder.channels, (4, 8, 16, 32))
    ]


def test_command_line_offers_exactly_what_the_model_has():
    assert (config.ARCHS, config.MIN_SIZE) == (ARCHS, MIN_SIZE)
    assert (ATTENTIONS, tuple(DECODERS)) == (config.ATTENTIONS, config.DECODERS)


def test_unknown_arch_and_norm_are_refused_with_the_choices():
    with pytest.raises(ValueError, match="resnet18"):
        Encoder("vgg16")
    with pytest.raises(ValueError, match="frozen, group"):
        Encoder("resnet18", norm="batch")


@pytest.mark.parametrize("arch, name", [("resnet18", "layer2.0.bn1"), ("efficientnet_lite2", "blocks.2.0.bn1")])
def test_frozen_norms_stay_as_they_are_in_training(arch, name):
    encoder = Encoder(arch).train()
    norm = encoder.backbone.get_submodule(name)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    encoder(torch.rand(2, 3, 64, 64))[-1].sum().backward()
    assert not norm.training
    assert all(torch.equal(before[name], value) for name, value in norm.state_dict().items())
    assert norm.weight.grad is None
    convolutions = [part for part in encoder.modules() if isinstance(part, torch.nn.Conv2d)]
    assert all(part.weight.grad is not None for part in convolutions)


@pytest.mark.parametrize("arch", ["resnet18", "efficientnet_b3", "efficientnet_lite2"])
def test_group_norm_encoder_has_no_batch_norm(arch):
    encoder = Encoder(arch, "group")
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in encoder.modules())
    assert all(f.isfinite().all() for f in encoder(torch.rand(1, 3, 64, 64)))


def test_depthwise_convolutions_compute_in_full_precision():
    """In training by bf16 on a CPU; the rest of the encoder computes in bf16, and a copy is a network of its own."""
    encoder = Encoder("efficientnet_lite2")
    kinds = {}
    for name, part in encoder.named_modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(
                lambda part, _, out, name=name: kinds.update({name: (part.groups > 1, out.dtype)})
            )
    with torch.autocast("cpu", torch.bfloat16):
        encoder(torch.rand(1, 3, 64, 64))
    assert set(kinds.values()) == {(True, torch.float32), (False, torch.bfloat16)}
    copied, image = copy.deepcopy(encoder.eval()), torch.rand(1, 3, 64, 64)
    for parameter in encoder.parameters():
        parameter.data.zero_()
    assert encoder(image)[-1].eq(0).all() and not copied(image)[-1].eq(0).all()


@pytest.fixture
def torchvision_state():
    return torchvision.models.resnet18(weights=None).state_dict()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_state_dict_of_torchvision_loads_whole(tmp_path, torchvision_state, suffix):
    path = tmp_path / f"weights{suffix}"
    save_file(torchvision_state, path) if suffix == ".safetensors" else torch.save(torchvision_state, path)
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained(str(path)) == []
    assert torch.equal(encoder.backbone.conv1.weight, torchvision_state["conv1.weight"])


def test_a_state_dict_of_the_packages_of_efficientnet_lite_is_taken_by_its_order(tmp_path):
    timm = pytest.importorskip("timm")
    whole = timm.create_model("tf_efficientnet_lite2").state_dict()
    assert next(iter(whole)) == "conv_stem.weight"
    other = {"_conv_stem.weight" if key == "conv_stem.weight" else f"_{key}": value for key, value in whole.items()}
    torch.save(other, tmp_path / "lite2.pth")
    encoder = Encoder("efficientnet_lite2")
    assert encoder.load_pretrained(str(tmp_path / "lite2.pth")) == []
    own = encoder.backbone.state_dict()
    assert all(torch.equal(own[key], whole[key]) for key in own)


@pytest.mark.slow
def test_lite2_is_timms_bit_for_bit():
    timm = pytest.importorskip("timm")
    peer = timm.create_model("tf_efficientnet_lite2", features_only=True, out_indices=(1, 2, 3, 4)).eval()
    encoder = Encoder("efficientnet_lite2").eval()
    encoder.backbone.load_state_dict(peer.state_dict())
    for height, width in ((64, 64), (97, 131), (31, 33)):
        image = torch.rand(2, 3, height, width)
        with torch.no_grad():
            assert all(torch.equal(a, b) for a, b in zip(encoder(image), peer(image)))


def test_imagenet_weights_of_lite2_are_taken_from_the_same_place(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "HASH_REGEX", re.compile("no hash in (a name)"))
    (tmp_path / "checkpoints").mkdir()
    state = Encoder("efficientnet_lite2").backbone.state_dict()
    torch.save(state, tmp_path / "checkpoints/tf_efficientnet_lite2-dcccb7df.pth")
    encoder = Encoder("efficientnet_lite2")
    assert encoder.load_pretrained("imagenet") == []
    assert torch.equal(encoder.backbone.conv_stem.weight, state["conv_stem.weight"])


def test_missing_layers_are_named_and_their_norms_forget_their_statistics(tmp_path, torchvision_state):
    for name, value in torchvision_state.items():
        if name.endswith("running_mean"):
            value.fill_(3.0)
    del torchvision_state["layer4.0.conv2.weight"]
    torch.save(torchvision_state, tmp_path / "partial.pth")
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained(str(tmp_path / "partial.pth")) == ["layer4.0.conv2.weight"]
    block = encoder.backbone.layer4[0]
    assert block.bn2.running_mean.eq(0).all()
    for kept in (block.bn1, block.downsample[1], encoder.backbone.layer4[1].bn1):
        assert kept.running_mean.eq(3).all()
    assert isinstance(block.bn2, torch.nn.BatchNorm2d)


def test_imagenet_weights_are_taken_from_where_torchvision_puts_them(tmp_path, monkeypatch, torchvision_state):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    torch.save(torchvision_state, tmp_path / "checkpoints" / url.rsplit("/", 1)[1])
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained("imagenet") == []
    assert torch.equal(encoder.backbone.conv1.weight, torchvision_state["conv1.weight"])


def test_without_network_the_message_names_file_and_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(FileNotFoundError) as error:
        Encoder("resnet18").load_pretrained("imagenet")
    assert torchvision.models.ResNet18_Weights.DEFAULT.url in str(error.value)
    assert str(tmp_path / "checkpoints") in str(error.value)


def test_weights_of_something_else_are_refused(tmp_path, torchvision_state):
    with pytest.raises(FileNotFoundError, match="nowhere.pth"):
        Encoder("resnet18").load_pretrained(str(tmp_path / "nowhere.pth"))
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(ValueError, match="text.pth: not a readable weights file"):
        Encoder("resnet18").load_pretrained(str(tmp_path / "text.pth"))
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="none of its layers"):
        Encoder("resnet18").load_pretrained(str(tmp_path / "other.pth"))
    for inner in (torch.zeros(1), [1]):  # what is called state_dict is none
        torch.save({"state_dict": inner}, tmp_path / "other.pth")
        with pytest.raises(ValueError, match="none of its layers"):
            Encoder("resnet18").load_pretrained(str(tmp_path / "other.pth"))
    torch.save(torchvision_state, tmp_path / "resnet18.pth")
    with pytest.raises(ValueError, match="not weights of a resnet50 encoder, it has other layers"):
        Encoder("resnet50").load_pretrained(str(tmp_path / "resnet18.pth"))
    torch.save(torchvision.models.resnet34(weights=None).state_dict(), tmp_path / "resnet34.pth")
    with pytest.raises(ValueError, match="not weights of a resnet18 encoder, it has other layers: layer1.2.conv1"):
        Encoder("resnet18").load_pretrained(str(tmp_path / "resnet34.pth"))


class Bomb:
    def __reduce__(self):
        return (open, ("exploded", "w"))


def test_weights_are_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ValueError, match="not a readable weights file"):
        Encoder("resnet18").load_pretrained(str(tmp_path / "bomb.pth"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    url = torchvision.models.ResNet18_Weights.DEFAULT.url
    torch.save({"conv1.weight": Bomb()}, tmp_path / "checkpoints" / url.rsplit("/", 1)[1])
    with pytest.raises(FileNotFoundError, match="could not be downloaded or read"):
        Encoder("resnet18").load_pretrained("imagenet")
    assert not (tmp_path / "exploded").exists()


PARTIAL = Path(__file__).parents[3] / "shared/weights/resnet18_imagenet_partial.pth"


@pytest.mark.skipif(not PARTIAL.is_file(), reason="the partial ImageNet weights are not here")
def test_folded_partial_weights_leave_the_features_in_scale():
    encoder = Encoder("resnet18").eval()
    assert encoder.load_pretrained(str(PARTIAL)) == [f"layer4.{b}.conv{c}.weight" for b in (0, 1) for c in (1, 2)]
    torch.manual_seed(0)
    with torch.no_grad():
        features = encoder(torch.randn(2, 3, 128, 128))
    assert all(0.02 < f.std() < 5 for f in features)
