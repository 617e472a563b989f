"""`serve`: a page on this machine that shows what is in focus in an image. It consists of Gradio's own parts."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..data.images import write_image
from ..predictor import Predictor, chosen_weights
from .formats import optional, read_pixels
from .onnx import load_model
from .options import RENDERINGS, PredictOptions, ServeOptions
from .predict import Prediction
from .sharpness import numbers
from .sources import Source

MAX_MB = 50  # of a file


def run(options: ServeOptions) -> None:
    """Serves the page until Ctrl-C or SIGTERM, then removes all uploads and results."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="ran_serve_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # runs after the last thread that writes there
    os.environ |= {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    optional("gradio", "serve", "gradio")  # which reads these variables
    page = build(load_model(chosen_weights(options.model_path), options.device), folder)
    try:
        address = page.launch(
            server_name=options.host, server_port=options.port or None, max_file_size=f"{MAX_MB}mb",
            share=False, footer_links=[], run_history=False, ssr_mode=False, quiet=True, prevent_thread_lock=True,
        )[1]  # fmt: skip
    except (OSError, OverflowError):
        place = f"{options.host}, port {options.port or 'from 7860'}"
        raise OSError(f"cannot listen on {place}: it is taken, or not on this machine; try --port 0") from None
    print(f"RAN is at {address} (Ctrl-C ends it)", flush=True)
    page.block_thread()


def results(predictor: Predictor, images: list[str], folder: str, **options: Any) -> Prediction:
    """Writes maps of images, and what options of predict add, into a new folder below `folder`."""
    sources: dict[str, Source] = {}
    for path in map(Path, images):
        name = path.stem.replace(".", "_")  # a.cutout.png would be the map of a.cutout and the cut-out of a
        while name.casefold() in sources:  # another image of this name
            name += "_2"
        sources[name.casefold()] = Source(path, name, path.name)
    prediction = Prediction(PredictOptions(**options), Path(tempfile.mkdtemp(dir=folder)), predictor)
    prediction.predict([*sources.values()])
    return prediction


def handlers(predictor: Predictor, folder: str) -> tuple[Callable, Callable, Callable]:
    """What the page calls: predict (for programs), show (one image) and pack (many images)."""
    import gradio as gr

    def predict(image: str) -> str:
        prediction = results(predictor, [image], folder)
        if prediction.failed:
            raise gr.Error(prediction.failed[0], print_exception=False)
        (focus_map,) = prediction.output.iterdir()
        return str(focus_map)

    def show(value: dict) -> list:
        if not value["files"]:
            raise gr.Error("drop, paste or attach an image first", print_exception=False)
        prediction = results(predictor, value["files"][:1], folder, **dict.fromkeys(RENDERINGS, True))
        for sentence in prediction.failed + prediction.warned:
            gr.Warning(sentence, duration=None)
        if prediction.failed:
            return [None] * (3 + len(RENDERINGS))
        files = {"".join(file.suffixes): file for file in prediction.output.iterdir()}
        pixels, preview = read_pixels(value["files"][0]), prediction.output / "image.jpg"
        write_image(preview, pixels)  # browsers cannot show HEIC
        row = numbers(pixels, np.asarray(Image.open(files[".png"])))
        rows = [[key.replace("_", " "), value] for key, value in row.items() if value is not None]
        overlay, *views = (files[rendering.suffix] for rendering in RENDERINGS.values())
        return [None, (preview, overlay), rows, files[".png"], *views]

    def pack(images: list[str] | None, kinds: list[str], progress=gr.Progress(track_tqdm=True)) -> tuple:  # noqa: B008
        images = images or []
        prediction = results(predictor, images, folder, table="csv", **dict.fromkeys(kinds, True))
        (prediction.output / ".focus.csv.lock").unlink(missing_ok=True)
        archive = shutil.make_archive(str(Path(tempfile.mkdtemp(dir=folder), "focus_maps")), "zip", prediction.output)
        shutil.rmtree(prediction.output)  # Gradio deletes only what a component shows
        done = f"{len(images) - len(prediction.failed)} of {len(images)} images done"
        failed = [f"Failed: {sentence}" for sentence in prediction.failed]
        return archive, "\n".join([done, *failed, *prediction.warned])

    return predict, show, pack


def build(predictor: Predictor, folder: str) -> Any:
    """The page, a gr.Blocks; `folder` is Gradio's."""
    import gradio as gr

    predict, show, pack = handlers(predictor, folder)
    first, *others = [rendering.label for rendering in RENDERINGS.values()]
    own: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "network"}
    with gr.Blocks(title="RAN: what is in focus?", analytics_enabled=False, delete_cache=(60, 600)) as page:
        gr.Markdown("# Which part of the image is in focus?")
        with gr.Tab("One image"):
            box = gr.MultimodalTextbox(placeholder="Drop, paste or attach an image", label="Image", submit_btn="Show")
            with gr.Row():
                slider = gr.ImageSlider(label=f"Image | {first}", max_height=640, scale=3)
                table = gr.Dataframe(headers=["number", "value"], label="Numbers", interactive=False, min_width=280)
            with gr.Row():
                views = [gr.Image(label=label, buttons=["download", "fullscreen"]) for label in ("Focus map", *others)]
            box.submit(show, box, [box, slider, table, *views], show_progress_on=slider, **own)
        with gr.Tab("Many images"):
            uploads = gr.File(label="Images", file_count="multiple", height=300)
            choices = [(rendering.label, kind) for kind, rendering in RENDERINGS.items()]
            extras = gr.CheckboxGroup(choices, label="In the ZIP file beside the maps and their numbers")
            start = gr.Button("Make focus maps", variant="primary")
            outputs = [gr.File(label="ZIP file", interactive=False), gr.Textbox(label="Report", lines=4)]
            start.click(pack, [uploads, extras], outputs, **own)
        gr.Markdown(f"A file may have up to {MAX_MB} MB. The server deletes images and results after ten minutes.")
        hidden = gr.Button(visible=False), gr.File(visible=False), gr.File(visible=False)
        hidden[0].click(predict, *hidden[1:], api_name="predict", concurrency_id="network")
    return page.queue(max_size=16, default_concurrency_limit=1, api_open=False)
