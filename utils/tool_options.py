"""The options of the commands beside those in options and photos.options: a dataclass each, whose docstring --help
says first. Imports nothing heavy either.
"""

from dataclasses import dataclass

from .command_line import option
from .options import ARCHS, ATTENTIONS, DECODERS, data_path_option, device_option, model_option, output_option

FORMATS = ("onnx", "safetensors")  # of export


@dataclass
class PrepareOptions:
    """Turn a published data set into the layout that train and test read; the source is never touched. Known by their
    folders' names: CUHK and DUT as their authors publish them, and the 320 x 320 pack of both.
    """

    source: str = option("", "folder that holds the data set as published")
    images: str = option("", "any other set: its folder of images ...")
    masks: str = option("", "... and of masks")
    dataset: str = option("", "name that the set gets (a known source brings its own)")
    white: str = option("", "what white means in the masks (a known source says it)", choices=("blurred", "in_focus"))
    trimaps: bool = option(False, "--masks may hold a third level, 128 = unknown, which train leaves out of the loss")
    split: str = option("", "what --images holds (default: as --test_list says)", choices=("train", "test"))
    test_list: str = option("", "text file with the stems of the test images, one a line (CUHK: the split of BTBNet)")
    data_path: str = data_path_option("dataset folder to write")
    check: bool = option(False, "write nothing: verify the dataset folder at --data_path")


@dataclass
class ExportOptions:
    """Write a trained network as an ONNX file, or as a half-precision weights file to share."""

    model_path: str = model_option("weights file, run folder, or the name of a shipped model")
    format: str = option("onnx", "format of the file", choices=FORMATS)
    output: str = output_option(
        "", "file to write (default: beside the weights, NAME.onnx; in a run folder best_model.onnx or RUN.safetensors)"
    )
    average: list[str] = option([], "safetensors: further weights from the same start; the file gets the mean of all")
    data_path: str = option(
        "",
        "dataset folder; its test sets are scored and the scores stored in the file (default: no scores)",
        aliases=("--data_pth",),
    )


@dataclass
class EvaluateOptions:
    """Score folders of saved focus maps, of any method, against the ground truth."""

    maps: list[str] = option(
        [], "NAME=DIR of each method, or DIR, as in maps/*: its maps, named as the masks are; grey, white = in focus"
    )
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
    output: str = output_option("runs/evaluation", "folder for scores.json, scores.csv and curves.csv")


@dataclass
class ReportOptions:
    """Turn the scores of test and evaluate into tables (Markdown, LaTeX, CSV), curves and an HTML page."""

    scores: list[str] = option([], "folders of test or evaluate, or their scores.json; methods on one set are compared")
    output: str = output_option("runs/report", "folder to write")
    methods: list[str] = option([], "methods to show, in this order (default: all)")
    columns: list[str] = option(["P0", "P3", "S"], "columns of tables.tex beside MAE, of P0 P1 P3 P5 S E wF")
    published: str = option(
        "yes", "numbers taken from papers, apart from the measured ones: yes, no, or a file like configs/published.json"
    )
    pictures: bool = option(True, "show photographs and maps; False needs the scores alone")
    examples: list[str] = option([], "images in the grid, by file stem (default: best, median and worst ones)")
    by: str = option("", "method by whose MAE the grid's images are chosen (default: the one with the lowest)")
    count: int = option(2, "how many best, median and worst images the grid has", at_least=1)
    title: str = option("Focus maps compared", "title of the page")


@dataclass
class InfoOptions:
    """Print parameters and multiply-adds of the networks."""

    arch: list[str] = option(["resnet18", "resnet50", "efficientnet_b3"], f"encoders: {', '.join(ARCHS)}")
    img_size: int = option(384, "side of the network's input, pixels", at_least=32)
    attention: str = option("separated", "as in train", choices=ATTENTIONS)
    connectivity: bool = option(True, "as in train")
    decoder: str = option("paper", "as in train", choices=DECODERS)


@dataclass
class SampleOptions:
    """Write a small defocus data set, made of photographs that scikit-image ships, in the way CUHK is published."""

    output: str = output_option("demo/source", "folder to write: image/, gt/ (white = blurred) and test.txt")
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
    focus: str = option("", "folder of a prepared training set, e.g. dataset/Train/CUHK: squares of one class are cut")
    data_path: str = data_path_option("dataset folder: Train/DATASET is written")
    dataset: str = option("SYNTHETIC", "name of the set")
    model_path: str = model_option("what chooses among --objects those in focus: weights, or a shipped model's name")
    device: str = device_option()
    seed: int = option(42, "seed of everything random", at_least=0)
