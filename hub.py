"""Weights as the Hugging Face Hub shares them. Needs huggingface_hub; nothing else of this repository does."""

from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelCard, ModelCardData, ModelHubMixin, hf_hub_download

from .predictor_torch import TorchPredictor, load_network
from .utils.checkpoint import save_weights

FILE = "model.safetensors"
CARD = """---
{head}
---

# RAN: which part of a photograph is in focus?

A relation-aware network for defocus blur detection: for every pixel the probability of being in focus.

```python
from ran.hub import HubPredictor  # pip install . in a copy of RAN's repository

focus_map = HubPredictor.from_pretrained("USER/NAME")("photo.jpg")  # H x W float32, 0 to 1
```

| what | value |
| --- | --- |
{rows}
"""


class HubPredictor(
    TorchPredictor,
    ModelHubMixin,
    library_name="ran",
    pipeline_tag="image-segmentation",
    tags=["defocus-blur-detection"],
):
    """A Predictor with from_pretrained, save_pretrained and push_to_hub.

    `HubPredictor.from_pretrained("user/name")` downloads (once), `HubPredictor.from_pretrained("folder")` reads a
    folder that save_pretrained wrote; both take load_model's device, amp and compile. The file is like those of `train`
    and `release`, with the recipe in its metadata: `test --model_path folder/model.safetensors` takes it as well.
    """

    def _save_pretrained(self, save_directory: Path) -> None:
        save_weights(Path(save_directory) / FILE, self.network.state_dict(), self.metadata)

    def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
        """What the weights say of themselves: network, pictures, training and scores."""
        network, known = self.network.options, {"epoch": "unknown", "hardware": "unknown"} | self.metadata
        rows = {
            "network": f"{network['arch']}, decoder {network['decoder']}",
            "pictures": f"{self.img_size} px, squeezed to a square",
            "trained on": ", ".join(self.metadata.get("datasets", ())) or "not recorded",
            "training": "{epoch} epochs, on {hardware}".format_map(known),
            **{f"MAE on {name}": f"{totals['mae']:.4f}" for name, totals in self.metadata.get("scores", {}).items()},
        }
        data = ModelCardData(library_name="ran", pipeline_tag="image-segmentation", tags=["defocus-blur-detection"])
        lines = "\n".join(f"| {what} | {value} |" for what, value in rows.items())
        return ModelCard(CARD.format(head=data.to_yaml(), rows=lines))

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision=None,
        cache_dir=None,
        force_download=False,
        local_files_only=False,
        token=None,
        device: str | torch.device = "auto",
        amp: str = "off",
        compile: bool = False,
        **_,
    ) -> "HubPredictor":
        path: str | Path = Path(model_id) / FILE
        if not Path(model_id).is_dir():
            path = hf_hub_download(
                model_id,
                FILE,
                revision=revision,
                cache_dir=cache_dir,
                token=token,
                force_download=force_download,
                local_files_only=local_files_only,
            )
        return cls(*load_network(path), device, amp, compile)
