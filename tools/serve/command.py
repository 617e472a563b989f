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
from ...utils.photograph_options import ServeOptions
from .session import Session


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
    from .page import build

    weights = chosen_weights(options.model_path, options.engine)
    session = Session(load_model(weights, options.device), folder, options)
    page = build(session).queue(max_size=16)
    font = ("system-ui", "sans-serif")
    theme = gradio.themes.Default(primary_hue="amber", neutral_hue="slate", font=font, font_mono=font)
    address = listen(page, session, theme)
    print(f"RAN is at {address} (Ctrl-C ends it)", flush=True)
    try:
        while True:
            time.sleep(60)
            session.sweep()
    except KeyboardInterrupt:
        session.close()
        page.close(verbose=False)


def listen(page: Any, session: Session, theme: Any) -> str:
    """Starts to serve the page and the API; returns the address. OSError as in run."""
    from .api import routes
    from .page import CSS, JS

    options = session.options
    try:
        _, address, _ = page.launch(
            server_name=options.host,
            server_port=options.port or None,
            root_path=options.root_path,
            max_file_size=f"{options.max_mb}mb",
            app_kwargs={"routes": routes(session)},
            theme=theme,
            css=CSS,
            js=JS,
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
