"""Options: one dataclass a command gives names, defaults and help; this file turns it into a command line.

Imports nothing heavy, so that --help answers at once.
"""

import argparse
import dataclasses
import difflib
from dataclasses import dataclass, field
from typing import Any

# The command line's own copies of model.ARCHS and model.ATTENTIONS: importing those would import torch.
ARCHS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "efficientnet_b3")
PRECISIONS = ("auto", "off", "bf16", "fp16")
ATTENTIONS = ("separated", "normal", "reverse", "none")


def option(default: Any, help: str, choices: tuple = (), aliases: tuple = (), at_least: float | None = None) -> Any:
    """One field of an options dataclass; a list default takes several values, a bool takes True/False/yes/no/1/0."""
    metadata = {"help": help, "choices": choices, "aliases": aliases, "at_least": at_least}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class RunConfig:
    """What train and test share."""

    data_path: str = option(
        "dataset",
        "dataset folder: Train/NAME/{images,masks,contour}, NAME/Test/{images,masks}",
        aliases=("--data_pth",),
    )
    model_path: str = option("runs/ran", "run folder: weights, history, maps and scores (test: or a weights file)")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found)")
    batch_size: int = option(2, "images in a batch, over all processes", aliases=("--bact_size",), at_least=1)
    num_workers: int = option(2, "loader processes beside the main one; 0 = none", at_least=0)
    device: str = option("auto", "auto takes CUDA, then MPS, then the CPU", choices=("auto", "cpu", "cuda", "mps"))
    compile: bool = option(False, "torch.compile the network, with CUDA graphs on a GPU: a slow start, then faster")


@dataclass
class Recipe(RunConfig):
    """How a training goes, whatever of the network it trains. The defaults are the paper's."""

    arch: str = option("resnet50", "encoder", choices=ARCHS)
    pretrained: str = option("imagenet", "encoder weights: imagenet, none (from scratch) or a state dict's path")
    img_size: int = option(384, "side of the square that images are resized to, pixels", at_least=64)
    epochs: int = option(100, "epochs at most", at_least=1)
    lr: float = option(5e-5, "learning rate of Adam", at_least=0)
    weight_decay: float = option(1e-4, "weight decay (L2) of Adam", at_least=0)
    patience: int = option(5, "epochs without a better validation loss before the learning rate falls", at_least=0)
    lr_factor: float = option(0.1, "what the learning rate is multiplied by then", at_least=0)
    early_stop: int = option(10, "epochs without a better validation MAE before training stops", at_least=1)
    amp: str = option("auto", "mixed precision; auto takes bf16 on CUDA where it is, else off", choices=PRECISIONS)
    clip: float = option(2.0, "largest norm of the gradient; 0 = no limit", at_least=0)
    val_share: float = option(0.05, "share of the training list kept for validation", at_least=0)
    limit: int = option(0, "use the first N training images only, for a trial run; 0 = all", at_least=0)
    cache_mb: int = option(2048, "keep the resized images in memory when they take at most this many MB", at_least=0)


@dataclass
class TrainConfig(Recipe):
    """A recipe for one network and seed; a checkpoint stores it."""

    weights: str = option(
        "",
        "start from these RAN weights (a .safetensors file or run folder): fine-tuning; "
        "the network is then the file's, --arch, --attention and the like are not used",
    )
    attention: str = option(
        "separated", "separated attention; the ablation's: one stream alone, or none", choices=ATTENTIONS
    )
    connectivity: bool = option(True, "eight-direction connectivity head; False for the ablation")
    seed: int = option(42, "seed of split, order, augmentation and fresh weights", at_least=0)
    resume: bool = option(False, "go on from last.pt in the run folder")


@dataclass
class TestConfig(RunConfig):
    """Options of test. Everything about the network comes from the weights file."""

    img_size: int = option(0, "side of the network's input, pixels; 0 = as in training", at_least=0)
    amp: str = option("off", "mixed precision; off gives the same scores on every device", choices=PRECISIONS)
    save_map: bool = option(False, "save each focus map, 8-bit PNG, original size, white = in focus")
    name: str = option("", "name of the method in scores and report (default: that of the run folder or weights file)")
    report: bool = option(True, "write a report with curves and a page of all images and maps")
    output: str = option(
        "",
        "folder for scores, report and maps (default: the run folder, or the weights file's name without its suffix)",
    )


def parse_bool(text: str) -> bool:
    """True/False/1/0/yes/no in any case; argparse's own bool() would read "False" as true."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is not True or False")
    return known[text.lower()]


class _Parser(argparse.ArgumentParser):
    """Refuses an unknown option by its name, with the nearest known one."""

    def parse_args(self, args=None, namespace=None):
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].split("=")[0]
            near = difflib.get_close_matches(name, self._option_string_actions, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.error(f"unknown option {name}{hint} (--help lists all)")
        return parsed


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows a default where there is one to show."""

    def _get_help_string(self, action):
        return action.help if action.default in ("", []) else super()._get_help_string(action)


def parse(options: type, argv: list[str], prog: str, description: str) -> Any:
    """Reads a command line into an options dataclass.

    Args:
        options: dataclass whose fields were made by `option`.
        argv: words after the command's name.
        prog, description: shown by --help.

    Returns:
        An instance of `options`.

    Raises:
        SystemExit: 0 after --help; 2 for an unknown option or a bad value, named on stderr.
    """
    parser = _Parser(prog=prog, description=description, allow_abbrev=False, formatter_class=_Help)
    for f in dataclasses.fields(options):
        default = f.default_factory() if f.default is dataclasses.MISSING else f.default
        settings: dict[str, Any] = {"help": f.metadata["help"], "default": default}
        if isinstance(default, bool):
            settings |= {"type": parse_bool, "nargs": "?", "const": True, "metavar": "BOOL"}
        elif isinstance(default, list):
            settings |= {"nargs": "+", "metavar": f.name.upper()}
        else:
            settings |= {"type": type(default)}
            if f.metadata["choices"]:
                settings["choices"] = f.metadata["choices"]
            else:
                settings["metavar"] = f.name.upper()
        if f.metadata["at_least"] is not None:
            settings["type"] = _at_least(type(default), f.metadata["at_least"])
        parser.add_argument(f"--{f.name}", *f.metadata["aliases"], dest=f.name, **settings)
    return options(**vars(parser.parse_args(argv)))


def _at_least(kind: type, lowest: float):
    def number(text: str):
        value = kind(text)
        if not value >= lowest:
            raise argparse.ArgumentTypeError(f"{text} is below the smallest value, {lowest}")
        return value

    number.__name__ = kind.__name__
    return number
