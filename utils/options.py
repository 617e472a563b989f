"""The options of the commands that train and score the network: a dataclass each, whose docstring --help says first.

Imports nothing heavy, so that --help answers at once. tool_options and photos.options have those of the others.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .command_line import option

# The command line's own copies of model.ARCHS, model.ATTENTIONS and model.DECODERS: importing those would import torch.
ARCHS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "efficientnet_b3",
    "efficientnet_lite2",
)
TIMM = "timm/"  # before the name of a network of timm
PRECISIONS = ("auto", "off", "bf16", "fp16")
ATTENTIONS = ("separated", "normal", "reverse", "none")
DECODERS = ("paper", "fine")
SCHEDULES = ("plateau", "onecycle")
KEPT = ("mae", "f", "loss")
IMG_SIZE = 384  # the paper's
FOLDS = 5  # parts of the training images that can be left out
MIN_SIZE = 32  # the copy of model.MIN_SIZE, pixels
ROOT = Path(__file__).parent.parent

_data, _network, _recipe = (partial(option, group=group) for group in ("data", "network", "recipe"))
_machine = partial(option, group="machine", local=True)
_file = partial(option, in_file=True)  # set in a YAML file alone


def data_path_option(help: str, **more: Any) -> Any:
    """The dataset folder, by the same names in every command."""
    return option("dataset", help, aliases=("--data_pth",), local=True, **more)


def device_option(**more: Any) -> Any:
    return option("auto", "cpu, cuda, cuda:1, mps; auto takes CUDA, then MPS, then the CPU", local=True, **more)


def model_option(help: str) -> Any:
    """A trained network; --model NAME reads as what it is."""
    return option("", f"{help} (default: ran_photos)", aliases=("--model",))


def output_option(default: str, help: str) -> Any:
    return option(default, help, aliases=("-o",))


@dataclass
class RunConfig:
    """What train and test share."""

    data_path: str = data_path_option(
        "dataset folder: Train/NAME/{images,masks,contour}, NAME/Test/{images,masks}", group="data"
    )
    model_path: str = _machine("runs/ran", "run folder: weights, history, maps and scores")
    datasets: list[str] = _data([], "names of the sets, e.g. CUHK DUT (default: all found, but for those with trimaps)")
    fold: int = _data(
        0, "a fifth of the training images, 1 to 5: train leaves it out, test scores it; 0 = none", at_least=0
    )
    batch_size: int = _recipe(2, "images in a batch, over all processes", aliases=("--bact_size",), at_least=1)
    num_workers: int = _machine(2, "loader processes beside the main one; 0 = none", at_least=0)
    device: str = device_option(group="machine")


@dataclass
class Recipe(RunConfig):
    """How a training goes, whatever the network. The defaults are the paper's."""

    arch: str = _network("resnet50", f"encoder: {', '.join(ARCHS)}, or {TIMM}NAME for a network of timm")
    pretrained: str = _network(
        "imagenet", "encoder weights: imagenet, none (from scratch) or a state dict's path", free=True
    )
    img_size: int = _recipe(
        0, f"side of the square samples, pixels; 0 = {IMG_SIZE}, or with --weights as in their training", at_least=0
    )
    test_size: int = _file(
        0,
        "side that validation and test resize images to; 0 = img_size, or with --weights as in their training",
        at_least=0,
    )
    epochs: int = _recipe(100, "epochs at most", at_least=1, free=True)
    accumulate: int = _recipe(1, "batches whose gradients are averaged for one step of the optimiser", at_least=1)
    schedule: str = _recipe(
        "plateau",
        "plateau: Adam, its rate falls when the validation loss (without validation, the training loss) rests; "
        "onecycle: AdamW, its rate rises for a tenth of all steps, then falls to zero",
        choices=SCHEDULES,
    )
    lr: float = _recipe(5e-5, "learning rate; the highest of onecycle", at_least=0)
    encoder_lr: float = _file(1.0, "the encoder's learning rate, as a share of lr", at_least=0)
    loss_weights: list[float] = _file([0.7, 0.7, 0.7], "weights of BCE, IoU and L1 in the loss of the mask")
    augmentation: str = _recipe("paper", "strong: crops, colours, softness, noise, JPEG", choices=("paper", "strong"))
    weight_decay: float = _file(1e-4, "weight decay: L2 in Adam, decoupled in AdamW", at_least=0)
    patience: int = _file(5, "plateau: epochs without a lower validation loss before the rate falls", at_least=0)
    lr_factor: float = _file(0.1, "plateau: factor of the learning rate then", at_least=0)
    early_stop: int = _file(
        10, "plateau: epochs without a better validation, see keep, before training stops", at_least=1, free=True
    )
    amp: str = _recipe("off", "mixed precision; auto takes bf16 on CUDA where it is, else off", choices=PRECISIONS)
    clip: float = _file(2.0, "largest norm of the gradient; 0 = no limit", at_least=0)
    val_share: float = _data(0.05, "share of the training images that validates; 0: the last epoch is kept", at_least=0)
    val: str = _data("", "a set below Train/ that validates, instead of a share of the training images")
    keep: str = _recipe("mae", "validation score of the epoch that is kept: mae, f (of P0) or loss", choices=KEPT)
    extra: list[str] = _data([], "extra training sets: every batch gets some of their images, e.g. SYNTHETIC")
    extra_per_batch: int = _file(1, "images of --extra in each batch", at_least=1)
    limit: int = _data(0, "use the first N training images only, for a trial run; 0 = all", at_least=0)
    compile: bool = _machine(False, "torch.compile the network, with CUDA graphs on a GPU: a slow start")

    def __post_init__(self):
        if self.arch not in ARCHS and not self.arch.startswith(TIMM):
            raise ValueError(f"--arch {self.arch}: expected {', '.join(ARCHS)} or {TIMM}NAME")
        weights = self.loss_weights
        if len(weights) != 3 or not any(weights) or not all(0 <= weight < float("inf") for weight in weights):
            raise ValueError(f"loss_weights {self.loss_weights}: expected three weights from 0, not all of them 0")
        if self.val_share >= 1:
            raise ValueError(f"--val_share {self.val_share}: a share below 1 of the training images")
        if 0 < self.img_size < 64:
            raise ValueError(f"--img_size {self.img_size}: at least 64, or 0 for {IMG_SIZE}")
        if 0 < self.test_size < MIN_SIZE:
            raise ValueError(f"test_size {self.test_size}: at least {MIN_SIZE}, or 0 for img_size")
        if self.extra and self.extra_per_batch >= self.batch_size:
            raise ValueError(f"extra_per_batch {self.extra_per_batch}: must be below --batch_size {self.batch_size}")


@dataclass
class TrainConfig(Recipe):
    """Train RAN; the defaults are the paper's recipe. configs/paper.yaml has the options that a file alone sets."""

    config: str = _machine("", "YAML file of options, e.g. configs/best.yaml; the command line's own win over its")
    weights: str = _network(
        "",
        "start from these RAN weights (a .safetensors file, run folder or shipped name): fine-tuning; "
        "the network is then the file's, --arch, --attention and the like are not used",
        free=True,
    )
    attention: str = _network("separated", "separated attention; one stream alone; or none", choices=ATTENTIONS)
    connectivity: bool = _network(True, "eight-direction connectivity head")
    decoder: str = _network(
        "paper", "paper; fine: GroupNorm, and a mask at stride 4 refined by connectivity", choices=DECODERS
    )
    seed: int = _recipe(42, "seed of split, order, augmentation and fresh weights", at_least=0)
    resume: bool = _machine(False, "go on from last.pt in the run folder")

    def with_sizes(self, earlier: dict[str, Any]) -> "TrainConfig":
        """The same with sizes that are not 0: as given, else those of an earlier training, else the paper's.

        Args:
            earlier: options of the training that is resumed or fine-tuned; empty where there is none.
        """
        img_size = self.img_size or earlier.get("img_size", IMG_SIZE)
        test_size = self.test_size or (0 if self.img_size else earlier.get("test_size", 0))
        return dataclasses.replace(self, img_size=img_size, test_size=test_size)


@dataclass
class TestConfig(RunConfig):
    """Score a trained RAN on every test set found; save its maps."""

    model_path: str = option(
        "",
        "run folder, weights file, or the name of a shipped model "
        "(default: runs/ran where train has left weights there, else the repository's)",
        aliases=("--model",),
    )
    img_size: int = option(0, "side of the network's input, pixels; 0 = as in training", at_least=0)
    amp: str = option("off", "mixed precision; off gives the same scores on every device", choices=PRECISIONS)
    save_map: bool = option(False, "save each focus map, 8-bit PNG, original size, white = in focus")
    name: str = option("", "name of the method in scores and report (default: that of the run folder or weights file)")
    report: bool = option(True, "write a report with curves and a page of all images and maps")
    output: str = output_option(
        "",
        "folder for scores, report and maps (default: the run folder, with --fold its foldK; "
        "of a weights file its name without the suffix; of a shipped model runs/shipped/NAME)",
    )

    def __post_init__(self):
        if 0 < self.img_size < MIN_SIZE:
            raise ValueError(f"--img_size {self.img_size}: at least {MIN_SIZE}, or 0 for that of training")


@dataclass
class AblationOptions:
    """Train and score the network with some of its parts switched off, or the rows of a file, each under one recipe."""

    recipe: str = option("", "YAML file of options of train, which all rows share (default: the paper's recipe)")
    variants: str = option("", "YAML file of other rows: name: {option: value, ...}; against: NAME is the row to beat")
    rows: list[str] = option([], "rows to train (default: all)")
    seeds: list[int] = option([42], "seeds that every row is trained with")
    folds: list[int] = option(
        list(range(1, FOLDS + 1)),
        "fifths of the training images: each is left out and scored in turn, their scores are put together; "
        "0: none, the test sets are scored, which no longer measure what was chosen on them",
    )
    data_path: str = data_path_option("dataset folder")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found)")
    model_path: str = option("runs/ablation", "folder of the runs, ROW/seedN, and of the table")
    num_workers: int = option(2, "loader processes beside the main one; 0 = none", at_least=0)
    device: str = device_option()
