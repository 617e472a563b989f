"""What predict is given beside folders: lists, streams, links and files that changed, with what becomes of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.making import JPEG, JPEG_PLAIN, PNG

Given = tuple[list[object], bytes]  # words of the command line, and standard input


def folder(shoot: Path) -> Given:
    return [shoot], b""


@dataclass(frozen=True)
class Input:
    """A command line of predict, where the folder `shoot` holds 100CANON/IMG_1.JPG and 101CANON/IMG_1.JPG.

    Attributes:
        kind: what it is, a line of the page.
        outcome: "read: ..." as what, or "refused: ..." with a part of the sentence.
        give: what makes it of that folder.
        maps: those in the folder of results then.
        change: what becomes of the folder after an earlier run on it.
        message: a part of what is printed.
    """

    kind: str
    outcome: str
    give: Callable[[Path], Given] = folder
    maps: tuple[str, ...] = ("100CANON/IMG_1.png", "101CANON/IMG_1.png")
    change: Callable[[Path], object] | None = None
    message: str = ""


def listed(encoding: str, end: str, *words: str) -> Callable[[Path], Given]:
    """Both pictures as a list on standard input."""

    def give(shoot: Path) -> Given:
        lines = "".join(f"{path}{end}" for path in sorted(shoot.rglob("*.JPG")))
        return ["-", *words], lines.encode(encoding)

    return give


def linked(*words: str) -> Callable[[Path], Given]:
    """A folder of links to that of one picture, and to the folder that it lies in itself."""

    def give(shoot: Path) -> Given:
        links = shoot.with_name("links")
        links.mkdir()
        for name, target in (("a", shoot / "100CANON"), ("b", shoot / "100CANON"), ("loop", links)):
            (links / name).symlink_to(target)
        (links / "own.jpg").write_bytes(JPEG_PLAIN)
        return [links, *words], b""

    return give


def replaced(shoot: Path) -> None:
    path = shoot / "100CANON/IMG_1.JPG"
    path.write_bytes(JPEG)
    os.utime(path, (10**9, 10**9))


def touched(shoot: Path) -> None:
    for path in shoot.rglob("*.JPG"):
        os.utime(path, (10**9, 10**9))


INPUTS = (
    Input("list in UTF-8, one name in two folders", "read: each keeps its folder's name", listed("utf-8", "\n")),
    Input("list in UTF-8 with its mark, and CR LF", "read: itself", listed("utf-8-sig", "\r\n")),
    Input("list in UTF-16", "read: itself", listed("utf-16", "\r\n")),
    Input("list of paths that end with a NUL, -0", "read: itself", listed("utf-8", "\0", "-0")),
    Input("list of paths that end with a NUL, without -0", "refused: -0 takes paths that end with a NUL",
          listed("utf-8", "\0"), ()),
    Input("list in UTF-16 cut in a letter", "refused: not a list in UTF-16",
          lambda _: (["-"], "ab".encode("utf-16")[:-1]), ()),
    Input("empty list", "refused: standard input: no pictures here", lambda _: (["-"], b""), ()),
    Input("photograph on standard input", "read: as stdin.png", lambda _: (["-"], JPEG), ("stdin.png",)),
    Input("photograph on standard input, cut", "refused: stdin: not a readable picture",
          lambda _: (["-"], PNG[: len(PNG) // 2]), ()),
    Input("folder with linked folders", "read: links are left out, and counted", linked(), ("own.png",),
          message="left out: 3 linked folders"),
    Input("folder with linked folders, --follow_links", "read: each folder once", linked("--follow_links"),
          ("a/IMG_1.png", "own.png")),
    Input("folder with maps and renderings of an earlier run in it", "read: they are left out, and counted",
          lambda shoot: ([shoot.parent], b""), ("shoot/100CANON/IMG_1.png", "shoot/101CANON/IMG_1.png"),
          change=lambda shoot: (shoot.parent / "out").rename(shoot / "maps"), message="left out: 4 earlier results"),
    Input("photograph replaced by one of an older date", "read: done anew", change=replaced,
          message="1 picture(s) in.*1 had results of another file"),
    Input("photographs whose dates changed alone", "read: not done again", change=touched,
          message="0 picture(s) in.*2 were there already"),
)  # fmt: skip
