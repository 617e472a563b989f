"""`serve`: a page on this machine that shows what is in focus in the pictures dropped on it."""

import atexit
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from ...predictor import chosen_weights, load_model
from ...utils.tool_options import ServeOptions
from .session import FILES, KEPT, Session

WAITING = {"concurrency_limit": 8, "api_visibility": "private"}  # of each tab, for the turns that Session gives
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

    weights = chosen_weights(options.model_path, options.engine)
    session = Session(load_model(weights, options.device), folder, options)
    page = build(session).queue(max_size=16)
    font = ("system-ui", "sans-serif")
    theme = gradio.themes.Default(primary_hue="amber", neutral_hue="slate", font=font, font_mono=font)
    address = listen(page, options, theme)
    print(f"RAN is at {address} (Ctrl-C ends it)", flush=True)
    try:
        while True:
            time.sleep(60)
            session.sweep()
    except KeyboardInterrupt:
        session.close()
        page.close(verbose=False)


def listen(page: Any, options: ServeOptions, theme: Any) -> str:
    """Starts to serve the page; returns its address. OSError as in run."""
    try:
        _, address, _ = page.launch(
            server_name=options.host,
            server_port=options.port or None,
            root_path=options.root_path,
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
    return address


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

    upload.change(analyse, upload, results, **WAITING)
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

    start.click(batch, uploads, [archive, listed], **WAITING)
