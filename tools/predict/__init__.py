"""`predict`: which pictures, what becomes of them, and a table of them."""

from .command import run

__all__ = ["run"]
