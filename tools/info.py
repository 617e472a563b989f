"""`info`: what each network costs, beside the reference."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..evaluation.tables import markdown_table
from ..model import make_network
from ..utils.options import IMG_SIZE
from .options import InfoOptions


def run(options: InfoOptions) -> None:
    print(table({arch: {"arch": arch} for arch in options.arch}))


def table(networks: dict[str, dict]) -> str:
    """Markdown table of parameters in millions, and 10^9 multiply-adds for one image; nothing is computed.

    Args:
        networks: arguments of make_network by the name that a line has.
    """
    rows = [["encoder", "parameters", "encoder alone", f"multiply-adds at {IMG_SIZE} x {IMG_SIZE}"]]
    for name, parts in networks.items():
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            network = make_network(**parts).eval()
            network(torch.rand(1, 3, IMG_SIZE, IMG_SIZE))
        total, encoder = (sum(p.numel() for p in part.parameters()) / 1e6 for part in (network, network.encoder))
        rows.append([name, f"{total:.2f} M", f"{encoder:.2f} M", f"{counter.get_total_flops() / 2e9:.2f} G"])
    return markdown_table(rows)
