"""The options of the commands that train and score the network: a dataclass each, whose docstring --help says first.

Imports nothing heavy, so that --help answers at once. tools.options and photos.options have those of the others.
"""

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .command_line import option

# The command line's own copies of model.ARCHS, model.ATTENTIONS and model.DECODERS: importing those would import torch.
ARCHS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "efficientnet_b3", "efficientnet_lite2"),
)
TIMM = "timm/"  # before the name of a network of timm
ATTENTIONS = ("separated", "normal", "reverse", "none")
DECODERS = ("paper", "fine")
IMG_SIZE = 384  # the paper's
FOLDS = 5  # parts of the training images that can be left out
MIN_SIZE = 32  # the copy of model.MIN_SIZE, pixels
ROOT = Path(__file__).parent.parent

# Options of several commands, by the same names in each. --model NAME reads as what it is.
data_path_option = partial(option, "dataset", aliases=("--data_pth",), local=True)
device_option = partial(option, "auto", "cpu, cuda, cuda:1, mps; auto: CUDA, else MPS, else the CPU", local=True)
model_option = partial(option, "", aliases=("--model",))
output_option = partial(option, aliases=("-o",))

_data, _network, _recipe = (partial(option, group=group) for group in ("data", "network", "recipe"))
_machine = partial(option, group="machine", local=True)
_file = partial(option, in_file=True)  # set in a YAML file alone; configs/paper.yaml explains them


@dataclass
class RunConfig:
    """What train and test share."""

    data_path: str = data_path_option("dataset folder, as prepare writes it", group="data")
    model_path: str = _machine("runs/ran", "run folder: weights, history, maps and scores")
    datasets: list[str] = _data([], "names of the sets, e.g. CUHK DUT (default: all found, except those with trimaps)")
    fold: int = _data(0, "fifth of the training images, 1 to 5, that train leaves out and test scores", at_least=0)
    batch_size: int = _recipe(2, "images in a batch, all processes together", aliases=("--bact_size",), at_least=1)
    num_workers: int = _machine(2, "loader processes, in train as many again for validation; 0 = none", at_least=0)
    device: str = device_option(group="machine")


@dataclass
class TrainConfig(RunConfig):
    """Train RAN. The defaults are the paper's recipe. configs/paper.yaml explains the options that only a file sets."""

    config: str = _machine("", "YAML file of options, e.g. configs/best.yaml; the command line wins")
    arch: str = _network("resnet50", f"encoder: {', '.join(ARCHS)}, or {TIMM}NAME for a network of timm")
    pretrained: str = _network("imagenet", "encoder weights: imagenet, none or the path of a state dict", free=True)
    weights: str = _network("", "RAN weights to fine-tune, with their network (file, run folder or name)", free=True)
    attention: str = _file("separated", "separated attention; one stream alone; or none", choices=ATTENTIONS)
    connectivity: bool = _file(True, "eight-direction connectivity head")
    decoder: str = _file("paper", "fine: GroupNorm, a mask at stride 4 refined by connectivity", choices=DECODERS)
    img_size: int = _recipe(0, f"side of the samples, pixels; 0 = {IMG_SIZE}, or that of --weights", at_least=0)
    test_size: int = _file(0, "side for validation and test; 0 = img_size, or that of --weights", at_least=0)
    epochs: int = _recipe(100, "largest number of epochs", at_least=1, free=True)
    accumulate: int = _recipe(1, "number of batches whose gradients are averaged for one step", at_least=1)
    schedule: str = _file("plateau", "plateau: Adam; onecycle: AdamW", choices=("plateau", "onecycle"))
    lr: float = _recipe(5e-5, "learning rate; with schedule onecycle the highest one", at_least=0)
    encoder_lr: float = _file(1.0, "the encoder's learning rate, as a share of lr", at_least=0)
    loss_weights: list[float] = _file([0.7, 0.7, 0.7], "weights of BCE, IoU and L1 in the loss of the mask")
    augmentation: str = _file("paper", "strong: crops, colours, softness, noise, JPEG", choices=("paper", "strong"))
    weight_decay: float = _file(1e-4, "weight decay: L2 in Adam, decoupled in AdamW", at_least=0)
    patience: int = _file(5, "plateau: epochs without a lower validation loss before the rate falls", at_least=0)
    lr_factor: float = _file(0.1, "plateau: factor of the learning rate then", at_least=0)
    early_stop: int = _file(10, "plateau: epochs without a better one before training stops", at_least=1, free=True)
    amp: str = _recipe("off", "mixed precision; auto: bf16 if a CUDA GPU has it", choices=("auto", "off", "bf16"))
    clip: float = _file(2.0, "largest norm of the gradient; 0 = no limit", at_least=0)
    seed: int = _recipe(42, "seed of split, order, augmentation and fresh weights", at_least=0)
    val_share: float = _data(0.05, "share of the training images for validation; 0: keep the last epoch", at_least=0)
    val: str = _data("", "a set below Train/ for validation, instead of a share of the training images")
    keep: str = _file("mae", "validation score of the epoch that is kept", choices=("mae", "f", "loss"))
    extra: list[str] = _file([], "extra training sets: every batch gets some of their images, e.g. SYNTHETIC")
    extra_per_batch: int = _file(1, "images of extra in each batch", at_least=1)
    resume: bool = _machine(False, "continue from last.pt in the run folder")

    def __post_init__(self):
        if self.arch not in ARCHS and not self.arch.startswith(TIMM):
            raise ValueError(f"--arch {self.arch}: expected {', '.join(ARCHS)} or {TIMM}NAME")
        weights = self.loss_weights
        if len(weights) != 3 or not any(weights) or not all(0 <= weight < float("inf") for weight in weights):
            raise ValueError(f"loss_weights {weights}: expected three weights from 0, not all of them 0")
        if self.val_share >= 1:
            raise ValueError(f"--val_share {self.val_share}: expected a share below 1")
        if 0 < self.img_size < 64:
            raise ValueError(f"--img_size {self.img_size}: expected at least 64, or 0 for {IMG_SIZE}")
        if 0 < self.test_size < MIN_SIZE:
            raise ValueError(f"test_size {self.test_size}: expected at least {MIN_SIZE}, or 0 for img_size")
        if self.extra and self.extra_per_batch >= self.batch_size:
            raise ValueError(f"extra_per_batch {self.extra_per_batch}: must be below --batch_size {self.batch_size}")

    def with_sizes(self, earlier: dict[str, Any]) -> "TrainConfig":
        """The same with sizes that are not 0: as given, else as in an earlier training, else the paper's."""
        img_size = self.img_size or earlier.get("img_size", IMG_SIZE)
        test_size = self.test_size or (0 if self.img_size else earlier.get("test_size", 0))
        return dataclasses.replace(self, img_size=img_size, test_size=test_size)


@dataclass
class TestConfig(RunConfig):
    """Score trained weights on every test set found; save their maps."""

    model_path: str = model_option(
        "run folder, weights file or shipped model (default: runs/ran if trained, else ran_photos)"
    )
    img_size: int = option(0, "side of the network's input, pixels; 0 = as in training", at_least=0)
    save_map: bool = option(False, "save each focus map: 8-bit PNG, size of the image, white = in focus")
    report: bool = option(True, "write a report with curves and a page of all images and maps")
    output: str = output_option(
        "", "folder for scores, report and maps (default: the run folder, or runs/shipped/NAME)"
    )

    def __post_init__(self):
        if 0 < self.img_size < MIN_SIZE:
            raise ValueError(f"--img_size {self.img_size}: expected at least {MIN_SIZE}, or 0 for that of training")
