"""`export`: the network as a file for other runtimes."""

import json
import warnings
from importlib.util import find_spec
from pathlib import Path

import torch

from ..predictor import Predictor, chosen_weights
from ..predictor_onnx import OnnxPredictor
from ..predictor_torch import TorchPredictor
from ..utils.checkpoint import load_network
from ..utils.files import atomic
from ..utils.tool_options import ExportOptions
from ..utils.weight_files import BEST, exported, hash_of

SIZES = ((1, 384, 384), (1, 250, 333), (2, 400, 512))  # (batch, height, width) that are compared
TOLERANCE = 1e-4


def run(options: ExportOptions) -> None:
    """Writes the file once it gives PyTorch's probabilities at three sizes.

    Raises:
        FileNotFoundError, ValueError: no weights; packages are missing; the file computes something else.
    """
    kind, (suffix, write, read, packages) = options.format.upper(), TARGETS[options.format]
    if not all(map(find_spec, packages)):
        raise ValueError(f"export needs other packages: pip install {' '.join(packages)}")
    weights = chosen_weights(options.model_path, "torch")
    predictor = TorchPredictor(*load_network(weights), "cpu")
    predictor.metadata = predictor.metadata | {"weights": hash_of(weights / BEST if weights.is_dir() else weights)}
    path = Path(options.output or exported(weights, suffix))
    if path.suffix != suffix:
        raise ValueError(f"--output {path}: the name of an {kind} file ends in {suffix}")
    with atomic(path) as temporary:
        write(temporary, predictor)
        compare(read(temporary, "cpu"), predictor, kind)
    side = predictor.img_size
    print(
        f"{path}: {path.stat().st_size / 1e6:.1f} MB; input image, N x 3 x H x W uint8 RGB, best at {side} x {side}; "
        "output probability, N x 1 x H x W float32"
    )


class Probability(torch.nn.Module):
    """Bytes to probabilities: scaling, normalisation and sigmoid become part of the graph."""

    def __init__(self, predictor: TorchPredictor):
        super().__init__()
        self.network = predictor.network.to(memory_format=torch.contiguous_format)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image.float() / 255, mask_only=True)["mask"].sigmoid()


def write_onnx(path: Path, predictor: TorchPredictor) -> None:
    """Writes the graph, with batch, height and width left open, and the predictor's metadata in it."""
    import onnx

    open_sides = {0: "batch", 2: "height", 3: "width"}
    image = torch.zeros(2, 3, 256, 320, dtype=torch.uint8)
    with warnings.catch_warnings():
        # Of the check of the input's size, and of torch's newer exporter, which wants one more package.
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        torch.onnx.export(
            Probability(predictor).eval(),
            (image,),
            str(path),
            input_names=["image"],
            output_names=["probability"],
            dynamo=False,
            opset_version=17,
            dynamic_axes={"image": open_sides, "probability": open_sides},
        )
    model = onnx.load(path)
    about = {key: json.dumps(value) for key, value in predictor.metadata.items()}
    onnx.helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, path)


# How each kind of file ends, what writes it, what computes by it (a Predictor made of path and device), and packages
# that both need.
TARGETS = {"onnx": (".onnx", write_onnx, OnnxPredictor, ("onnx", "onnxruntime"))}


def compare(target: Predictor, predictor: Predictor, kind: str) -> None:
    """Prints the largest difference of an exported network from PyTorch at each of SIZES.

    Raises:
        ValueError: it is above TOLERANCE.
    """
    generator = torch.Generator().manual_seed(0)
    for batch, height, width in SIZES:
        sharp = torch.randint(0, 256, (batch, 3, height, width), dtype=torch.uint8, generator=generator)
        blurred = torch.nn.functional.avg_pool2d(sharp.float(), 9, 1, 4).to(torch.uint8)
        images = torch.cat([sharp[..., : width // 2], blurred[..., width // 2 :]], dim=-1)  # so that both classes occur
        difference = abs(target.probabilities(images) - predictor.probabilities(images)).max()
        print(f"{batch} x 3 x {height} x {width}: largest difference from PyTorch {difference:.1e}")
        if not difference <= TOLERANCE:
            raise ValueError(f"the {kind} graph differs from PyTorch by {difference:.1e}, allowed are {TOLERANCE:.0e}")
