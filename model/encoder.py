"""Encoder: ImageNet backbones, most of them torchvision's, as feature pyramids at strides 4, 8, 16 and 32."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn

from .layers import outputs_of, use_group_norm
from .lite import WEIGHTS_URL, Lite2
from .state_dicts import read_state_dict

STRIDES = (4, 8, 16, 32)
LAST_FOUR = (-4, -3, -2, -1)  # of timm's features, those at these strides
NORMS = ("frozen", "group")
TIMM = "timm/"  # what the names of timm's networks begin with
LAST_NUMBER = re.compile(r"^(.*)\.\d+(?=\.)")  # in a tensor's name: that of its block


def _torchvision(arch: str) -> Any:
    import torchvision  # takes seconds, which other encoders need not wait for

    net = torchvision.models.get_model(arch)
    if hasattr(net, "features"):
        net.features = net.features[:8]  # the ninth is its head's
    for head in ("avgpool", "fc", "classifier"):
        if hasattr(net, head):
            delattr(net, head)
    return net


def _features(net: Any, image: torch.Tensor) -> list[torch.Tensor]:
    if hasattr(net, "features"):  # an EfficientNet
        return outputs_of(net.features, (2, 3, 5, 7), image)
    return outputs_of(net.children(), (4, 5, 6, 7), image)


class Backbone(NamedTuple):
    """How an encoder is made."""

    channels: tuple[int, int, int, int]  # at strides 4, 8, 16 and 32
    build: Callable[[str], nn.Module] = _torchvision  # from its name in BACKBONES
    features: Callable[[Any, torch.Tensor], list[torch.Tensor]] = _features


BACKBONES = {
    **dict.fromkeys(("resnet18", "resnet34"), Backbone((64, 128, 256, 512))),
    **dict.fromkeys(("resnet50", "resnet101", "resnet152", "resnext50_32x4d"), Backbone((256, 512, 1024, 2048))),
    "efficientnet_b3": Backbone((32, 48, 136, 384)),
    "efficientnet_lite2": Backbone((24, 48, 120, 352), lambda _: Lite2(), lambda net, image: net(image)),
}
ARCHS = tuple(BACKBONES)


def _timm(arch: str) -> Any:
    """A network of the optional package timm by its name behind timm/, tried on a small image."""
    try:
        import timm

        net: Any = timm.create_model(arch.removeprefix(TIMM), features_only=True, out_indices=LAST_FOUR)
        with torch.no_grad():
            shapes = [feature.shape for feature in net.eval()(torch.zeros(1, 3, 64, 96))]
        if shapes != [(1, c, 64 // s, 96 // s) for c, s in zip(net.feature_info.channels(), STRIDES)]:
            raise ValueError(f"1 x 3 x 64 x 96 gives {shapes}")
        return net
    except ImportError as error:
        raise ValueError(f"arch {arch} needs another package: pip install timm ({error})") from None
    except Exception as error:  # timm raises many kinds for a network that it does not have, or that cannot do this
        raise ValueError(f"arch {arch!r} gives no features at strides 4, 8, 16, 32 of any image ({error!r})") from None


class Encoder(nn.Module):
    """Four feature maps of an ImageNet backbone, whose submodules keep their library's names.

    Args:
        arch: one of ARCHS, or timm/NAME for a convolutional or hierarchical network of the package timm.
        norm: "frozen" (BatchNorms keep the statistics, gain and bias they were pretrained with: a batch of 2 would ruin
            them) or "group" (GroupNorm in their place, from scratch). Other norms, such as LayerNorm, are learned.

    Input: N x 3 x H x W, normalised with ImageNet's mean and deviation. Output: f1..f4, N x channels[i] x H/s x W/s
    (rounded up; by some networks of timm down) at strides s = 4, 8, 16, 32. What cannot be had is a ValueError.
    """

    backbone: Any

    def __init__(self, arch: str = "resnet50", norm: str = "frozen"):
        super().__init__()
        if arch not in BACKBONES and not str(arch).startswith(TIMM):
            raise ValueError(f"unknown arch {arch!r}: choose one of {', '.join(BACKBONES)}, or {TIMM}NAME")
        if norm not in NORMS:
            raise ValueError(f"unknown encoder norm {norm!r}: choose one of {', '.join(NORMS)}")
        self.arch, known = arch, BACKBONES.get(arch)
        self.backbone = known.build(arch) if known else _timm(arch)
        if norm == "group":
            use_group_norm(self.backbone)
        self.channels = known.channels if known else tuple(self.backbone.feature_info.channels())
        self.train()

    def train(self, mode: bool = True) -> "Encoder":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval().requires_grad_(False)
        return self

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        return BACKBONES[self.arch].features(self.backbone, image) if self.arch in BACKBONES else self.backbone(image)

    def load_pretrained(self, source: str) -> list[str]:
        """Loads ImageNet weights into an encoder with frozen norms; layers outside the encoder are ignored.

        Args:
            source: "imagenet" (the library's own weights, downloaded once), or a file's path, see read_state_dict.

        Returns:
            Names of the tensors that the source lacks. They start fresh, each BatchNorm behind one as the identity.

        Raises:
            FileNotFoundError: no such file, or nothing could be downloaded; says what to fetch.
            ValueError: the file lacks more than a tenth of the tensors, or has weights of another network.
        """
        own = self.backbone.state_dict()
        state = _imagenet_state(self.arch) if source == "imagenet" else read_state_dict(source)
        if self.arch.startswith(TIMM):  # as features, its networks call stages.0.x stages_0.x, or x model.x
            renamed = {key: (key, key.replace(".", "_", 1), f"model.{key}") for key in state}
            state = {next((k for k in keys if k in own), key): state[key] for key, keys in renamed.items()}
        places = {LAST_NUMBER.sub(r"\1", name) for name in own}  # an unknown name at a known place: a deeper network
        other = [key for key in state if key in own and state[key].shape != own[key].shape]
        other += [key for key in state if key not in own and LAST_NUMBER.sub(r"\1", key) in places]
        if other:
            raise ValueError(f"{source}: weights of another network than {self.arch}: {', '.join(other[:4])}")
        names = tensor_names(own)
        lacking = [name for name in names if name not in state]
        if len(lacking) > 0.1 * len(names):
            raise ValueError(
                f"{source}: {len(names) - len(lacking)} of the {len(names)} tensors of a {self.arch} encoder; "
                f"expected {', '.join(lacking[:4])} ..., found {', '.join([*state][:4]) or 'no tensors'}. "
                "Weights that `train` wrote are for --weights"
            )
        self.backbone.load_state_dict(state, strict=False)
        fresh = False
        for name, module in self.backbone.named_modules():  # each norm stands next to its convolution
            fresh = f"{name}.weight" in lacking if isinstance(module, nn.Conv2d) else fresh
            if isinstance(module, nn.BatchNorm2d) and fresh:
                module.reset_parameters()  # the identity: the stored statistics describe another convolution
        return lacking


def tensor_names(state: dict[str, torch.Tensor]) -> list[str]:
    """Names in a state dict without BatchNorm's counters."""
    return [name for name in state if not name.endswith("num_batches_tracked")]


def _imagenet_state(arch: str) -> dict[str, torch.Tensor]:
    url = "its weights"  # for a network of timm that has none
    try:
        if arch.startswith(TIMM):
            import timm

            name = arch.removeprefix(TIMM)
            config: Any = timm.get_pretrained_cfg(name)
            url = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
            return timm.create_model(name, pretrained=True, features_only=True, out_indices=LAST_FOUR).state_dict()
        import torchvision  # as above

        url = WEIGHTS_URL if arch == "efficientnet_lite2" else torchvision.models.get_model_weights(arch).DEFAULT.url
        return torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True)
    except Exception as error:  # no network, a broken download, a damaged or hostile file in torch's folder
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise FileNotFoundError(
            f"the ImageNet weights of {arch} could not be downloaded or read ({reason}). "
            f"Fetch {url} and give the file with --pretrained PATH, or train from scratch with --pretrained none"
        ) from None
