"""`video`: what is in focus, over time: frames of a video file or a camera, drawn one by one."""

try:
    import av  # noqa: F401
except ImportError:
    raise ValueError("video needs another package: pip install av") from None

from .command import run

__all__ = ["run"]
