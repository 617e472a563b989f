"""One photograph through each network at 384 x 384, torchvision's segmentation networks beside ours in the same run."""

import shutil

from .common import SIZE, in_child, median_seconds

TITLE = "One image, 384 x 384, from 8-bit picture to 8-bit map"


NETWORKS = (
    "RAN resnet18",
    "RAN resnet50",
    "RAN ran_photos",
    "torchvision fcn_resnet50",
    "torchvision deeplabv3_resnet50",
    "torchvision lraspp_mobilenet_v3_large",
)


def measure(device: str, repeats: int) -> list[dict]:
    """Median seconds of one image and peak memory; compiled too where there is a compiler."""
    modes = [("off", False)] + ([("bf16", False)] if device == "cuda" else [])
    modes += [(modes[-1][0], True)] if device == "cuda" or shutil.which("g++") else []
    rows = []
    for amp, compile in modes:
        for name in NETWORKS:
            seconds, peak = in_child(image_seconds, name, device, amp, compile, repeats)
            what = name + (f", {amp}" if amp != "off" else "") + (", compiled" if compile else "")
            rows.append({"what": what, "seconds": seconds, "a second": 1 / seconds, "peak MB": peak})
    return rows


def image_seconds(name: str, device: str, amp: str, compile: bool, repeats: int) -> float:
    """Median seconds from an 8-bit picture to an 8-bit map of 640 x 427, by the predictor of this project for all."""
    import torch
    import torchvision
    from torch import nn

    from ran.model import RAN
    from ran.predictor import SHIPPED
    from ran.predictor_torch import TorchPredictor
    from ran.utils.checkpoint import load_network

    class Logits(nn.Module):
        """A segmentation network of torchvision with the call of RAN."""

        def __init__(self, network: nn.Module):
            super().__init__()
            self.network = network

        def forward(self, image: torch.Tensor, mask_only: bool = False) -> dict[str, torch.Tensor]:
            return {"mask": self.network(image)["out"]}

    family, arch = name.split()
    if family == "RAN":
        network: RAN | Logits = load_network(SHIPPED)[0] if arch == SHIPPED.stem else RAN(arch)
    else:
        peer = getattr(torchvision.models.segmentation, arch)
        network = Logits(peer(weights=None, weights_backbone=None, num_classes=1))
    metadata = {"config": {"img_size": SIZE}}
    # Ignored is that a TorchPredictor wants a RAN: a peer only stands in for one.
    predictor = TorchPredictor(network, metadata, device, amp, compile)  # type: ignore[arg-type]
    image = torch.randint(0, 256, (1, 3, SIZE, SIZE), dtype=torch.uint8)
    return median_seconds(lambda: predictor.maps(image, [(427, 640)]), repeats, warm_up=3)
