"""The report's HTML page: one file that needs nothing else and no script."""

import base64
import io
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from .metrics import COLUMNS, PROTOCOLS
from .tables import SetTable, number, title

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, undefined=StrictUndefined
)
TOO_HIGH, TOO_LOW = np.array([213, 94, 0]), np.array([0, 114, 178])  # RGB of a signed error of +1 and -1


def example_of(name: str, images: dict[str, np.ndarray], errors: dict[str, float]) -> dict:
    """What the page shows of one image.

    Args:
        images: the image, the ground truth and the maps, uint8, by title.
        errors: MAE by method.
    """
    truth = images.get("ground truth")
    figures = []
    for heading, image in images.items():
        uris = [image_uri(image)]
        if heading in errors and truth is not None:
            uris.append(image_uri(signed_error(image, truth)))
        caption = f"{heading} {number(errors[heading])}" if heading in errors else heading
        figures.append({"caption": caption, "uris": uris})
    return {"name": name, "figures": figures}


def signed_error(focus_map: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8: white where a map is right, orange where it is too high, blue where it is too low."""
    error = (focus_map.astype(np.float32) - truth)[..., None] / 255
    return np.rint(255 - abs(error) * (255 - np.where(error > 0, TOO_HIGH, TOO_LOW))).astype(np.uint8)


def render(heading: str, sections: list[tuple[SetTable, str, list[str], list[dict]]]) -> str:
    """The page as HTML.

    Args:
        sections: of each set the table, the URI of its curves, remarks, and examples of example_of.
    """
    names = {"title": title, "columns": COLUMNS, "protocols": PROTOCOLS}
    return TEMPLATES.get_template("page.html").render(heading=heading, sections=sections, **names)


def figure_uri(figure: Figure) -> str:
    """A figure as a data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _uri("svg+xml", buffer.getvalue())


def image_uri(image: np.ndarray) -> str:
    """A grey or RGB image as a data URI."""
    quality = [cv2.IMWRITE_WEBP_QUALITY, 90 if image.ndim == 2 else 80]
    return _uri("webp", cv2.imencode(".webp", image[..., ::-1] if image.ndim == 3 else image, quality)[1].tobytes())


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
