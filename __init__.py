"""RAN finds which part of a photograph is in focus: `ran.load_model()("photo.jpg")` is its focus map."""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"
__all__ = ["load_model"]


def __getattr__(name: str) -> Any:
    """load_model is imported when it is asked for: it needs torch, and --help does not."""
    if name == "load_model":
        return import_module(".photos.onnx", __name__).load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
