"""`serve`: a page on this machine that shows what is in focus in the pictures dropped on it."""

from .command import run

__all__ = ["run"]
