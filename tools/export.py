"""`export`: a trained network as an ONNX file, or its weights in half precision as a file to share."""

import json
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..predictor import TorchPredictor, chosen_weights
from ..utils.checkpoint import load_network, read_weights, save_weights
from ..utils.files import atomic
from ..utils.weight_files import BEST, exported, hash_of
from .options import ExportOptions

SIZES = ((1, 384, 384), (1, 250, 333), (2, 400, 512))  # batch, height and width of the inputs that are compared
TOLERANCE = 1e-4


def run(options: ExportOptions) -> None:
    """Writes the file by the one of WRITERS for its suffix, whose errors it raises."""
    weights = chosen_weights(options.model_path)
    path = Path(options.output or exported(weights))
    if path.suffix not in WRITERS:
        raise ValueError(f"--output {path}: the file name must end in {' or '.join(WRITERS)}")
    if path.suffix != ".safetensors" and options.average:
        raise ValueError("--average needs --output NAME.safetensors")
    with atomic(path) as temporary:
        WRITERS[path.suffix](temporary, weights, options)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def write_onnx(path: Path, weights: Path, options: ExportOptions) -> None:
    """Writes a graph with open batch, height and width, once it agrees with PyTorch at three sizes.

    Raises ValueError: packages are missing, or the graph computes something else.
    """
    if not all(map(find_spec, ("onnx", "onnxruntime"))):
        raise ValueError("export needs other packages: pip install onnx onnxruntime")
    import onnx
    import onnxruntime

    predictor = TorchPredictor(*load_network(weights), device="cpu")
    example = torch.zeros(2, 3, 256, 320, dtype=torch.uint8)
    sides = dict.fromkeys(("image", "probability"), {0: "batch", 2: "height", 3: "width"})
    names: dict[str, Any] = {"input_names": ["image"], "output_names": ["probability"], "dynamic_axes": sides}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the check of the input's size, and torch's newer exporter
        torch.onnx.export(Probability(predictor).eval(), (example,), str(path), opset_version=17, dynamo=False, **names)
    model = onnx.load(path)
    metadata = predictor.metadata | {"weights": hash_of(weights / BEST if weights.is_dir() else weights)}
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    compare(lambda images: session.run(None, {"image": images})[0][:, 0], predictor)
    print(f"input: image, N x 3 x H x W uint8 RGB, best {predictor.img_size} px; output: probability, N x 1 x H x W")


class Probability(torch.nn.Module):
    """Maps bytes to probabilities: scaling, normalisation and sigmoid become part of the graph."""

    def __init__(self, predictor: TorchPredictor):
        super().__init__()
        self.network = predictor.network.to(memory_format=torch.contiguous_format)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image.float() / 255, mask_only=True)["mask"].sigmoid()


def compare(target: Callable[[np.ndarray], np.ndarray], predictor: TorchPredictor) -> None:
    """Prints the largest difference of an exported network from PyTorch at each of SIZES.

    Args:
        target: maps images, N x 3 x H x W uint8, to probabilities, N x H x W.

    Raises ValueError: a difference exceeds TOLERANCE.
    """
    generator = torch.Generator().manual_seed(0)
    for batch, height, width in SIZES:
        sharp = torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8, generator=generator)
        blurred = torch.nn.functional.avg_pool2d(sharp.float(), 9, 1, 4).to(torch.uint8)
        images = torch.cat([sharp[..., : width // 2], blurred[..., width // 2 :]], dim=-1).numpy()  # both classes
        difference = abs(target(images) - predictor.probabilities(images)).max()
        print(f"{batch} x 3 x {height} x {width}: largest difference from PyTorch {difference:.1e}")
        if not difference <= TOLERANCE:
            raise ValueError(f"the exported network differs from PyTorch by {difference:.1e}, limit {TOLERANCE:.0e}")


def write_weights(path: Path, weights: Path, options: ExportOptions) -> None:
    """Writes half-precision weights; with --average the mean of several (Wortsman et al., "Model soups", ICML 2022).

    The metadata are those of the first weights, with those of the others as "averaged". Raises ValueError: another
    network or --fold than that of the first weights; values too large for float16.
    """
    paths: list[str | Path] = [weights, *options.average]
    states, abouts = zip(*map(read_weights, paths))
    networks = [(about["model"], about.get("left_out", [])) for about in abouts]
    if other := [str(path) for path, network in zip(paths, networks) if network != networks[0]]:
        raise ValueError(f"{other[0]}: its network or --fold differs from that of {weights}; they cannot be averaged")
    mean = {}
    for name, first in states[0].items():
        stack = torch.stack([state[name].float() for state in states])
        mean[name] = stack.mean(0).half() if first.is_floating_point() else first
    if broken := [name for name, value in mean.items() if not value.isfinite().all()]:
        raise ValueError(f"{weights}: half precision cannot hold {', '.join(broken)}")
    # The shipped files hold scores, which are those of their own weights.
    metadata, *others = ({key: value for key, value in about.items() if key != "scores"} for about in abouts)
    metadata["averaged"] = [*metadata.get("averaged", []), *others]
    save_weights(path, mean, metadata)


WRITERS = {".onnx": write_onnx, ".safetensors": write_weights}
