"""One self-contained HTML page: sortable tables, curves, and every image with its maps and signed errors."""

import base64
import io
import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from ...utils.files import write_bytes
from ..metrics import COLUMNS, PROTOCOLS
from ..scores import MethodScores
from .gallery import Example
from .tables import DIGITS, SetTable

TEMPLATE = Path(__file__).with_name("page.html")
MARKER = "/* DATA */"


def page_set(table: SetTable, curves: Figure, examples: list[dict], note: str) -> dict:
    """What the page shows of one set, as JSON can hold it.

    Args:
        examples: see page_example; may be empty.
        note: what is not shown, or an empty string.
    """
    measured, published = (
        [
            {
                "method": line.method,
                "label": table.name_of(line),
                "values": line.values,
                "ranks": {key: table.rank(key, value) for key, value in line.values.items()},
            }
            for line in lines
        ]
        for lines in (table.measured, table.published)
    )
    return {
        "name": table.dataset,
        "images": table.images,
        "columns": [
            {"key": key, **{name: getattr(COLUMNS[key], name) for name in ("protocol", "title", "lower_is_better")}}
            for key in table.columns
        ],
        "measured": measured,
        "published": published,
        "source": "; ".join(table.sources),
        "differences": [asdict(pair) | {"better": pair.better} for pair in table.differences],
        "curves": _svg(curves),
        "note": note,
        "examples": examples,
    }


def page_example(example: Example, scores: list[MethodScores]) -> dict:
    """One image of a set: its pictures as data URIs, and every method's scores on it."""
    rows = {scored.method: next(row for row in scored.rows if row["name"] == example.name) for scored in scores}
    return {
        "name": example.name,
        "photograph": _uri(example.photograph[..., ::-1], ".webp", cv2.IMWRITE_WEBP_QUALITY, 80),
        "truth": _uri(example.truth, ".png", cv2.IMWRITE_PNG_COMPRESSION, 9),
        "maps": {m: _uri(x, ".webp", cv2.IMWRITE_WEBP_QUALITY, 95) for m, x in example.maps.items()},
        "scores": rows,
    }


def write_page(path: Path, sets: list[dict], title: str) -> None:
    """Writes the page; it needs nothing but itself and opens from disk."""
    data = json.dumps({"title": title, "digits": DIGITS, "protocols": PROTOCOLS, "sets": sets})
    # In a script element only "<" can do harm: "</script>" in a name would end it.
    page = TEMPLATE.read_text(encoding="utf-8").replace(MARKER, data.replace("<", "\\u003c"))
    write_bytes(path, page.encode())


def _uri(picture: np.ndarray, suffix: str, *options: int) -> str:
    return _base64(f"image/{suffix[1:]}", cv2.imencode(suffix, picture, options)[1].tobytes())


def _svg(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _base64("image/svg+xml", buffer.getvalue())


def _base64(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
