"""Encoder: ImageNet backbones of torchvision as feature pyramids at strides 4, 8, 16 and 32."""

from pathlib import Path

import torch
import torchvision
from torch import nn

from .layers import group_norm

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d")
ARCHS = (*RESNETS, "efficientnet_b3")
# EfficientNet-B3 stages whose outputs have strides 4, 8, 16 and 32 and 32, 48, 136 and 384 channels.
EFFICIENTNET_TAPS = (2, 3, 5, 7)
NORMS = ("frozen", "group")


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm with the statistics, gain and bias it was pretrained with: a batch of 2 would ruin them."""

    def __init__(self, channels: int, **options):
        super().__init__(channels, **options)
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> "FrozenBatchNorm2d":
        return super().train(False)


class Encoder(nn.Module):
    """Four feature maps of a torchvision backbone.

    Args:
        arch: one of ARCHS.
        norm: "frozen" (BatchNorm that keeps its pretrained statistics) or "group" (GroupNorm, from scratch).

    Input: N x 3 x H x W, normalised with ImageNet's mean and deviation. Output: f1..f4, N x channels[i] x H/s x W/s
    (rounded up) at strides s = 4, 8, 16, 32.
    """

    def __init__(self, arch: str = "resnet50", norm: str = "frozen"):
        super().__init__()
        if arch not in ARCHS:
            raise ValueError(f"unknown arch {arch!r}: choose one of {', '.join(ARCHS)}")
        if norm not in NORMS:
            raise ValueError(f"unknown encoder norm {norm!r}: choose one of {', '.join(NORMS)}")
        norm_layer = FrozenBatchNorm2d if norm == "frozen" else group_norm
        self.arch = arch
        backbone = getattr(torchvision.models, arch)(weights=None, norm_layer=norm_layer)
        # Submodules keep torchvision's names, so that its state dicts fit as they are.
        if arch in RESNETS:
            del backbone.avgpool, backbone.fc
            widths = (64, 128, 256, 512)
            expansion = backbone.layer1[0].expansion
            self.channels = tuple(width * expansion for width in widths)
        else:
            backbone.features = backbone.features[: EFFICIENTNET_TAPS[-1] + 1]
            del backbone.avgpool, backbone.classifier
            self.channels = (32, 48, 136, 384)
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        net = self.backbone
        if self.arch in RESNETS:
            x = net.maxpool(net.relu(net.bn1(net.conv1(image))))
            features = []
            for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
                x = stage(x)
                features.append(x)
            return features
        features, x = [], image
        for index, stage in enumerate(net.features):
            x = stage(x)
            if index in EFFICIENTNET_TAPS:
                features.append(x)
        return features

    def load_pretrained(self, source: str) -> list[str]:
        """Loads ImageNet weights into an encoder with frozen norms.

        Args:
            source: "imagenet" (torchvision's own weights, downloaded once) or the path of a state dict with
                torchvision's names (.safetensors, .pth, .pt); layers outside the encoder are passed over.

        Returns:
            Names of the parameters that the source lacks. They start fresh, each BatchNorm behind one as the identity.

        Raises:
            FileNotFoundError: no such file, or nothing could be downloaded; says what to fetch and where to put it.
            ValueError: the file holds no weights for this encoder, or weights of other shapes.
        """
        state = _imagenet_state(self.arch) if source == "imagenet" else read_state_dict(source)
        own = self.backbone.state_dict()
        known = {k: v for k, v in state.items() if k in own}
        wrong = [k for k in known if known[k].shape != own[k].shape]
        deeper = [k for k in state if k.startswith("layer") and k not in own]
        if wrong or deeper or not known:
            what = "none of its layers"
            if wrong or deeper:
                what = f"other layers: {', '.join((wrong + deeper)[:4])}"
            raise ValueError(f"{source}: not weights of a {self.arch} encoder, it has {what}")
        self.backbone.load_state_dict(known, strict=False)
        lacking = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
        for norm in _norms_behind(self.backbone, lacking):
            norm.reset_parameters()  # the identity: the stored statistics describe another convolution
        return lacking


def _norms_behind(backbone: nn.Module, lacking: list[str]) -> list[FrozenBatchNorm2d]:
    """Frozen norms fed by a convolution named in `lacking`: torchvision registers each norm next to its convolution."""
    norms, fresh = [], False
    for name, module in backbone.named_modules():
        if isinstance(module, nn.Conv2d):
            fresh = f"{name}.weight" in lacking
        elif isinstance(module, FrozenBatchNorm2d) and fresh:
            norms.append(module)
    return norms


def _imagenet_state(arch: str) -> dict[str, torch.Tensor]:
    weights = torchvision.models.get_model_weights(arch).DEFAULT
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except Exception as error:  # no network, a broken download, a damaged or hostile file in the folder
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise FileNotFoundError(
            f"the ImageNet weights of {arch} could not be downloaded or read ({str(error).splitlines()[0]}).\n"
            f"Fetch {weights.url}\nand put it into {folder}/, or give your own file with --pretrained PATH, "
            "or train from scratch with --pretrained none."
        ) from None


def read_state_dict(path: str | Path) -> dict[str, torch.Tensor]:
    """Reads tensors by name from a .safetensors file or a torch file, without ever unpickling code."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise many kinds for a damaged or hostile file
        raise ValueError(f"{path}: not a readable weights file ({str(error).splitlines()[0]})") from None
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
