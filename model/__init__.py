"""The network. Knows torch and torchvision, and nothing of this repository outside the folder."""

from .encoder import ARCHS, Encoder, read_state_dict
from .network import RAN

__all__ = ["ARCHS", "RAN", "Encoder", "read_state_dict"]
