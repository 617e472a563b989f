"""RAN, the relation-aware network for defocus blur detection (Wang, Huang, Han, Xu, ACAIT 2023)."""

import torch
from torch import nn

from .aggregation import MFA
from .attention import RSA
from .connectivity import ECC
from .encoder import Encoder
from .layers import resize_like
from .rfb import RFB

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MIN_SIZE = 32
OVERSHOOT = 0.25  # beyond [0, 1], as bicubic resizing leaves it at edges


class RAN(nn.Module):
    """Encoder, receptive field blocks, two separated attentions, the mask decoder and the connectivity head.

    Args:
        arch, encoder_norm: see Encoder. attention: see RSA. connectivity: whether there is a connectivity head.

    Input: image, N x 3 x H x W, RGB, floats in [0, 1]; H, W >= 32 (in training, where a BatchNorm needs two values a
    channel, more than 32 or N >= 2). It is normalised inside. Any other shape, type or range is a ValueError.

    Output: a dict of logits (the probabilities are their sigmoid).

    - "mask": N x 1 x H x W, high = in focus.
    - "connectivity": N x 8 x H x W, high = the pixel and its neighbour in that direction both lie on the contour.
      Without a connectivity head, or with mask_only, this key is missing.
    """

    decoder = "paper"
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        arch: str = "resnet50",
        encoder_norm: str = "frozen",
        attention: str = "separated",
        connectivity: bool = True,
    ):
        super().__init__()
        self.options: dict[str, str | bool] = {"arch": arch, "encoder_norm": encoder_norm, "attention": attention}
        self.options |= {"connectivity": connectivity, "decoder": self.decoder}
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        self.encoder = Encoder(arch, encoder_norm)
        c1, c2, c3, c4 = self.encoder.channels
        self.rfb2, self.rfb3, self.rfb4 = RFB(c2, 32), RFB(c3, 64), RFB(c4, 128)
        self.rsa3, self.rsa4 = RSA(64, 32, attention), RSA(128, 64, attention)
        self.mfa = MFA((32, 64, 128))
        if connectivity:
            self.reduce1 = nn.Conv2d(c1, 32, 1)
            self.ecc = ECC((128, 64, 32, 32))
        for name, part in self.named_children():
            if name != "encoder":
                part.apply(keep_variance)

    def forward(self, image: torch.Tensor, mask_only: bool = False) -> dict[str, torch.Tensor]:
        f1, x2, x3, x4, y3, y4 = self.relate(image)
        logits = {"mask": self.mfa(x2, y3, y4)[0]}
        if self.options["connectivity"] and not mask_only:
            logits["connectivity"] = self.ecc(x4, x3, x2, self.reduce1(f1))[0]
        return {head: resize_like(values, image) for head, values in logits.items()}

    def relate(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What both heads read: f1 of the encoder, x2, x3, x4 of the receptive fields, y3 and y4 of the attentions."""
        self._check(image)
        f1, f2, f3, f4 = self.encoder((image - self.mean) / self.std)
        x2, x3, x4 = self.rfb2(f2), self.rfb3(f3), self.rfb4(f4)
        return f1, x2, x3, x4, self.rsa3(x3, x2), self.rsa4(x4, x3)

    def _check(self, image: torch.Tensor) -> None:
        if image.ndim != 4 or image.shape[1] != 3 or min(image.shape[-2:]) < MIN_SIZE:
            raise ValueError(
                f"expected N x 3 x H x W with H, W >= {MIN_SIZE}, got {' x '.join(map(str, image.shape))}: "
                "resize the image, or add the batch dimension with image[None]"
            )
        expected = "expected RGB as floats in [0, 1], bytes divided by 255,"
        if not image.is_floating_point():
            raise ValueError(f"{expected} got {image.dtype}")
        if torch.compiler.is_compiling() or torch.jit.is_tracing() or image.is_meta:  # there are no values
            return
        low, high = map(float, image.detach().aminmax())
        if not -OVERSHOOT <= low <= high <= 1 + OVERSHOOT:
            raise ValueError(f"{expected} got values from {low:.3g} to {high:.3g}")


def keep_variance(module: nn.Module) -> None:
    """Starts a convolution so that it keeps its input's variance: PyTorch's default divides it by 3 at each layer."""
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        nn.init.zeros_(module.bias)
