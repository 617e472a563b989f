"""`--sort`: a run's photographs by their sharpness, printed or as a folder of links."""

import os
import re
from pathlib import Path

FOLDER = "sorted"  # in that of the results
LINK = re.compile(r"\d{4,}_.+", re.DOTALL)


def sort(how: str, rows: list[dict], output: Path) -> None:
    """Prints photographs, sharpest first and bursts together, or links them in that order, and says so.

    Args:
        how: "print" or "link".
        rows: of the table, with picture, sharpness, group and rank. A burst stands where its first one does, and its
            frames in the order of their ranks.

    Raises:
        ValueError, OSError: something else lies in a link's place; nothing can be written there.
    """
    best: dict[int, float] = {}
    for row in sorted(rows, key=lambda row: row["rank"]):
        best.setdefault(row["group"], float(row["sharpness"]))
    rows = sorted(rows, key=lambda row: (-best[row["group"]], row["group"], row["rank"]))
    if how == "print":
        print("      sharpness  group  rank  photograph")
        for number, row in enumerate(rows, 1):
            path = os.fsencode(row["picture"]).decode(errors="replace")  # it may be of any bytes
            print(f"{number:4}  {float(row['sharpness']):9.4f}  {row['group']:5}  {row['rank']:4}  {path}")
        return
    link([Path(row["picture"]) for row in rows], output / FOLDER)
    print(f"{len(rows)} photograph(s), sharpest first: {output / FOLDER}")


def link(paths: list[Path], folder: Path) -> None:
    """Makes folder/0001_NAME and so on, instead of the links of an earlier run.

    Links are relative: folders that are moved together, or mounted elsewhere, keep them. Raises as sort.
    """
    if folder.is_symlink():
        raise ValueError(f"{folder}: a link out of the folder of results: remove it")
    folder.mkdir(exist_ok=True)
    old = [path for path in folder.iterdir() if path.is_symlink() and LINK.fullmatch(path.name)]
    places = {folder / f"{number:04}_{path.name}": path for number, path in enumerate(paths, 1)}
    if taken := [place for place in places if os.path.lexists(place) and place not in old]:
        raise ValueError(f"{taken[0]}: not made by --sort: move it away")
    for path in old:
        path.unlink()
    here = os.path.realpath(folder)
    for place, path in places.items():
        try:
            place.symlink_to(os.path.relpath(os.path.realpath(path), here))
        except (OSError, ValueError) as error:  # no right to it, no links on this disk, another disk of Windows
            reason = getattr(error, "strerror", None) or str(error)
            raise OSError(f"{folder}: links cannot be made there ({reason}): take --sort print") from None


def is_sorted(folder: Path) -> bool:
    """Whether a folder holds what --sort links: photographs that are there already."""
    return folder.name == FOLDER and any((folder.parent / f"focus.{kind}").is_file() for kind in ("csv", "json"))
