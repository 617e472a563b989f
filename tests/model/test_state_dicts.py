"""Weights of an encoder as others save them, and files that are none."""

import re
from types import SimpleNamespace

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from ran.model import Encoder
from ran.model.encoder import tensor_names
from ran.utils.checkpoint import fresh_network
from ran.utils.options import TrainConfig


@pytest.fixture(scope="module")
def resnet18() -> dict[str, torch.Tensor]:
    """Torchvision's state dict, with every number random."""
    torch.manual_seed(3)
    state = torchvision.models.resnet18(weights=None).state_dict()
    return {name: torch.rand_like(v) + 0.5 if "conv" not in name and v.ndim == 1 else v for name, v in state.items()}


def load(state, folder, arch="resnet18"):
    """A fresh encoder that read the state from a file, and what this lacked."""
    torch.save(state, folder / "w.pth")
    encoder = Encoder(arch).eval()
    return encoder, encoder.load_pretrained(str(folder / "w.pth"))


READ = {
    "w": lambda state: state,  # as torch saves it, without a suffix
    "w.safetensors": lambda state: state,
    "module.pth": lambda state: {f"module.{name}": value for name, value in state.items()},
    "state_dict.ckpt": lambda state: {"state_dict": state, "epoch": 3},
    "model.pt": lambda state: {"ema": {name: value * 0 for name, value in state.items()}, "model": state},
}
ONE, CODE = torch.ones(1), "it holds code, perhaps a whole network: save its state_dict"
REFUSED = {
    "last.pt of a run": (lambda: {"network": {"a": ONE}, "model": {}}, "found no tensors. .*--weights"),
    "a trained network": (lambda: {"encoder.a": ONE}, "0 of the 100 .*conv1.weight.*found encoder.a.*--weights"),
    "a tensor called model": (lambda: {"model": ONE}, "0 of the 100 tensors"),
    "no state dict": (lambda: ONE, "found no tensors"),
    "a deeper network": (lambda: torchvision.models.resnet34().state_dict(), "another network than resnet18"),
    "a wider network": (lambda: torchvision.models.resnet50().state_dict(), "another network than resnet18"),
    "a whole network": (lambda: nn.Conv2d(3, 3, 1), CODE),
    "TorchScript": (lambda: torch.jit.script(nn.Conv2d(3, 3, 1)).save_to_buffer(), CODE),
    "an empty file": (lambda: b"", "not a readable"),
    "no file": (lambda: None, "no such weights file"),
}


@pytest.mark.parametrize("name", READ)
def test_weights_are_found_where_others_put_them(name, resnet18, tmp_path):
    save = save_file if name.endswith("safetensors") else torch.save
    save(READ[name](resnet18), path := tmp_path / name)
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained(str(path)) == []
    assert all(torch.equal(value, resnet18[name]) for name, value in encoder.backbone.state_dict().items())


@pytest.mark.parametrize("make, reason", REFUSED.values(), ids=REFUSED)
@pytest.mark.filterwarnings("ignore:.*jit.script")
def test_what_is_no_weights_is_refused_with_its_name(make, reason, tmp_path):
    path, content = tmp_path / "w.pt", make()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises((ValueError, OSError), match=f"^{re.escape(str(path))}: .*{reason}"):
        Encoder("resnet18").load_pretrained(str(path))


def test_torchvisions_weights_give_its_features_by_timm_too(tmp_path, resnet18):
    peer = torchvision.models.resnet18(weights=None).eval()
    peer.load_state_dict(resnet18)
    expected, image = [], torch.rand(2, 3, 97, 131)
    for stage in (peer.layer1, peer.layer2, peer.layer3, peer.layer4):
        stage.register_forward_hook(lambda _, __, out: expected.append(out))
    with torch.no_grad():
        peer(image)
        for arch in ("resnet18", "timm/resnet18"):
            features = load(resnet18, tmp_path, arch)[0](image)
            assert all(torch.allclose(a, b, rtol=1e-4) for a, b in zip(features, expected, strict=True))
    with pytest.raises(ValueError, match="another network than timm/resnet18"):
        load(torchvision.models.resnet34().state_dict(), tmp_path, "timm/resnet18")


@pytest.mark.parametrize("arch, library", [
    ("efficientnet_b3", ""),
    ("efficientnet_lite2", "tf_efficientnet_lite2"),
    ("timm/convnext_atto", "convnext_atto"),  # as features its stages.0 is called stages_0
    ("timm/mvitv2_tiny", "mvitv2_tiny"),  # and its stages model.stages
])  # fmt: skip
def test_a_librarys_whole_state_dict_is_taken(arch, library, tmp_path):
    network = pytest.importorskip("timm").create_model(library) if library else torchvision.models.get_model(arch)
    whole = network.state_dict()
    encoder, lacking = load(whole, tmp_path, arch)
    assert lacking == []
    own = encoder.backbone.state_dict()
    assert len(own) < len(whole) and all(map(torch.equal, own.values(), whole.values()))  # the head comes last


@pytest.mark.parametrize("arch, url", [
    ("resnet18", torchvision.models.ResNet18_Weights.DEFAULT.url),
    ("efficientnet_lite2", "https://github.com/.*/v0.1-weights/tf_efficientnet_lite2-dcccb7df.pth"),
    ("timm/resnet18", "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors"),
])  # fmt: skip
def test_imagenet_weights_are_the_librarys_or_a_message_says_what_to_fetch(arch, url, tmp_path, monkeypatch):
    timm, encoder, calls = pytest.importorskip("timm"), Encoder(arch), []
    state = {name: value + 1 for name, value in encoder.backbone.state_dict().items()}
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda _, **options: calls.append(options) or state)
    created = SimpleNamespace(state_dict=lambda: state)
    monkeypatch.setattr(timm, "create_model", lambda _, **options: calls.append(options) or created)
    assert encoder.load_pretrained("imagenet") == []
    assert all(torch.equal(value, state[name]) for name, value in encoder.backbone.state_dict().items())
    of_timm = {"pretrained": True, "features_only": True, "out_indices": (-4, -3, -2, -1)}
    assert calls == [of_timm if arch.startswith("timm/") else {"check_hash": True, "weights_only": True}]
    calls = None  # an error, as without a network
    with pytest.raises(FileNotFoundError, match=f"Fetch {url} and give the file with --pretrained PATH"):
        encoder.load_pretrained("imagenet")


def test_a_tenth_may_be_missing_and_norms_behind_it_forget_their_statistics(tmp_path, resnet18, capsys):
    names = [name for name in tensor_names(resnet18) if "fc" not in name]
    lacking = [name for name in names if "conv" in name][-10:]
    torch.save({name: value for name, value in resnet18.items() if name not in lacking}, path := tmp_path / "w.pth")
    network = fresh_network(TrainConfig(arch="resnet18", pretrained=str(path)))
    assert f"lacks 10 tensors, which start fresh: {', '.join(lacking)}\n" in capsys.readouterr().out
    assert torch.equal(network.encoder.backbone.conv1.weight, resnet18["conv1.weight"])
    for name, norm in network.encoder.backbone.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            fresh = [norm.running_mean.eq(0).all(), norm.running_var.eq(1).all(), norm.weight.eq(1).all()]
            assert fresh == [f"{name.replace('bn', 'conv')}.weight" in lacking] * 3
    with pytest.raises(ValueError, match=f"89 of the 100 tensors of a resnet18 encoder; expected {names[89]}, "):
        load({name: resnet18[name] for name in names[:89]}, tmp_path)
