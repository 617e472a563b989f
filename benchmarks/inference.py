"""One photograph through each network at 384 x 384, beside torchvision's segmentation networks in the same run."""

import shutil

from .common import SIZE, in_child, median_seconds

TITLE = "One image, 384 x 384"


def measure(device: str, repeats: int) -> list[dict]:
    """Median seconds of one image and peak memory; compiled too where there is a compiler."""
    jobs = [("RAN resnet18", "off", False), ("RAN resnet50", "off", False), ("torchvision fcn_resnet50", "off", False),
            ("torchvision deeplabv3_resnet50", "off", False)]  # fmt: skip
    if device == "cuda":
        jobs += [(name, "bf16", False) for name, *_ in jobs[:2]]
    if device == "cuda" or shutil.which("g++"):
        jobs += [(name, "bf16" if device == "cuda" else "off", True) for name in ("RAN resnet18", "RAN resnet50")]
    rows = []
    for name, amp, compile in jobs:
        seconds, peak = in_child(image_seconds, name, device, amp, compile, repeats)
        what = name + (f", {amp}" if amp != "off" else "") + (", compiled" if compile else "")
        rows.append({"what": what, "seconds": seconds, "a second": 1 / seconds, "peak MB": peak})
    return rows


def image_seconds(name: str, device: str, amp: str, compile: bool, repeats: int) -> float:
    """Median seconds; RAN from 8-bit picture to 8-bit map at 640 x 427, the others their forward alone."""
    import torch
    import torchvision

    from model import RAN
    from predictor import Predictor

    family, arch = name.split()
    if family == "RAN":
        predictor = Predictor(RAN(arch), {"config": {"img_size": SIZE}}, torch.device(device), amp, compile)
        image = torch.randint(0, 256, (1, 3, SIZE, SIZE), dtype=torch.uint8)
        return median_seconds(lambda: predictor.maps(image, [(427, 640)]), repeats, warm_up=3)
    network = getattr(torchvision.models.segmentation, arch)(weights=None, weights_backbone=None, num_classes=1)
    network, image = network.to(device).eval(), torch.rand(1, 3, SIZE, SIZE, device=device)
    with torch.inference_mode():
        return median_seconds(lambda: network(image), repeats, warm_up=3)
