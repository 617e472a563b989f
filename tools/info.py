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
    head = f"| encoder | parameters | encoder alone | multiply-adds at {IMG_SIZE} x {IMG_SIZE} |"
    return "\n".join([head, "| --- | --- | --- | --- |", *(line(arch, arch) for arch in archs)])


def line(name: str, arch: str, **parts: Any) -> str:
    """A line of the table, under a name: parameters in millions, 10^9 multiply-adds for one image.

    Nothing is computed: the network lives on the meta device.

    Args:
        parts: attention, connectivity and decoder, as in train.
    """
    with torch.device("meta"):
        network = make_network(arch=arch, **parts).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.rand(1, 3, IMG_SIZE, IMG_SIZE))
    total, encoder = (sum(p.numel() for p in part.parameters()) / 1e6 for part in (network, network.encoder))
    return f"| {name} | {total:.2f} M | {encoder:.2f} M | {counter.get_total_flops() / 2e9:.2f} G |"
