"""`serve`: a page on this machine that shows what is in focus in the pictures dropped on it."""

import atexit
import itertools
import os
import shutil
import signal
import tempfile
import threading
import time
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Any

import cv2

from ..imaging import renderings
from ..imaging.depth import Warn
from ..imaging.pictures import megapixel_limit, picture_size, read_image, write_png
from ..imaging.resizing import quantised
from ..predictor import Predictor, chosen_weights, load_model
from ..utils.tool_options import RENDERINGS, ServeOptions
from .sample import photograph

# What the page shows beside the map.
FILES = {name: rendering for name, rendering in RENDERINGS.items() if rendering.label}
TURN = {"concurrency_id": "network", "concurrency_limit": 1, "api_visibility": "private"}  # one picture at a time
KEPT = 600  # uploads and results are deleted when they are so old, seconds
CSS = """
.gradio-container { width: 100% !important; max-width: 1240px !important; margin: auto !important }
.cutout img { background: repeating-conic-gradient(#ddd 0 25%, #fff 0 50%) 0 / 20px 20px }
.numbers :is(table, tr, th, td) { border: 0 !important; background: none !important; padding: 6px 2px !important }
"""


def run(options: ServeOptions) -> None:
    """Serves until Ctrl-C or SIGTERM; then nothing is left of what was uploaded and made.

    Raises:
        ValueError, OSError: gradio is not installed, no such weights, no such address, or the port is taken.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    folder = Path(tempfile.mkdtemp(prefix="ran_serve_")).resolve()  # this user's alone
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Gradio reads this when it is imported. It serves the files below these two folders, and no others.
    os.environ |= {"GRADIO_TEMP_DIR": str(folder), "GRADIO_EXAMPLES_CACHE": str(folder / "examples")}
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    try:
        import gradio
    except ImportError:
        raise ValueError("serve needs another package: pip install gradio") from None

    session = Session(load_model(chosen_weights(options.model_path), options.device), folder, options)
    page = build(session).queue(max_size=16)
    font = ("system-ui", "sans-serif")
    theme = gradio.themes.Default(primary_hue="amber", neutral_hue="slate", font=font, font_mono=font)
    try:
        _, address, _ = page.launch(
            server_name=options.host,
            server_port=options.port or None,
            max_file_size=f"{options.max_mb}mb",
            theme=theme,
            css=CSS,
            footer_links=[],
            run_history=False,
            share=False,
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError:
        where = f"{options.host}, port {options.port or 'from 7860'}"
        raise OSError(f"cannot listen on {where}: taken, or no address here; --port 0 takes a free port") from None
    print(f"RAN is at {address} (Ctrl-C ends it)", flush=True)
    try:
        while True:
            time.sleep(60)
            session.sweep()
    except KeyboardInterrupt:
        session.close()
        page.close(verbose=False)


class Session:
    """What the page's controls do: one thing at a time, with all files in one folder."""

    def __init__(self, predictor: "Predictor", folder: Path, options: ServeOptions):
        self.predictor, self.folder, self.options = predictor, folder, options
        self.samples = [folder / "samples" / name for name in ("coffee.png", "chelsea.png")]  # CC0
        for path in self.samples:
            write_png(path, photograph(path.stem))
        self._turn, self._closing = threading.Lock(), False

    def analyse(self, path: Path, warn: Warn = warnings.warn) -> tuple:
        """Everything there is to see of one picture; ValueError and warnings as read_upload.

        Returns:
            To look at, the longer side at most 1024 pixels: the pair photograph and overlay, map, and FILES; the
            numbers as a Markdown table; the files of the map and of FILES at the picture's size.
        """
        with self._turn, megapixel_limit(max(179, self.options.max_megapixels)):
            photograph = read_upload(path, self.options.max_megapixels, warn)
            focus_map = self.predictor(photograph, self.options.size)
            small, small_map = renderings.shrunk(photograph), renderings.shrunk(focus_map)
            grey = quantised(focus_map)
            name = Path(tempfile.mkdtemp(dir=self.folder)) / plain(path.stem)
            shown, files = [renderings.shrunk(grey)], [Path(f"{name}.png")]
            write_png(files[0], grey)
            for file, picture in renderings.write(name, FILES, photograph, focus_map, path):
                shown.append(renderings.shrunk(picture))
                files.append(file)
            numbers = table(path.name, renderings.numbers(small, small_map, focus_map.shape))
            return (small, renderings.overlay(small, small_map)), *shown, numbers, *files

    def batch(self, paths: list[Path], progress=iter) -> tuple[str | None, list[list[str]]]:
        """Maps of many pictures, in one ZIP file; `progress` goes through a list and may show how far it is.

        Returns:
            The file, None where no picture was readable; and for each picture its name and what became of it.
        """
        rows = []
        with self._turn, megapixel_limit(max(179, self.options.max_megapixels)):
            archive = Path(tempfile.mkdtemp(dir=self.folder)) / "focus_maps.zip"
            with zipfile.ZipFile(archive, "w") as maps:
                for path, name in progress(list(zip(paths, names_in_zip(paths)))):
                    if self._closing:
                        raise ValueError("the server was stopped")
                    doubts: list[str] = []
                    try:
                        photograph = read_upload(path, self.options.max_megapixels, doubts.append)
                    except ValueError as error:
                        rows.append([path.name, str(error).removeprefix(f"{path.name}: ")])
                    else:
                        focus_map = quantised(self.predictor(photograph, self.options.size))
                        maps.writestr(name, cv2.imencode(".png", focus_map)[1].tobytes())
                        rows.append([path.name, "; ".join([name, *doubts])])
        return str(archive) if maps.namelist() else None, rows

    def sweep(self) -> None:
        """Deletes old uploads and results, but not while a batch reads them."""
        with self._turn:
            for path in sorted(self.folder.rglob("*"), reverse=True):  # a folder after what is in it
                with suppress(OSError):  # Gradio moves files, too; a folder may hold newer ones
                    if path not in self.samples and time.time() - path.stat().st_mtime > KEPT:
                        path.rmdir() if path.is_dir() else path.unlink()

    def close(self) -> None:
        """Waits for the picture at hand, then takes the turn for good: nothing more is written."""
        self._closing = True
        self._turn.acquire()


def build(session: Session):
    """The page, a gradio.Blocks: a tab for one picture, a tab for many."""
    import gradio as gr

    with gr.Blocks(title="RAN: what is in focus?", analytics_enabled=False) as page:
        gr.Markdown("# Which part of the photograph is in focus?")
        with gr.Tab("One picture"), gr.Row():
            one_picture(gr, session)
        with gr.Tab("Many pictures"), gr.Row():
            many_pictures(gr, session)
        gr.Markdown(f"Nothing leaves the machine that this runs on; it forgets pictures after {KEPT // 60} minutes.")
    return page


def one_picture(gr: Any, session: Session) -> None:
    """The tab for one picture: its overlay, map and files, and the numbers."""
    with gr.Column(scale=1, min_width=280):
        upload = gr.File(label="Photograph", height=150)
        samples = gr.Dataset(label="Samples", components=["image"], samples=[[str(path)] for path in session.samples])
        numbers = gr.Markdown(elem_classes="numbers")
    with gr.Column(scale=3):
        slider = gr.ImageSlider(label="Photograph | in focus", max_height=640, elem_classes="overlay")
        shown, files = [], []
        with gr.Row():
            for style, label in ("map", "Focus map"), *((name, rendering.label) for name, rendering in FILES.items()):
                with gr.Column(min_width=180):
                    shown.append(gr.Image(show_label=False, buttons=["fullscreen"], elem_classes=style))
                    files.append(gr.DownloadButton(f"↓ {label}", size="sm"))
    results = [slider, *shown, numbers, *files]

    def analyse(path: str | None) -> tuple:
        try:
            if path:
                return session.analyse(Path(path), gr.Warning)
        except ValueError as error:
            gr.Warning(str(error))  # gr.Error would leave the results of the picture before
        return (None,) * len(results)

    upload.change(analyse, upload, results, **TURN)
    samples.click(lambda sample: sample[0], samples, upload, api_visibility="private")


def many_pictures(gr: Any, session: Session) -> None:
    """The tab for many pictures: a ZIP of their maps, and what became of each."""
    with gr.Column():
        uploads = gr.File(label="Photographs", file_count="multiple", height=300)
        start = gr.Button("Make their focus maps", variant="primary")
    with gr.Column():
        archive = gr.File(label="Focus maps, ZIP", interactive=False, height=150)
        listed = gr.Dataframe(headers=["picture", "its map, or what is wrong"], buttons=[], wrap=True)

    def batch(paths: list[str] | None, progress=gr.Progress()) -> tuple:  # noqa: B008 (Gradio looks for it there)
        try:
            return session.batch(
                [Path(path) for path in paths or ()], lambda todo: progress.tqdm(todo, unit="pictures")
            )
        except ValueError as error:
            gr.Warning(str(error))
            return None, None

    start.click(batch, uploads, [archive, listed], **TURN)


def read_upload(path: Path, max_megapixels: float, warn: Warn = warnings.warn):
    """An uploaded picture, H x W x 3 uint8, as imaging.pictures.read_image reads it; its sentences begin with the name.

    Raises:
        ValueError: gone, too large by its header, or not readable; with the file's name, but not its folder.
    """
    if not path.is_file():
        raise ValueError(f"{path.name}: no longer here, after {KEPT // 60} minutes; please drop it again")
    height, width = picture_size(path)
    if height * width > max_megapixels * 1e6:
        raise ValueError(f"{path.name}: {width} x {height} are more than {max_megapixels:g} million pixels")
    folder = f"{path.parent}{os.sep}"
    try:
        return read_image(path, warn=lambda text: warn(text.replace(folder, "")))
    except ValueError as error:
        raise ValueError(str(error).replace(folder, "")) from None


def names_in_zip(paths: list[Path]) -> list[str]:
    """Names for the maps: those of the pictures without folders, told apart (also where A and a are the same)."""
    names: dict[str, str] = {}
    for path in paths:
        stem = plain(PureWindowsPath(path).stem)  # knows both kinds of slashes
        tries = itertools.chain([stem], (f"{stem}_{number}" for number in itertools.count(2)))
        name = next(name for name in tries if name.casefold() not in names)
        names[name.casefold()] = f"{name}.png"
    return list(names.values())


def plain(stem: str) -> str:
    """A name that a ZIP file can hold, and short enough for a file's with a suffix."""
    return stem.encode("utf-8", "replace")[:240].decode("utf-8", "ignore")


def table(name: str, row: dict) -> str:
    """What imaging.renderings.numbers says of a picture, as a Markdown table."""
    rows = {name: "", "---": "---:", "size": f"{row['width']} × {row['height']}", "in focus": f"{row['in_focus']:.1%}"}
    if row["in_focus"]:
        rows["its centre"] = f"{row['centre_x']:.0f}, {row['centre_y']:.0f}"
        rows["its box"] = f"{row['left']}, {row['top']} to {row['right']}, {row['bottom']}"
    rows |= {"confidence": f"{row['confidence']:.2f}", "sharpness": f"{row['sharpness']:.1f}"}
    return "\n".join(f"| {what} | {value} |" for what, value in rows.items())
