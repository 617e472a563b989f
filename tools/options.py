"""The options of the commands of this folder: a dataclass each, whose docstring --help says first.

Imports nothing heavy.
"""

from dataclasses import dataclass

from ..utils.command_line import option
from ..utils.options import ARCHS, data_path_option, device_option, model_option, output_option


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
class AblationOptions:
    """Train and score the network with some of its parts switched off, or the rows of a file, each under one recipe."""

    recipe: str = option("", "YAML file of options of train, which all rows share (default: the paper's recipe)")
    variants: str = option("", "YAML file of other rows: name: {option: value, ...}; against: NAME is the row to beat")
    seeds: list[int] = option([42], "seeds that every row is trained with")
    folds: list[int] = option(
        [1, 2, 3, 4, 5], "fifths of the training images that are left out and scored; 0: test sets"
    )
    data_path: str = data_path_option("dataset folder")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found)")
    model_path: str = option("runs/ablation", "folder of the runs, ROW/seedN, and of the table")
    device: str = device_option()


@dataclass
class ExportOptions:
    """Write a trained network as an ONNX file, or as a half-precision weights file to share."""

    model_path: str = model_option("weights file, run folder or shipped model (default: ran_photos)")
    output: str = output_option("", "NAME.onnx or NAME.safetensors (default: an .onnx file beside the weights)")
    average: list[str] = option([], "safetensors: further weights from the same start; the file gets the mean of all")
    data_path: str = option("", "safetensors: dataset folder; the file gets the scores on it", aliases=("--data_pth",))


@dataclass
class EvaluateOptions:
    """Score folders of saved focus maps, of any method, against the ground truth."""

    maps: list[str] = option(
        [],
        "NAME=DIR of each method, or DIR: its maps (of several sets DIR/SET), named as the masks; white = in focus",
    )
    blurred_maps: list[str] = option([], "names of the methods in whose maps white means blurred")
    data_path: str = data_path_option("dataset folder, as prepare writes it: its test masks and images")
    datasets: list[str] = option([], "names of the sets, e.g. CUHK DUT (default: all found, or that of --gt's folder)")
    gt: str = option("", "folder of masks, instead of the dataset folder's; images/ or image/ beside it has the images")
    white: str = option("in_focus", "beside --gt: what white means in its masks", choices=("in_focus", "blurred"))
    allow_missing: bool = option(False, "score what is there when maps are missing or unusable, or images damaged")
    output: str = output_option("runs/evaluation", "folder for scores.json, scores.csv and curves.csv")


@dataclass
class InfoOptions:
    """Print parameters and multiply-adds of the networks, for an image of 384 x 384."""

    arch: list[str] = option(["resnet18", "resnet50", "efficientnet_b3"], f"encoders: {', '.join(ARCHS)}")


@dataclass
class SampleOptions:
    """Write a small defocus data set, made of images that scikit-image ships, in the way CUHK is published."""

    output: str = output_option("demo/source", "folder to write: image/, gt/ (white = blurred) and test.txt")
    images: int = option(48, "how many images; a sixth of them is for test", at_least=3)


@dataclass
class SynthesiseOptions:
    """Write a training set with known focus, by the optics of a lens: objects and people in front of blurred
    backgrounds or blurred themselves, rooms at some focus distance, images in focus or blurred all over. A recipe
    of train takes it by extra: [SYNTHETIC].
    """

    objects: str = option("", "folder with images/ and masks/ of objects, white = object, e.g. ECSSD as published")
    people: str = option("", "the same of people in focus, whatever is behind them, e.g. of Clothing Co-Parsing")
    depth: str = option("", "folder with images/ in focus all over and depth/ (8 bits, 255 = 10 m), e.g. of NYU")
    focus: str = option("", "folder of a prepared training set, e.g. dataset/Train/CUHK: squares of one class are cut")
    data_path: str = data_path_option("dataset folder: Train/SYNTHETIC is written")


@dataclass
class ExplainOptions:
    """Draw what the parts of a trained network make of one image: gate and streams of each attention, connectivity,
    contour and map.
    """

    image: list[str] = option([], "the image", positional=True)
    model_path: str = model_option("weights file, run folder, or the name of a shipped model")
    output: str = output_option("runs/explain", "folder for NAME.explain.png, 300 dots an inch, and each part's file")
