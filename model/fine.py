"""The fine decoder: ours, on top of the paper's network."""

from fnmatch import fnmatch

import torch
from torch import nn

from .layers import conv, group_norm, resize_like, use_group_norm
from .network import RAN, keep_variance

# The convolutions of the paper's network that GroupNorm and ReLU follow.
NORMED = ("rfb?.merge", "rfb?.branches.0", "rfb?.branches.?.3", "rsa?.normal", "rsa?.reverse", "mfa.y?_gates_??",
          "mfa.carry_??", "mfa.merge?", "ecc.narrow.?", "ecc.join.?")  # fmt: skip


class FineRAN(RAN):
    """RAN with GroupNorm and ReLU in its decoder, and a mask at stride 4 refined by the connectivity head's features.

    Arguments, input and output are those of RAN; without a connectivity head it is a ValueError.
    """

    decoder = "fine"

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if not self.options["connectivity"]:
            raise ValueError("decoder 'fine' needs the connectivity head")
        for name, layer in [*self.named_modules()]:
            if isinstance(layer, nn.Conv2d) and any(fnmatch(name, pattern) for pattern in NORMED):
                self.set_submodule(name, _normed(layer))
        for attention in (self.rsa3, self.rsa4):
            use_group_norm(attention)  # what a BatchNorm gives depends on the batch
        self.refinement = Refinement(32 + 64 + 128, 32)

    def forward(self, image: torch.Tensor, mask_only: bool = False) -> dict[str, torch.Tensor]:
        f1, x2, x3, x4, y3, y4 = self.relate(image)
        coarse, aggregated = self.mfa(x2, y3, y4)
        connectivity, contour = self.ecc(x4, x3, x2, self.reduce1(f1))
        logits = {"mask": self.refinement(coarse, aggregated, contour)}
        if not mask_only:
            logits["connectivity"] = connectivity
        return {head: resize_like(values, image) for head, values in logits.items()}


class Refinement(nn.Module):
    """Corrects the mask of stride 8 with the connectivity head's features at stride 4.

    Input: mask logits of h x w and the features behind them; the connectivity head's c features of H x W. Output: mask
    logits, N x 1 x H x W.
    """

    def __init__(self, aggregated_channels: int, c: int):
        super().__init__()
        self.narrow = _normed(conv(aggregated_channels, c))
        self.join = _normed(conv(2 * c, c))
        self.classify = conv(c, 1)
        self.apply(keep_variance)

    def forward(self, mask: torch.Tensor, aggregated: torch.Tensor, contour: torch.Tensor) -> torch.Tensor:
        joined = self.join(torch.cat([resize_like(self.narrow(aggregated), contour), contour], dim=1))
        return resize_like(mask, contour) + self.classify(joined)


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, group_norm(convolution.out_channels), nn.ReLU())
