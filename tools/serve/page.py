"""The page of `serve`: a tab for one picture, a tab for many, and the endpoint of Gradio's client."""

import tempfile
from pathlib import Path
from typing import Any

import gradio as gr

from ...utils.files import write_bytes
from ...utils.photograph_options import RENDERINGS
from . import text
from .session import KEPT, Session, plain

AT_ONCE = 8  # that wait for the turns that Session gives, of each function
WAITING: dict[str, Any] = {"concurrency_limit": AT_ONCE, "api_visibility": "private"}
SHOWN = {
    "map": ("Focus map", "focus map: white is in focus")
}  # the label and what it shows, of each file beside the photograph
SHOWN |= {name: (rendering.label, rendering.help) for name, rendering in RENDERINGS.items()}
CSS = """
.gradio-container { width: 100% !important; max-width: 1240px !important; margin: auto !important }
.cutout img { background: repeating-conic-gradient(#ddd 0 25%, #fff 0 50%) 0 / 20px 20px }
.words .html-container { padding: 0 }
.words * { border: 0 !important; background: none !important }
.words :is(table, tr, caption, th, td) { padding: 6px 12px 6px 0 !important }
.words :is(caption, th, td) { text-align: left; vertical-align: top; overflow-wrap: anywhere }
.words :is(th, td) { font-weight: normal }
.words td:first-child { min-width: 8em }
.words :is(caption, [role=status]) { font-weight: bold }
.words :is([role=alert], .failed td) { color: var(--error-icon-color) }
.overlay [role=slider]:focus-visible { outline: 3px solid }
@media (max-width: 700px) {
  .work > .column { display: contents }
  .work .numbers { order: 1 }
  .work .others { order: 2 }
}
"""
# What Gradio leaves out: names of the samples and of the slider's two pictures, and the slider's keys.
JS = """() => new MutationObserver(() => {
  for (const sample of document.querySelectorAll('.gallery-item img[alt=""]'))
    sample.alt = "sample: " + sample.src.split("/").pop().split(".")[0]
  const handle = document.querySelector(".overlay [data-testid=slider]:not([tabindex])")
  if (!handle) return
  const pictures = [...document.querySelectorAll(".overlay img")]
  pictures.forEach((picture, number) => picture.alt = ["photograph", "photograph, what is in focus outlined"][number])
  const share = () => Math.round(parseFloat(pictures[1].style.clipPath.split(" ").pop()))
  const told = () => handle.setAttribute("aria-valuenow", share())
  const marks = {tabindex: 0, role: "slider", "aria-label": "share of the picture without outline, %"}
  Object.entries(marks).forEach(([name, value]) => handle.setAttribute(name, value))
  new MutationObserver(told).observe(pictures[1], {attributeFilter: ["style"]})
  told()
  handle.addEventListener("keydown", (event) => {
    const steps = {ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, Home: -100, End: 100}
    if (!(event.key in steps)) return
    event.preventDefault()
    const box = pictures[0].getBoundingClientRect()
    const to = Math.min(100, Math.max(0, share() + steps[event.key]))
    const mouse = {view: window, bubbles: true, clientX: box.left + box.width * to / 100}
    handle.dispatchEvent(new MouseEvent("mousedown", mouse))
    window.dispatchEvent(new MouseEvent("mouseup", mouse))
  })
}).observe(document.body, {childList: true, subtree: true})"""


def build(session: Session) -> gr.Blocks:
    """The page, with all that it can do."""
    options = session.options
    limits = f"{options.max_mb} MB and {options.max_megapixels:g} megapixels (--max_mb, --max_megapixels)"
    with gr.Blocks(title="RAN: what is in focus?", analytics_enabled=False) as page:
        gr.Markdown("# Which part of the photograph is in focus?")
        with gr.Tab("One picture"), gr.Row(elem_classes="work"):
            one_picture(session)
        with gr.Tab("Many pictures"), gr.Row():
            many_pictures(session)
        gr.Markdown(
            f"A picture may have at most {limits}.\n\n"
            f"Nothing leaves the machine that this runs on; it forgets pictures after {KEPT // 60} minutes."
        )
        endpoint(session)
    return page


def one_picture(session: Session) -> None:
    """The tab for one picture: its overlay, map and files, and the numbers."""
    with gr.Column(scale=1, min_width=280):
        upload = gr.File(label="Photograph", height=150)
        doubts = gr.HTML(elem_classes="words", visible=False)
        samples = gr.Dataset(label="Samples", components=["image"], samples=[[str(path)] for path in session.samples])
        numbers = gr.HTML(elem_classes="words numbers")
    with gr.Column(scale=3):
        slider, shown, files = pictures()
    results = [slider, numbers, doubts, *shown.values(), *files.values()]

    def analyse(path: str | None) -> dict:
        said: list[str] = []
        made = dict.fromkeys(results)
        try:
            if path:
                analysis = session.analyse(Path(path), said.append)
                made |= {slider: analysis.pair, numbers: text.table(Path(path).name, analysis.numbers)}
                made |= {shown[name]: analysis.shown.get(name) for name in shown}
                made |= {files[name]: analysis.files.get(name) for name in files}
        except ValueError as error:
            said.append(str(error))
        return made | {doubts: gr.HTML(text.alert(said), visible=bool(said))}

    upload.change(analyse, upload, results, **WAITING)
    samples.click(lambda sample: sample[0], samples, upload, api_visibility="private")


def pictures() -> tuple[gr.ImageSlider, dict[str, gr.Image], dict[str, gr.DownloadButton]]:
    """Where one picture is seen: the slider, and by the names of SHOWN pictures (but for the slider's) and buttons."""
    shown, files = {}, {}
    label = "Photograph | in focus"
    slider = gr.ImageSlider(label=label, max_height=640, elem_classes="overlay", buttons=["fullscreen"])
    files["overlay"] = gr.DownloadButton(f"↓ {SHOWN['overlay'][0]}", size="sm")
    with gr.Row(elem_classes="others"):
        for name in [name for name in SHOWN if name not in files]:
            label, help = SHOWN[name]
            with gr.Column(min_width=180):
                shown[name] = gr.Image(show_label=False, buttons=["fullscreen"], elem_classes=name, alt_text=help)
                files[name] = gr.DownloadButton(f"↓ {label}", size="sm")
    return slider, shown, files


def many_pictures(session: Session) -> None:
    """The tab for many pictures: a ZIP of their maps, and what became of each."""
    choices = [(rendering.label, name) for name, rendering in RENDERINGS.items()]
    with gr.Column():
        uploads = gr.File(label="Photographs", file_count="multiple", height=300)
        extras = gr.CheckboxGroup([*choices, ("Numbers (CSV)", "csv")], label="In the ZIP file beside the maps")
        start = gr.Button("Make their focus maps", variant="primary")
    with gr.Column():
        archive = gr.File(label="Focus maps, ZIP", interactive=False, height=150)
        report = gr.HTML(elem_classes="words")

    def batch(paths: list[str] | None, extras: list[str], progress=gr.Progress()) -> tuple:  # noqa: B008 (Gradio looks for it there)
        pictures = [Path(path) for path in paths or ()]
        try:
            made, outcomes = session.batch(pictures, extras, lambda todo: progress.tqdm(todo, unit="pictures"))
        except ValueError as error:
            return None, text.alert([str(error)])
        return made, text.report(outcomes)

    start.click(batch, [uploads, extras], [archive, report], **WAITING)


def endpoint(session: Session) -> None:
    """What Gradio's clients call as /predict: a picture in, its map out."""

    def predict(picture: str) -> str:
        try:
            data = session.make("map", Path(picture), gr.Warning)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None
        file = Path(tempfile.mkdtemp(dir=session.folder)) / f"{plain(Path(picture).stem)}.png"
        write_bytes(file, data)
        return str(file)

    with gr.Row(visible=False):
        picture, focus_map = gr.File(label="photograph"), gr.File(label="its focus map, a grey PNG, white is in focus")
        what = "The focus map of a photograph: a grey PNG of its size, 255 = in focus."
        gr.Button().click(
            predict, picture, focus_map, api_name="predict", api_description=what, concurrency_limit=AT_ONCE
        )
