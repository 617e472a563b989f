"""Weights as the Hugging Face Hub shares them. Needs huggingface_hub; nothing else of this repository does."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelHubMixin, snapshot_download

from .photos.formats import read_pixels
from .predictor import TorchPredictor
from .utils.checkpoint import load_network, save_weights
from .utils.weight_files import SHARED

TAGS: dict[str, Any] = {"library_name": "ran", "pipeline_tag": "image-segmentation", "tags": ["defocus-blur-detection"]}
CARD = """---
{{ card_data }}
---

# RAN: which part of the image is in focus?

A relation-aware network for defocus blur detection: for every pixel the probability of being in focus. config.json
says which network this is, and how it was trained.

```python
from ran.hub import HubPredictor  # pip install . in a copy of RAN's repository

focus_map = HubPredictor.from_pretrained("USER/NAME")("photo.jpg")  # H x W float32, 0 to 1
```
"""


class HubPredictor(TorchPredictor, ModelHubMixin, model_card_template=CARD, **TAGS):
    """A Predictor with from_pretrained, save_pretrained and push_to_hub.

    `from_pretrained("user/name")` downloads once; `from_pretrained("folder")` reads a folder that save_pretrained
    wrote, as `ran.load_model("folder")` does. Both take load_model's device, which is not stored.
    """

    read = staticmethod(read_pixels)

    def __init__(self, network: Any, metadata: dict, device: Any = "auto"):
        super().__init__(network, metadata, device)
        # What the mixin writes as config.json; by itself it would store the device of this machine.
        training = {key: metadata.get(key) for key in ("datasets", "epoch", "hardware")}
        self._hub_mixin_config = {"network": network.options, "img_size": self.img_size, "training": training}

    def _save_pretrained(self, save_directory: Path) -> None:
        save_weights(Path(save_directory) / SHARED, self.network.state_dict(), self.metadata)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, device: Any = None, **others: Any) -> "HubPredictor":
        folder = Path(model_id)
        if not folder.is_dir():
            known = ("revision", "cache_dir", "force_download", "local_files_only", "token")
            download = {key: others[key] for key in known}
            folder = Path(snapshot_download(model_id, allow_patterns=SHARED, **download))
        return cls(*load_network(folder), device)
