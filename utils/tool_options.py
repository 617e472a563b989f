"""The options of the commands beside those in options: a dataclass each, whose docstring --help says first.

Imports nothing heavy either.
"""

from dataclasses import dataclass, make_dataclass
from typing import Any, NamedTuple

from .command_line import option
from .options import ARCHS, ATTENTIONS, DECODERS, PRECISIONS, ROOT, data_path_option, device_option, output_option

DOCUMENTS = (
    "README.md",
    "weights/README.md",
    *(f"docs/{name}.md" for name in ("photographs", "results", "recipe", "speed", "guarantees")),
)


class Rendering(NamedTuple):
    """What imaging.renderings' function of its name makes: its file's suffix, what it shows, and its label on serve's
    page."""

    suffix: str
    help: str
    label: str


RENDERINGS = {
    "overlay": Rendering(".overlay.jpg", "what is in focus outlined, the rest darkened", "Overlay"),
    "cutout": Rendering(".cutout.png", "what is in focus, with alpha", "Cut-out"),
    "bokeh": Rendering(".bokeh.jpg", "what is blurred, blurred further", "More blur"),
}
BLUR = 2.4  # of the bokeh's disc: diameter, percent of the longer side
EXPORTS = ("onnx",)  # of tools.export.TARGETS


def model_option(help: str) -> Any:
    """A trained network; --model ran_lite2 reads as what it is."""
    return option("", f"{help} (default: ran_photos)", aliases=("--model",))


def engine_option() -> Any:
    """What computes the network; see predictor.engine_file."""
    return option(
        "auto",
        "onnx: onnxruntime, on the file that export wrote, without PyTorch; auto = torch where it is installed",
        choices=("auto", "torch", "onnx"),
    )


def background_option(file: str) -> Any:
    """What a cut-out is put on, and what that makes of its file."""
    return option("", f"a colour (white, #ffffff) or a picture, which the cut-out is put on, without alpha: {file}")


def blur_option() -> Any:
    return option(BLUR, "of the bokeh: diameter of its disc, percent of the longer side, 0.2 to 20", at_least=0.2)


def check_look(background: str, blur: float, shown: list[str]) -> None:
    """Raises ValueError where an option is about a rendering that is not shown, or beyond its range."""
    if background and not any(name in RENDERINGS and RENDERINGS[name].suffix.endswith(".png") for name in shown):
        raise ValueError("--background is about what is transparent: name cutout too")
    if blur != BLUR and "bokeh" not in shown:
        raise ValueError("--blur is about the bokeh: name that too")
    if not blur <= 20:
        raise ValueError(f"--blur {blur:g}: 20 percent of the longer side at most")


@dataclass
class PrepareOptions:
    """Turn a published data set into the layout that train and test read; the source is never touched. Known by their
    folders' names: CUHK and DUT as their authors publish them, and the 320 x 320 pack of both.
    """

    source: str = option("", "folder that holds the data set as published")
    images: str = option("", "any other set: its folder of photographs ...")
    masks: str = option("", "... and of masks")
    mask_prefix: str = option("", "what names of masks have before those of photographs, e.g. mask_ ...")
    mask_suffix: str = option("", "... or behind them, e.g. _mask (default: found where all have the same)")
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

    paths: list[str] = option(
        [], "photographs: files, folders, patterns; - reads a list of them, or one", positional=True
    )
    null: bool = option(False, "the paths of the list end with a NUL, as those of find -print0", aliases=("-0",))
    exclude: list[str] = option([], 'patterns of files and folders to leave out, e.g. "*_edit.jpg"')
    follow_links: bool = option(False, "look into linked folders too, into each once")
    output: str = output_option("maps", "folder for maps: PATH/BELOW/IT.png, 255 = in focus; - writes one to stdout")
    model_path: str = model_option("weights file, run folder, ONNX file, or the name of a shipped model")
    engine: str = engine_option()
    device: str = device_option()
    amp: str = option("off", "mixed precision: bf16 and fp16 are faster on GPUs", choices=PRECISIONS)
    size: int = option(0, "side of the square that the network sees, pixels; 0 = as in training", at_least=0)
    tile: int = option(0, "look at overlapping squares of this side, pixels: finer; 0 = the whole at once", at_least=0)
    tta: bool = option(False, "average over the photograph and its mirror image")
    batch_size: int = option(
        1, "photographs that the network sees at a time; large ones fewer, 64 megapixels in all", at_least=1
    )
    bits: int = option(8, "depth of the maps", choices=(8, 16))
    depth: int = option(
        0, "bits that values of 16-bit photographs have, such as 12; 0 = as the file says", choices=(0, *range(8, 17))
    )
    max_megapixels: float = option(
        179.0, "refuse larger photographs; a file made to fill the memory would be one", at_least=0
    )


# Of predict, one for each rendering.
_switches = [
    (name, bool, option(False, f"also NAME{rendering.suffix}: {rendering.help}"))
    for name, rendering in RENDERINGS.items()
]
_Switches: Any = make_dataclass("_Switches", _switches, bases=(_MapOptions,))


@dataclass
class PredictOptions(_Switches):
    """Write the focus maps of photographs: files, folders, patterns, or - for a list or a picture on standard input."""

    background: str = background_option("NAME.cutout.jpg")
    blur: float = blur_option()
    table: str = option("", "csv or json: numbers of every photograph in OUTPUT/focus.csv", choices=("", "csv", "json"))
    sort: str = option(
        "",
        "print photographs, sharpest first, or link them so as OUTPUT/sorted/0001_NAME; writes focus.csv, too",
        choices=("", "print", "link"),
    )
    overwrite: bool = option(False, "write results anew that are there already")

    def __post_init__(self):
        check_look(self.background, self.blur, [name for name in RENDERINGS if getattr(self, name)])


@dataclass
class VideoOptions:
    """Write what is in focus in a video, frame by frame: its map, or one of the renderings; its sound stays."""

    paths: list[str] = option([], "a video file, or the number of a camera, as in `video 0`", positional=True)
    output: str = output_option("maps", "video to write (.mp4, .mov, .mkv, .webm), or a folder for NAME.overlay.mp4")
    show: str = option("overlay", "what becomes of each frame", choices=("map", *RENDERINGS))
    background: str = background_option("any container")
    blur: float = blur_option()
    table: str = option("", "csv: numbers of every frame, in NAME.overlay.frames.csv", choices=("", "csv"))
    smooth: bool = option(False, "average the maps over a tenth of a second where frames are alike: less flicker")
    frames: int = option(0, "end after so many; 0 = all, of a camera until Ctrl-C", at_least=0)
    overwrite: bool = option(False, "replace a video of that name, and its table")
    model_path: str = model_option("weights file, run folder, ONNX file, or the name of a shipped model")
    engine: str = engine_option()
    device: str = device_option()
    amp: str = option("off", "mixed precision: bf16 and fp16 are faster on GPUs", choices=PRECISIONS)
    size: int = option(0, "side of the square that the network sees, pixels; 0 = as in training", at_least=0)

    def __post_init__(self):
        check_look(self.background, self.blur, [self.show])
        if 0 < self.size < 32:
            raise ValueError("--size is at least 32, or 0 for that of the training")


@dataclass
class ServeOptions:
    """Open a page on this machine that shows what is in focus in a picture: map, overlay, cut-out, bokeh."""

    model_path: str = model_option("weights file, run folder, ONNX file, or the name of a shipped model")
    engine: str = engine_option()
    device: str = device_option()
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0 lets every machine that reaches this one use it")
    port: int = option(0, "port to listen on; 0 = the first free one from 7860", at_least=0)
    root_path: str = option("", "behind a reverse proxy: the path or URL that the page has there, such as /focus")
    size: int = option(0, "side of the square that the network sees, pixels; 0 = as in training", at_least=0)
    max_mb: int = option(50, "largest file, MB", at_least=1)
    max_megapixels: float = option(50.0, "largest picture, millions of pixels", at_least=0)

    def __post_init__(self):
        if self.port > 65535 or 0 < self.size < 32:
            raise ValueError("--port is at most 65535; --size is at least 32, or 0 for that of the training")
        if self.root_path and not self.root_path.startswith(("/", "http://", "https://")):
            raise ValueError(f"--root_path {self.root_path}: a path that begins with /, or a URL")


@dataclass
class ExportOptions:
    """Write the network as an ONNX file that takes 0-255 RGB of any size, and compare it with PyTorch."""

    model_path: str = model_option("weights file, run folder, or the name of a shipped model")
    format: str = option("onnx", "of the file", choices=EXPORTS)
    output: str = output_option("", "file to write (default: beside the weights, with the suffix .onnx)")


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
class CurvesOptions:
    """Draw loss and validation MAE of several runs into one picture."""

    runs: list[str] = option([], "run folders, or their history.csv files")
    output: str = output_option("curves.png", "picture to write")


@dataclass
class ReadmeOptions:
    """Write the documents' tables anew from results/, the shipped weights and the networks; --check compares."""

    paths: list[str] = option([str(ROOT / path) for path in DOCUMENTS], "files whose tables are written")
    results: str = option(str(ROOT / "results"), "folder of what was measured: RUN/scores.json, trials/, ...")
    check: bool = option(False, "write nothing; fail when a table differs")


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
