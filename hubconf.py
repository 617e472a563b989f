"""torch.hub: torch.hub.load(FOLDER, "ran", source="local"), or torch.hub.load("OWNER/NAME", "ran") from GitHub."""

import sys
from pathlib import Path
from typing import Any

dependencies = ["cv2", "numpy", "PIL", "safetensors", "torch", "torchvision"]


def ran(weights: str = "ran_photos", device: Any = "auto"):
    """A Predictor: called with an image (a path, an array, a Pillow image ...) it returns its focus map.

    Args:
        weights: name of a shipped model, or a path. device: where it computes; see predictor.load_model for both.
    """
    if "ran" not in sys.modules:  # this folder is the package, whatever torch.hub called it
        sys.path.insert(0, str(Path(__file__).parent / "utils" / "checkout"))
    from ran import load_model

    return load_model(weights, device)
