"""The network. Knows torch and torchvision, and nothing of this repository outside the folder."""

from .attention import ATTENTIONS
from .encoder import ARCHS, Encoder
from .fine import FineRAN
from .network import MIN_SIZE, RAN

DECODERS = {network.decoder: network for network in (RAN, FineRAN)}


def make_network(decoder: str = "paper", **options) -> RAN:
    """A network by the name of its decoder; the other options are those of RAN."""
    if decoder not in DECODERS:
        raise ValueError(f"decoder {decoder!r}: choose one of {', '.join(DECODERS)}")
    return DECODERS[decoder](**options)


__all__ = ["ARCHS", "ATTENTIONS", "DECODERS", "MIN_SIZE", "RAN", "Encoder", "FineRAN", "make_network"]
