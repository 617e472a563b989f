"""Options: one dataclass a command gives names, defaults and help; this file turns it into a command line.

Imports nothing heavy, so that --help answers at once.
"""

import argparse
import dataclasses
import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The command line's own copies of model.ARCHS, model.ATTENTIONS and model.DECODERS: importing those would import torch.
ARCHS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "efficientnet_b3")
PRECISIONS = ("auto", "off", "bf16", "fp16")
ATTENTIONS = ("separated", "normal", "reverse", "none")
DECODERS = ("paper", "fine")
SCHEDULES = ("plateau", "onecycle")
IMG_SIZE = 384  # the paper's
FOLDS = 5  # parts of the training pictures that can be left out


def option(
    default: Any,
    help: str,
    choices: tuple = (),
    aliases: tuple = (),
    at_least: float | None = None,
    positional: bool = False,
) -> Any:
    """One field of an options dataclass; a list default takes several values, a bool takes True/False/yes/no/1/0.

    A positional one, a list of strings, takes the words that belong to no option.
    """
    metadata = {"help": help, "choices": choices, "aliases": aliases, "at_least": at_least, "positional": positional}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def data_path_option(help: str) -> Any:
    """The dataset folder, by the same names in every command."""
    return option("dataset", help, aliases=("--data_pth",))


@dataclass
class RunConfig:
    """What train and test share."""

    data_path: str = data_path_option("dataset folder: Train/NAME/{images,masks,contour}, NAME/Test/{images,masks}")
    model_path: str = option("runs/ran", "run folder: weights, history, maps and scores")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found)")
    fold: int = option(
        0, "a fifth of the training pictures, 1 to 5: train leaves it out, test scores it; 0 = none", at_least=0
    )
    batch_size: int = option(2, "images in a batch, over all processes", aliases=("--bact_size",), at_least=1)
    num_workers: int = option(2, "loader processes beside the main one; 0 = none", at_least=0)
    device: str = option("auto", "auto takes CUDA, then MPS, then the CPU", choices=("auto", "cpu", "cuda", "mps"))
    compile: bool = option(False, "torch.compile the network, with CUDA graphs on a GPU: a slow start, then faster")


@dataclass
class Recipe(RunConfig):
    """How a training goes, whatever of the network it trains. The defaults are the paper's."""

    arch: str = option("resnet50", "encoder", choices=ARCHS)
    pretrained: str = option("imagenet", "encoder weights: imagenet, none (from scratch) or a state dict's path")
    img_size: int = option(
        0, f"side of the square samples, pixels; 0 = {IMG_SIZE}, or with --weights as those were trained", at_least=0
    )
    test_size: int = option(
        0,
        "side that test resizes pictures to, larger than crops were; 0 = img_size (without one, as --weights says)",
        at_least=0,
    )
    epochs: int = option(100, "epochs at most", at_least=1)
    schedule: str = option(
        "plateau",
        "plateau: Adam, its rate falls when the validation loss (without one, the training loss) rests; "
        "onecycle: AdamW, its rate rises for a tenth of all steps, then falls to zero",
        choices=SCHEDULES,
    )
    lr: float = option(5e-5, "learning rate; the highest of onecycle", at_least=0)
    encoder_lr: float = option(1.0, "share of --lr that the encoder learns with", at_least=0)
    loss_weights: list[float] = option([0.7, 0.7, 0.7], "what BCE, IoU and L1 of the mask weigh in the loss")
    augmentation: str = option("paper", "strong: crops, colours, softness, noise, JPEG", choices=("paper", "strong"))
    defocus: float = option(0.0, "how often the strong augmentation defocuses a part and its mask")
    weight_decay: float = option(1e-4, "weight decay: L2 in Adam, decoupled in AdamW", at_least=0)
    patience: int = option(5, "epochs without a better validation loss before the learning rate falls", at_least=0)
    lr_factor: float = option(0.1, "what the learning rate is multiplied by then", at_least=0)
    early_stop: int = option(10, "epochs without a better validation MAE before a plateau training stops", at_least=1)
    amp: str = option("off", "mixed precision; auto takes bf16 on CUDA where it is, else off", choices=PRECISIONS)
    clip: float = option(2.0, "largest norm of the gradient; 0 = no limit", at_least=0)
    val_share: float = option(0.05, "share of the training list that validates; 0: the last epoch is kept", at_least=0)
    limit: int = option(0, "use the first N training images only, for a trial run; 0 = all", at_least=0)
    cache_mb: int = option(2048, "keep the resized images in memory when they take at most this many MB", at_least=0)

    def __post_init__(self):
        if len(self.loss_weights) != 3 or min(self.loss_weights) < 0 or self.loss_weights[1] == 0:
            raise ValueError(f"--loss_weights {self.loss_weights}: three weights from 0, that of IoU above it")
        if 0 < self.img_size < 64:
            raise ValueError(f"--img_size {self.img_size}: at least 64, or 0 for {IMG_SIZE}")
        if 0 < self.test_size < 32:
            raise ValueError(f"--test_size {self.test_size}: at least 32, or 0 for --img_size")
        if not 0 <= self.defocus <= 1 or (self.defocus and self.augmentation != "strong"):
            raise ValueError(f"--defocus {self.defocus}: a share from 0 to 1, of --augmentation strong")


@dataclass
class TrainConfig(Recipe):
    """A recipe for one network and seed; a checkpoint stores it."""

    config: str = option("", "YAML file of options, e.g. configs/best.yaml; the command line's own win over its")
    weights: str = option(
        "",
        "start from these RAN weights (a .safetensors file or run folder): fine-tuning; "
        "the network is then the file's, --arch, --attention and the like are not used",
    )
    attention: str = option("separated", "separated attention; one stream alone; or none", choices=ATTENTIONS)
    connectivity: bool = option(True, "eight-direction connectivity head")
    decoder: str = option(
        "paper", "paper; fine: GroupNorm, and a mask at stride 4 refined by connectivity", choices=DECODERS
    )
    seed: int = option(42, "seed of split, order, augmentation and fresh weights", at_least=0)
    resume: bool = option(False, "go on from last.pt in the run folder")

    def with_sizes(self, earlier: dict[str, Any]) -> "TrainConfig":
        """The same with sizes that are not 0: as told, else those of an earlier training, else the paper's.

        Args:
            earlier: options of the training that is resumed or fine-tuned; empty where there is none.
        """
        img_size = self.img_size or earlier.get("img_size", IMG_SIZE)
        test_size = self.test_size or (0 if self.img_size else earlier.get("test_size", 0))
        return dataclasses.replace(self, img_size=img_size, test_size=test_size)


@dataclass
class TestConfig(RunConfig):
    """Options of test. Everything about the network comes from the weights file."""

    model_path: str = option(
        "", "run folder or weights file (default: runs/ran where train has left weights there, else the repository's)"
    )
    img_size: int = option(0, "side of the network's input, pixels; 0 = as in training", at_least=0)
    amp: str = option("off", "mixed precision; off gives the same scores on every device", choices=PRECISIONS)
    save_map: bool = option(False, "save each focus map, 8-bit PNG, original size, white = in focus")
    name: str = option("", "name of the method in scores and report (default: that of the run folder or weights file)")
    report: bool = option(True, "write a report with curves and a page of all images and maps")
    output: str = option(
        "",
        "folder for scores, report and maps (default: the run folder, with --fold its foldK; "
        "of a weights file its name without the suffix; of the repository's weights runs/shipped)",
    )


def parse_bool(text: str) -> bool:
    """True/False/1/0/yes/no in any case; argparse's own bool() would read "False" as true."""
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is not True or False (file names stand before such an option)")
    return known[text.lower()]


class _Parser(argparse.ArgumentParser):
    """Refuses an unknown option by its name, with the nearest known one."""

    def parse_args(self, args=None, namespace=None):
        parsed, unknown = self.parse_known_intermixed_args(args, namespace)
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


def read_yaml(path: str) -> dict[str, Any]:
    """A YAML file that maps names to values, every value as the words that stand there: off is "off", not False.

    Raises:
        ValueError: not such a file.
    """
    import yaml

    class Words(yaml.SafeLoader):
        yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # <<: another mapping

    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), Words)
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not a readable YAML file ({error})") from None
    if not isinstance(values, dict):
        raise ValueError(f'{path}: it should map names to values, like "img_size: 320"')
    return values


def as_words(values: dict[str, Any]) -> list[str]:
    """Options and their values as the words of a command line."""
    words = []
    for name, value in values.items():
        words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return words


def parse(options: type, argv: list[str], prog: str, description: str) -> Any:
    """Reads a command line into an options dataclass; options of its --config file stand before those on the line.

    Args:
        options: dataclass whose fields were made by `option`.
        argv: words after the command's name.
        prog, description: shown by --help.

    Returns:
        An instance of `options`.

    Raises:
        SystemExit: 0 after --help; 2 for an unknown option, a bad value or a bad config, named on stderr.
    """
    parser = _Parser(prog=prog, description=description, allow_abbrev=False, formatter_class=_Help)
    for f in dataclasses.fields(options):
        default = f.default_factory() if f.default is dataclasses.MISSING else f.default
        settings: dict[str, Any] = {"help": f.metadata["help"], "default": default}
        if isinstance(default, bool):
            settings |= {"type": parse_bool, "nargs": "?", "const": True, "metavar": "BOOL"}
        elif isinstance(default, list):
            settings |= {"nargs": "+", "metavar": f.name.upper(), "type": type((default or [""])[0])}
        else:
            settings |= {"type": type(default)}
            if f.metadata["choices"]:
                settings["choices"] = f.metadata["choices"]
            else:
                settings["metavar"] = f.name.upper()
        if f.metadata["at_least"] is not None:
            settings["type"] = _at_least(type(default), f.metadata["at_least"])
        if f.metadata["positional"]:
            parser.add_argument(f.name, **settings | {"nargs": "*"})
        else:
            parser.add_argument(f"--{f.name}", *f.metadata["aliases"], dest=f.name, **settings)
    parsed = parser.parse_args(argv)
    if getattr(parsed, "config", ""):
        try:
            words = as_words(read_yaml(parsed.config))
        except ValueError as error:
            parser.error(str(error))
        parser.prog = f"{prog}: {parsed.config}"  # names the file in a complaint about its options
        parser.parse_args(words)
        parser.prog = prog
        parsed = parser.parse_args([*words, *argv])
    try:
        return options(**vars(parsed))
    except ValueError as error:
        parser.error(str(error))


def _at_least(kind: type, lowest: float):
    def number(text: str):
        value = kind(text)
        if not value >= lowest:
            raise argparse.ArgumentTypeError(f"{text} is below the smallest value, {lowest}")
        return value

    number.__name__ = kind.__name__
    return number
