"""`info`: what each network costs, beside the reference."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..model import make_network
from ..utils.options import IMG_SIZE
from .options import InfoOptions


def run(options: InfoOptions) -> None:
    print(table(options.arch))


def table(archs: list[str]) -> str:
    """Markdown table of parameters and multiply-adds, a line an encoder."""
    lines = [
        f"| encoder | parameters | encoder alone | multiply-adds at {IMG_SIZE} x {IMG_SIZE} |",
        "| --- | --- | --- | --- |",
    ]
    for arch in archs:
        lines.append(line(arch, arch))
    return "\n".join(lines)


def line(name: str, arch: str, **parts: Any) -> str:
    """A line of the table, under a name; see cost."""
    total, encoder, gmac = cost(arch, IMG_SIZE, **parts)
    return f"| {name} | {total:.2f} M | {encoder:.2f} M | {gmac:.2f} G |"


def cost(arch: str, img_size: int, **parts: Any) -> tuple[float, ...]:
    """Parameters in millions, of the network and of its encoder, and 10^9 multiply-adds for one image.

    Nothing is computed: the network lives on the meta device.

    Args:
        parts: attention, connectivity and decoder, as in train.
    """
    with torch.device("meta"):
        network = make_network(arch=arch, **parts).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.rand(1, 3, img_size, img_size))
    total, encoder = (sum(p.numel() for p in part.parameters()) / 1e6 for part in (network, network.encoder))
    return total, encoder, counter.get_total_flops() / 2e9
