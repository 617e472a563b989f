"""The network. Knows torch and torchvision, and nothing of this repository outside the folder."""

from .attention import ATTENTIONS
from .encoder import ARCHS, Encoder
from .network import DECODERS, MIN_SIZE, RAN

__all__ = ["ARCHS", "ATTENTIONS", "DECODERS", "MIN_SIZE", "RAN", "Encoder"]
