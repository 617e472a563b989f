"""The options of the commands for photographs, and the renderings that these make of them; see tool_options."""

from dataclasses import dataclass, make_dataclass
from typing import Any, NamedTuple

from .command_line import option
from .options import PRECISIONS, device_option, output_option


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
        raise ValueError("--background is about what is transparent: --cutout of predict, --show cutout of video")
    if blur != BLUR and "bokeh" not in shown:
        raise ValueError("--blur is about the bokeh: --bokeh of predict, --show bokeh of video")
    if not blur <= 20:
        raise ValueError(f"--blur {blur:g}: 20 percent of the longer side at most")


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
