"""The options of every command: a dataclass each, whose docstring --help says first.

Imports nothing heavy, so that --help answers at once.
"""

import dataclasses
from dataclasses import dataclass, make_dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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
PRECISIONS = ("auto", "off", "bf16", "fp16")
ATTENTIONS = ("separated", "normal", "reverse", "none")
DECODERS = ("paper", "fine")
SCHEDULES = ("plateau", "onecycle")
IMG_SIZE = 384  # the paper's
FOLDS = 5  # parts of the training pictures that can be left out
ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "weights/README.md",
    *(f"docs/{name}.md" for name in ("photographs", "results", "recipe", "speed", "guarantees")),
)


class Rendering(NamedTuple):
    """What imaging.renderings' function of its name makes: its file's suffix, what it shows, and its button's label on
    serve's page (without one it has none: the overlay is shown over the photograph)."""

    suffix: str
    help: str
    label: str = ""


RENDERINGS = {
    "overlay": Rendering(".overlay.jpg", "what is in focus outlined, the rest darkened"),
    "cutout": Rendering(".cutout.png", "what is in focus, with alpha", "Cut-out"),
    "bokeh": Rendering(".bokeh.jpg", "what is blurred, blurred further", "More blur"),
}
EXPORTS = ("onnx",)  # of tools.export.TARGETS
_data, _network, _recipe = (partial(option, group=group) for group in ("data", "network", "recipe"))
_machine = partial(option, group="machine", local=True)


def data_path_option(help: str, **more: Any) -> Any:
    """The dataset folder, by the same names in every command."""
    return option("dataset", help, aliases=("--data_pth",), local=True, **more)


def model_option(help: str) -> Any:
    """A trained network; --model ran_lite2 reads as what it is."""
    return option("", f"{help} (default: the best for photographs)", aliases=("--model",))


def device_option(**more: Any) -> Any:
    return option("auto", "auto takes CUDA, then MPS, then the CPU", ("auto", "cpu", "cuda", "mps"), local=True, **more)


@dataclass
class RunConfig:
    """What train and test share."""

    data_path: str = data_path_option(
        "dataset folder: Train/NAME/{images,masks,contour}, NAME/Test/{images,masks}", group="data"
    )
    model_path: str = _machine("runs/ran", "run folder: weights, history, maps and scores")
    datasets: list[str] = _data([], "names of the sets, e.g. CUHK DUT (default: all found, but for those with trimaps)")
    fold: int = _data(
        0, "a fifth of the training pictures, 1 to 5: train leaves it out, test scores it; 0 = none", at_least=0
    )
    batch_size: int = _recipe(2, "images in a batch, over all processes", aliases=("--bact_size",), at_least=1)
    num_workers: int = _machine(2, "loader processes beside the main one; 0 = none", at_least=0)
    device: str = device_option(group="machine")
    compile: bool = _machine(False, "torch.compile the network, with CUDA graphs on a GPU: a slow start")


@dataclass
class Recipe(RunConfig):
    """How a training goes, whatever of the network it trains. The defaults are the paper's."""

    arch: str = _network("resnet50", "encoder", choices=ARCHS)
    pretrained: str = _network(
        "imagenet", "encoder weights: imagenet, none (from scratch) or a state dict's path", free=True
    )
    img_size: int = _recipe(
        0, f"side of the square samples, pixels; 0 = {IMG_SIZE}, or with --weights as those were trained", at_least=0
    )
    test_size: int = _recipe(
        0,
        "side that test resizes pictures to, larger than crops were; 0 = img_size (without one, as --weights says)",
        at_least=0,
    )
    epochs: int = _recipe(100, "epochs at most", at_least=1, free=True)
    schedule: str = _recipe(
        "plateau",
        "plateau: Adam, its rate falls when the validation loss (without one, the training loss) rests; "
        "onecycle: AdamW, its rate rises for a tenth of all steps, then falls to zero",
        choices=SCHEDULES,
    )
    lr: float = _recipe(5e-5, "learning rate; the highest of onecycle", at_least=0)
    encoder_lr: float = _recipe(1.0, "share of --lr that the encoder learns with", at_least=0)
    loss_weights: list[float] = _recipe([0.7, 0.7, 0.7], "what BCE, IoU and L1 of the mask weigh in the loss")
    augmentation: str = _recipe("paper", "strong: crops, colours, softness, noise, JPEG", choices=("paper", "strong"))
    weight_decay: float = _recipe(1e-4, "weight decay: L2 in Adam, decoupled in AdamW", at_least=0)
    patience: int = _recipe(5, "epochs without a better validation loss before the learning rate falls", at_least=0)
    lr_factor: float = _recipe(0.1, "what the learning rate is multiplied by then", at_least=0)
    early_stop: int = _recipe(
        10, "epochs without a better validation MAE before a plateau training stops", at_least=1, free=True
    )
    amp: str = _recipe("off", "mixed precision; auto takes bf16 on CUDA where it is, else off", choices=PRECISIONS)
    clip: float = _recipe(2.0, "largest norm of the gradient; 0 = no limit", at_least=0)
    val_share: float = _data(0.05, "share of the training list that validates; 0: the last epoch is kept", at_least=0)
    extra: list[str] = _data([], "extra training sets: every batch gets some of their pictures, e.g. SYNTHETIC")
    extra_per_batch: int = _recipe(0, "how many of a batch's images are of --extra", at_least=0)
    limit: int = _data(0, "use the first N training images only, for a trial run; 0 = all", at_least=0)
    cache_mb: int = _machine(2048, "memory for resized images, MB; those beyond it are decoded every time", at_least=0)

    def __post_init__(self):
        if len(self.loss_weights) != 3 or min(self.loss_weights) < 0 or not any(self.loss_weights):
            raise ValueError(f"--loss_weights {self.loss_weights}: three weights from 0, not all of them 0")
        if 0 < self.img_size < 64:
            raise ValueError(f"--img_size {self.img_size}: at least 64, or 0 for {IMG_SIZE}")
        if 0 < self.test_size < 32:
            raise ValueError(f"--test_size {self.test_size}: at least 32, or 0 for --img_size")
        if bool(self.extra) != bool(self.extra_per_batch):
            raise ValueError("--extra names sets, --extra_per_batch says how many images of a batch: give both")


@dataclass
class TrainConfig(Recipe):
    """Train RAN; the defaults are the paper's recipe."""

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
        """The same with sizes that are not 0: as told, else those of an earlier training, else the paper's.

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
    output: str = option(
        "",
        "folder for scores, report and maps (default: the run folder, with --fold its foldK; "
        "of a weights file its name without the suffix; of a shipped model runs/shipped/NAME)",
    )


@dataclass
class PrepareOptions:
    """Turn a published data set into the layout that train and test read; the source is never touched. Known by their
    folders' names: CUHK and DUT as their authors publish them, and the 320 x 320 pack of both.
    """

    source: str = option("", "folder that holds the data set as published")
    images: str = option("", "any other set: its folder of photographs ...")
    masks: str = option("", "... and of masks")
    dataset: str = option("", "name that the set gets (a known source brings its own)")
    white: str = option("", "what white means in the masks (a known source says it)", choices=("blurred", "in_focus"))
    trimaps: bool = option(False, "--masks may hold a third level, 128 = unknown, which train leaves out of the loss")
    split: str = option("", "what --images holds (default: as --test_list says)", choices=("train", "test"))
    test_list: str = option("", "text file with the stems of the test images, one a line (CUHK: the split of BTBNet)")
    data_path: str = data_path_option("dataset folder to write")
    check: bool = option(False, "write nothing: verify the dataset folder at --data_path")


@dataclass
class _MapOptions:
    """Options of predict, as far as they are about maps."""

    paths: list[str] = option([], "photographs: files, folders, patterns; - reads a list of them", positional=True)
    output: str = option("maps", "folder for the maps: PATH/BELOW/IT.png, 255 = in focus")
    model_path: str = model_option("weights file, run folder, ONNX file, or the name of a shipped model")
    engine: str = option("torch", "onnx: onnxruntime, on the file that export wrote", choices=("torch", "onnx"))
    device: str = device_option()
    amp: str = option("off", "mixed precision: bf16 and fp16 are faster on GPUs", choices=PRECISIONS)
    size: int = option(0, "side of the square that the network sees, pixels; 0 = as in training", at_least=0)
    tile: int = option(0, "look at overlapping squares of this side, pixels: finer; 0 = the whole at once", at_least=0)
    tta: bool = option(False, "average over the photograph and its mirror image")
    batch_size: int = option(
        1, "photographs that the network sees at a time; large ones fewer, 64 megapixels in all", at_least=1
    )
    bits: int = option(8, "depth of the maps", choices=(8, 16))


# Of predict, one for each rendering.
_switches = [
    (name, bool, option(False, f"also NAME{rendering.suffix}: {rendering.help}"))
    for name, rendering in RENDERINGS.items()
]
_Switches: Any = make_dataclass("_Switches", _switches, bases=(_MapOptions,))


@dataclass
class PredictOptions(_Switches):
    """Write the focus maps of photographs: files, folders, patterns, or - for a list on standard input."""

    table: str = option("", "csv or json: numbers of every photograph in OUTPUT/focus.csv", choices=("", "csv", "json"))
    overwrite: bool = option(False, "write results anew that are there already")


@dataclass
class ServeOptions:
    """Open a page on this machine that shows what is in focus in a picture: map, overlay, cut-out, bokeh."""

    model_path: str = model_option("weights file, run folder, ONNX file, or the name of a shipped model")
    device: str = device_option()
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0 lets every machine that reaches this one use it")
    port: int = option(0, "port to listen on; 0 = the first free one from 7860", at_least=0)
    size: int = option(0, "side of the square that the network sees, pixels; 0 = as in training", at_least=0)
    max_mb: int = option(50, "largest file, MB", at_least=1)
    max_megapixels: float = option(50.0, "largest picture, millions of pixels", at_least=0)

    def __post_init__(self):
        if self.port > 65535 or 0 < self.size < 32:
            raise ValueError("--port is at most 65535; --size is at least 32, or 0 for that of the training")


@dataclass
class ExportOptions:
    """Write the network as an ONNX file that takes 0-255 RGB of any size, and compare it with PyTorch."""

    model_path: str = model_option("weights file, run folder, or the name of a shipped model")
    format: str = option("onnx", "of the file", choices=EXPORTS)
    output: str = option("", "file to write (default: beside the weights, with the suffix .onnx)")


@dataclass
class EvaluateOptions:
    """Score folders of saved focus maps, of any method, against the ground truth."""

    maps: list[str] = option([], "NAME=DIR of each method: its maps, named as the masks are; grey, white = in focus")
    blurred_maps: list[str] = option([], "names of the methods in whose maps white means blurred")
    data_path: str = data_path_option("dataset folder, as prepare writes it: its test masks and photographs")
    dataset: str = option("", "name of the set (default: the only test set there, or the folder's name of --gt)")
    gt: str = option("", "folder of masks, instead of the dataset folder's")
    white: str = option("in_focus", "beside --gt: what white means in its masks", choices=("in_focus", "blurred"))
    images: str = option("", "beside --gt: folder of the photographs, for report")
    protocols: list[str] = option([], "of P0 P1 P3 P5 S E wF (default: all); MAE is always there")
    names: str = option("", "file with the names to score, one a line (default: all masks)", aliases=("--list",))
    allow_missing: bool = option(False, "score what is there when maps are missing or unusable")
    processes: int = option(0, "processes that score; 0 = one a core", at_least=0)
    output: str = option("runs/evaluation", "folder for scores.json, scores.csv and curves.csv")


@dataclass
class ReportOptions:
    """Turn the scores of test and evaluate into tables (Markdown, LaTeX, CSV), curves and an HTML page."""

    scores: list[str] = option([], "folders of test or evaluate, or their scores.json; methods on one set are compared")
    output: str = option("runs/report", "folder to write")
    methods: list[str] = option([], "methods to show, in this order (default: all)")
    published: str = option(
        "yes", "numbers taken from papers, apart from the measured ones: yes, no, or a file like configs/published.json"
    )
    pictures: bool = option(True, "show photographs and maps; False needs the scores alone")
    examples: list[str] = option([], "images in the grid, by file stem (default: best, median and worst ones)")
    by: str = option("", "method by whose MAE the grid's images are chosen (default: the one with the lowest)")
    count: int = option(2, "how many best, median and worst images the grid has", at_least=1)
    title: str = option("Focus maps compared", "title of the page")


@dataclass
class AblationOptions(Recipe):
    """Train and score the network with some of its parts switched off, or the rows of a file, each under the same
    options of train. Scored are parts of the training pictures that were left out, unless --score says test.
    """

    model_path: str = option("runs/ablation", "folder of the runs, ROW/seedN, and of the table")
    seeds: list[str] = option(["42"], "seeds that every row is trained with")
    img_size: int = option(IMG_SIZE, "side of the square samples, pixels", at_least=64)
    score: str = option(
        "folds",
        "folds: parts of the training pictures, left out in turn, their scores put together; test: the test sets, "
        "which no longer measure what was chosen on them",
        choices=("folds", "test"),
    )
    folds: list[str] = option([], "the parts to leave out, of 1 to 5 (default: all five, or that of --fold)")
    rows: list[str] = option([], "rows to train (default: all)")
    variants: str = option("", "YAML file of other rows: name: {option: value, ...}; against: NAME is the row to beat")


@dataclass
class ReleaseOptions(RunConfig):
    """Write a run's weights in half precision, score that very file, and store the scores in it."""

    output: str = option("", "the .safetensors file to write (default: the run folder's name + .safetensors, in it)")
    scores: str = option("", "folder for the scores (default: beside the file, its name without the suffix)")


@dataclass
class InfoOptions:
    """Print parameters and multiply-adds of the networks."""

    arch: list[str] = option(["resnet18", "resnet50", "efficientnet_b3"], f"encoders: {', '.join(ARCHS)}")
    img_size: int = option(384, "side of the network's input, pixels", at_least=32)
    attention: str = option("separated", "as in train", choices=ATTENTIONS)
    connectivity: bool = option(True, "as in train")
    decoder: str = option("paper", "as in train", choices=DECODERS)


@dataclass
class CurvesOptions:
    """Draw loss and validation MAE of several runs into one picture."""

    runs: list[str] = option([], "run folders, or their history.csv files")
    output: str = option("curves.png", "picture to write")


@dataclass
class ReadmeOptions:
    """Write the documents' tables anew from results/, the shipped weights and the networks; --check compares."""

    paths: list[str] = option([str(ROOT / path) for path in DOCUMENTS], "files whose tables are written")
    results: str = option(str(ROOT / "results"), "folder of what was measured: RUN/scores.json, trials/, ...")
    check: bool = option(False, "write nothing; fail when a table differs")


@dataclass
class SampleOptions:
    """Write a small defocus data set, made of photographs that scikit-image ships, in the way CUHK is published."""

    output: str = option("demo/source", "folder to write: image/, gt/ (white = blurred) and test.txt")
    training: int = option(40, "training pictures", at_least=2)
    test: int = option(8, "test pictures", at_least=1)
    width: int = option(240, "width in pixels; the height is two thirds of it", at_least=48)
    seed: int = option(0, "seed of everything random", at_least=0)


@dataclass
class SynthesiseOptions:
    """Write a training set with known focus, by the optics of a lens: objects and people in front of blurred
    backgrounds or blurred themselves, rooms at some focus distance, pictures in focus or blurred all over. train takes
    it by --extra.
    """

    objects: str = option("", "folder with images/ and masks/ of objects, white = object, e.g. ECSSD as published")
    people: str = option("", "the same of people in focus, whatever is behind them, e.g. of Clothing Co-Parsing")
    depth: str = option("", "folder with images/ in focus all over and depth/ (8 bits, 255 = 10 m), e.g. of NYU")
    data_path: str = data_path_option("dataset folder: Train/DATASET is written")
    dataset: str = option("SYNTHETIC", "name of the set")
    model_path: str = model_option("what chooses among --objects those in focus: weights, or a shipped model's name")
    device: str = device_option()
    seed: int = option(42, "seed of everything random", at_least=0)
