"""Standard input, a list of pictures or a picture, and standard output, a map."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from PIL import Image

from ...imaging.opening import register_heif
from ...utils.files import decoded
from ...utils.photograph_options import RENDERINGS, PredictOptions


def check_streams(options: PredictOptions) -> None:
    """Looks at the options about them before anything is read.

    Raises:
        ValueError: they do not go together.
    """
    if "-" in (*options.paths, options.output) and "LOCAL_RANK" in os.environ:
        raise ValueError("- is for one process: name folders, of pictures and of results, under torchrun")
    for name, stream, wanted in (
        ("input", sys.stdin, "-" in options.paths),
        ("output", sys.stdout, options.output == "-"),
    ):
        if wanted and stream is None:
            raise ValueError(f"-: standard {name} is closed")
    if options.null and "-" not in options.paths:
        raise ValueError("-0 is about the list on standard input: name - for it")
    if options.output == "-" and any(getattr(options, name) for name in ("table", "sort", *RENDERINGS)):
        raise ValueError("--output - is for a map alone: name a folder for its table and renderings")


def read_input(data: bytes, null: bool, folder: Path) -> list[str]:
    """Paths that standard input names: lines, in UTF-8 (names of any other bytes as they are) or UTF-16 with its mark.

    Args:
        data: all of it; the bytes of a picture become the file `stdin` in `folder`, which is then the list.
        null: whether each path ends with a NUL, not with its line.

    Raises:
        ValueError: NULs where none are expected, or UTF-16 cut in half.
    """
    if not null and is_picture(data):
        (folder / "stdin").write_bytes(data)
        return [str(folder / "stdin")]
    try:
        text = decoded(data, "surrogateescape")
    except UnicodeDecodeError as error:
        raise ValueError(f"standard input: not a list in UTF-16 ({error})") from None
    if null:
        return [path for path in text.split("\0") if path]
    if "\0" in text:
        reason = "neither a picture (a camera raw file goes by its path) nor lines of paths"
        raise ValueError(f"standard input: {reason}; -0 takes paths that end with a NUL")
    return [line for line in (line.rstrip("\r") for line in text.split("\n")) if line]


def is_picture(data: bytes) -> bool:
    """Whether bytes begin as a picture's do that Pillow knows, and are no text: paths may begin with P6 or BM."""
    if b"\0" not in data:
        return re.match(rb"P[1-6]\s(\s|#[^\n]*\n)*\d+\s+\d+\s", data) is not None
    Image.init()
    register_heif()
    begin = data[:16].ljust(16, b"\0")
    return any(accept and accept(begin) for _, accept in Image.OPEN.values())


@contextmanager
def map_to_output(folder: Path) -> Iterator[Path]:
    """Gives standard output to the map that is written into a folder, and messages to stderr, until the block ends."""
    with redirect_stdout(sys.stderr):
        yield folder
    for path in folder.rglob("*.png"):
        sys.stdout.buffer.write(path.read_bytes())
