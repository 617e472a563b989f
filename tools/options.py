"""The options of the commands of this folder: a dataclass each, whose docstring --help says first.

Imports nothing heavy.
"""

from dataclasses import dataclass

from ..utils.command_line import option
from ..utils.options import ARCHS, data_path_option, device_option, model_option, output_option


@dataclass
class PrepareOptions:
    """Copy a data set into the layout of train and test. CUHK, DUT and the 320 x 320 pack of both are recognised."""

    source: str = option("", "folder of a published data set")
    images: str = option("", "folder of images of any other set")
    masks: str = option("", "folder of masks for --images")
    dataset: str = option("", "name of the set (known for --source)")
    white: str = option("", "meaning of white in the masks (known for --source)", choices=("blurred", "in_focus"))
    split: str = option("", "use of --images (default: as --test_list says)", choices=("train", "test"))
    test_list: str = option("", "text file with a test image's stem on each line (CUHK: BTBNet's split)")
    data_path: str = data_path_option("dataset folder to write")
    check: bool = option(False, "write nothing; check the dataset folder at --data_path")


@dataclass
class AblationOptions:
    """Train and score variants of the network or of its recipe, each on its own, and compare them."""

    variants: str = option("", "YAML file of variants, NAME: {option: value, ...} (default: configs/ablation.yaml)")
    seeds: list[int] = option([42], "seeds of the trainings of each row")
    folds: list[int] = option([1, 2, 3, 4, 5], "fifths of the training images to leave out and score; 0: test sets")
    data_path: str = data_path_option("dataset folder")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found)")
    model_path: str = option("runs/ablation", "folder for the runs (ROW/seedN) and the table")
    device: str = device_option()


@dataclass
class ExportOptions:
    """Write a trained network as an ONNX file, or as a half-precision weights file to share."""

    model_path: str = model_option("weights file, run folder or shipped model (default: ran_photos)")
    output: str = output_option("", "NAME.onnx or NAME.safetensors (default: .onnx in the run folder, or here)")
    average: list[str] = option([], "safetensors: more weights from the same start; the file holds the mean of all")


@dataclass
class EvaluateOptions:
    """Score folders of saved focus maps, of any method, against the ground truth."""

    maps: list[str] = option([], "NAME=DIR or DIR of each method's maps, white = in focus (several sets: DIR/SET)")
    blurred_maps: list[str] = option([], "methods whose maps are white where the image is blurred")
    data_path: str = data_path_option("dataset folder, as prepare writes it")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found, or that of --gt's folder)")
    gt: str = option("", "folder of masks instead of --data_path; images/ or image/ beside it holds the images")
    white: str = option("in_focus", "with --gt: meaning of white in the masks", choices=("in_focus", "blurred"))
    output: str = output_option("runs/evaluation", "folder for scores.json and scores.csv")


@dataclass
class ReportOptions:
    """Turn the scores of test and evaluate into tables (Markdown, LaTeX, CSV), curves and an HTML page."""

    scores: list[str] = option([], "folders of test or evaluate, or their scores.json")
    output: str = output_option("runs/report", "folder to write")
    methods: list[str] = option([], "methods to show, in this order (default: all)")
    columns: list[str] = option(["P0", "P3", "S"], "columns of tables.tex beside MAE: P0 P1 P3 P5 S E wF FOCUS")
    examples: list[str] = option([], "images in the grid, by file stem (default: from smallest to largest error)")


@dataclass
class InfoOptions:
    """Print parameters and multiply-adds of the networks, for an image of 384 x 384."""

    arch: list[str] = option(["resnet18", "resnet50", "efficientnet_b3"], f"encoders: {', '.join(ARCHS)}")


@dataclass
class SampleOptions:
    """Write a small defocus data set from images of scikit-image, in the layout of the published CUHK."""

    output: str = output_option("demo/source", "folder to write: image/, gt/ (white = blurred) and test.txt")
    images: int = option(48, "number of images; a sixth of them is for test", at_least=3)


@dataclass
class SynthesiseOptions:
    """Write a training set with known focus, made from sharp images; a recipe of train adds extra: [SYNTHETIC]."""

    objects: str = option("", "folder with images/ and masks/ of objects, white = object, e.g. ECSSD as published")
    people: str = option("", "the same for people in focus, e.g. Clothing Co-Parsing; any background")
    depth: str = option("", "folder with images/ in focus all over and depth/ (8 bits, 255 = 10 m), e.g. NYU")
    focus: str = option("", "folder of a prepared training set, e.g. dataset/Train/CUHK; gives squares of one class")
    data_path: str = data_path_option("dataset folder; the set becomes Train/SYNTHETIC")


@dataclass
class ExplainOptions:
    """Draw the parts of a network for one image: gates, streams, connectivity, contour and map."""

    image: list[str] = option([], "the image", positional=True)
    model_path: str = model_option("weights file, run folder or shipped model (default: ran_photos)")
    output: str = output_option("runs/explain", "folder for NAME.explain.png (300 dpi) and a file of each part")
