"""Weights as the Hugging Face Hub shares them. Needs huggingface_hub; nothing else of this repository does."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData, ModelHubMixin, snapshot_download

from .photos.formats import read_pixels
from .predictor import TorchPredictor
from .utils.checkpoint import load_network, save_weights
from .utils.weight_files import SHARED

TAGS: dict[str, Any] = {"library_name": "ran", "pipeline_tag": "image-segmentation", "tags": ["defocus-blur-detection"]}
CARD = """---
{head}
---

# RAN: which part of the image is in focus?

A relation-aware network for defocus blur detection: for every pixel the probability of being in focus.

```python
from ran.hub import HubPredictor  # pip install . in a copy of RAN's repository

focus_map = HubPredictor.from_pretrained("USER/NAME")("photo.jpg")  # H x W float32, 0 to 1
```

| what | value |
| --- | --- |
| network | {arch}, decoder {decoder} |
| input | {side} x {side} px, resized without regard to the aspect |
| trained on | {data} |
| training | {epoch} epochs, on {hardware} |
"""


class HubPredictor(TorchPredictor, ModelHubMixin, **TAGS):
    """A Predictor with from_pretrained, save_pretrained and push_to_hub.

    `from_pretrained("user/name")` downloads once; `from_pretrained("folder")` reads a folder that save_pretrained
    wrote, as `ran.load_model("folder")` does. Both take load_model's device, which is not stored.
    """

    read = staticmethod(read_pixels)

    def __init__(self, network: Any, metadata: dict, device: Any = "auto"):
        super().__init__(network, metadata, device)
        # What the mixin writes as config.json; by itself it would store the device of this machine.
        self._hub_mixin_config = {"network": network.options, "img_size": self.img_size}

    def _save_pretrained(self, save_directory: Path) -> None:
        save_weights(Path(save_directory) / SHARED, self.network.state_dict(), self.metadata)

    def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
        """A card with network, input size and training."""
        about = {"epoch": "?", "hardware": "?", "datasets": ()} | self.metadata | self.network.options
        data = ", ".join(about["datasets"]) or "not recorded"
        head = ModelCardData(**TAGS).to_yaml()
        return ModelCard(CARD.format_map(about | {"head": head, "data": data, "side": self.img_size}))

    @classmethod
    def _from_pretrained(cls, *, model_id: str, device: Any = None, **others: Any) -> "HubPredictor":
        folder = Path(model_id)
        if not folder.is_dir():
            known = ("revision", "cache_dir", "force_download", "local_files_only", "token")
            wanted = {key: others[key] for key in known}
            folder = Path(snapshot_download(model_id, allow_patterns=SHARED, **wanted))
        return cls(*load_network(folder), device)
