"""`--sort`: a run's photographs by their sharpness, printed or as a folder of links."""

import filecmp
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from ...utils.files import atomic

FOLDER = "sorted"  # in that of the results
LINK = re.compile(r"\d{4,}_(.+)", re.DOTALL)


def sort(how: str, rows: list[dict], output: Path, known: Iterable[str]) -> None:
    """Prints photographs, sharpest first, or links them in that order, and says so.

    Args:
        how: "print" or "link".
        rows: of the table, with picture, sharpness, group and rank.
        known: photographs of the whole table: what an earlier run linked of them goes.

    Raises:
        ValueError, OSError: something else lies in a link's place; nothing can be written there.
    """
    rows = sorted(rows, key=lambda row: (-float(row["sharpness"]), row["name"]))
    if how == "print":
        print("      sharpness  group  rank  photograph")
        for number, row in enumerate(rows, 1):
            path = os.fsencode(row["picture"]).decode(errors="replace")  # it may be of any bytes
            print(f"{number:4}  {float(row['sharpness']):9.4f}  {row['group']:5}  {row['rank']:4}  {path}")
        return
    reason = link([Path(row["picture"]) for row in rows], output / FOLDER, map(Path, known))
    copies = f"; copies, since links cannot be made there ({reason})" if reason else ""
    print(f"{len(rows)} photograph(s), sharpest first: {output / FOLDER}{copies}")


def link(paths: list[Path], folder: Path, known: Iterable[Path]) -> str:
    """Makes folder/0001_NAME and so on, instead of those of an earlier run; why they are copies, if they are.

    Links are relative: folders that are moved together, or mounted elsewhere, keep them. Raises as sort.
    """
    if folder.is_symlink():
        raise ValueError(f"{folder}: a link out of the folder of results: remove it")
    folder.mkdir(exist_ok=True)
    _clear(folder, known)
    here, reason = os.path.realpath(folder), ""
    for number, path in enumerate(paths, 1):
        place = folder / f"{number:04}_{path.name}"
        if os.path.lexists(place):
            raise ValueError(f"{place}: not made by --sort, or changed since: move it away")
        try:
            place.symlink_to(os.path.relpath(os.path.realpath(path), here))
        except (OSError, ValueError) as error:  # no right to it, no links on this disk, another disk of Windows
            reason = getattr(error, "strerror", None) or str(error)
            with atomic(place) as temporary:
                shutil.copy2(path, temporary)
    return reason


def _clear(folder: Path, known: Iterable[Path]) -> None:
    """Removes links, and copies that are as the photographs are."""
    photographs = defaultdict(list)
    for path in known:
        photographs[path.name].append(path)
    for old in folder.iterdir():
        if not (name := LINK.fullmatch(old.name)):
            continue
        if old.is_symlink() or any(
            path.is_file() and old.is_file() and filecmp.cmp(old, path) for path in photographs[name[1]]
        ):
            old.unlink()


def is_sorted(folder: Path) -> bool:
    """Whether a folder holds what --sort links: photographs that are there already."""
    return folder.name == FOLDER and any((folder.parent / f"focus.{kind}").is_file() for kind in ("csv", "json"))
