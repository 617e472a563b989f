"""The options of predict, video and serve, and the renderings they offer. Imports nothing heavy."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ..utils.command_line import option
from ..utils.options import MIN_SIZE, device_option, model_option, output_option

BLUR = 2.4  # diameter of the bokeh's disc, percent of the longer side


class Rendering(NamedTuple):
    """A rendering of an image and its map, by the function of its name in photos.renderings."""

    suffix: str
    help: str
    label: str


RENDERINGS = {
    "overlay": Rendering(".overlay.jpg", "the part in focus outlined, the rest darkened", "Overlay"),
    "cutout": Rendering(".cutout.png", "the part in focus, the rest transparent", "Cut-out"),
    "bokeh": Rendering(".bokeh.jpg", "the blurred part blurred more", "Bokeh"),
}
SUFFIXES = {"map": ".png"} | {kind: rendering.suffix for kind, rendering in RENDERINGS.items()}  # of predict's files
network = partial(model_option, "weights or .onnx file, run folder or shipped model (default: ran_photos)")


@dataclass
class PredictOptions:
    """Write focus maps of images: files, folders with their subfolders, or patterns such as "shoot/*.jpg"."""

    paths: list[str] = option([], "images: files, folders, patterns", positional=True)
    output: str = output_option("maps", "folder for maps: NAME.png, 255 = in focus")
    overlay: bool = option(False, f"also write NAME{RENDERINGS['overlay'].suffix}: {RENDERINGS['overlay'].help}")
    cutout: bool = option(False, f"also write NAME{RENDERINGS['cutout'].suffix}: {RENDERINGS['cutout'].help}")
    bokeh: bool = option(False, f"also write NAME{RENDERINGS['bokeh'].suffix}: {RENDERINGS['bokeh'].help}")
    blur: float = option(BLUR, "with --bokeh: diameter of the blur disc, percent of the longer side", at_least=1)
    table: str = option("", "write numbers of images to OUTPUT/focus.csv or .json", choices=("", "csv", "json"))
    tile: int = option(0, "predict overlapping squares of this side, pixels: finer maps; 0 = the whole", at_least=0)
    model_path: str = network()
    device: str = device_option()
    overwrite: bool = option(False, "write existing results again")
    quiet: bool = option(False, "print warnings and errors only")

    def __post_init__(self):
        if 0 < self.tile < MIN_SIZE:
            raise ValueError(f"--tile {self.tile}: expected at least {MIN_SIZE} pixels, or 0")
        if self.blur != BLUR and not self.bokeh:
            raise ValueError("--blur is the strength of --bokeh: add it")


@dataclass
class VideoOptions:
    """Write a new video with the same sound: the focus map of every frame, or a rendering of it."""

    paths: list[str] = option([], "a video file", positional=True)
    output: str = output_option("maps", "video to write (.mp4 or .webm), or folder for NAME.overlay.mp4")
    show: str = option("overlay", "what to show of each frame", choices=("map", *RENDERINGS))
    table: str = option("", "csv: write numbers of every frame to NAME.overlay.csv", choices=("", "csv"))
    model_path: str = network()
    device: str = device_option()
    overwrite: bool = option(False, "replace an existing video and its table")

    def __post_init__(self):
        if len(self.paths) != 1:
            raise ValueError(f"name one video, not {len(self.paths)}")


@dataclass
class ServeOptions:
    """Serve a page that shows what is in focus in an image: overlay, map, cut-out, bokeh, numbers."""

    model_path: str = network()
    device: str = device_option()
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0 opens the page to the network")
    port: int = option(0, "port to listen on; 0 = the first free one from 7860", at_least=0)
