"""`info`: what each network costs, beside the reference."""

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..model import make_network
from ..utils.tool_options import InfoOptions


def run(options: InfoOptions) -> None:
    print(table(options))


def table(options: InfoOptions) -> str:
    """Markdown table of parameters and multiply-adds, a line an encoder."""
    lines = [
        f"| encoder | parameters | encoder alone | multiply-adds at {options.img_size} x {options.img_size} |",
        "| --- | --- | --- | --- |",
    ]
    for arch in options.arch:
        total, encoder, gmac = cost(arch, options.img_size, options.decoder)
        name = arch if options.decoder == "paper" else f"{arch}, {options.decoder} decoder"
        lines.append(f"| {name} | {total:.2f} M | {encoder:.2f} M | {gmac:.2f} G |")
    return "\n".join(lines)


def cost(arch: str, img_size: int, decoder: str = "paper", **parts: Any) -> tuple[float, ...]:
    """Parameters in millions, of the network and of its encoder, and 10^9 multiply-adds for one image.

    Nothing is computed: the network lives on the meta device.

    Args:
        parts: attention and connectivity, as in train.
    """
    with torch.device("meta"):
        network = make_network(decoder, arch=arch, **parts).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.rand(1, 3, img_size, img_size))
    total, encoder = (sum(p.numel() for p in part.parameters()) / 1e6 for part in (network, network.encoder))
    return total, encoder, counter.get_total_flops() / 2e9
