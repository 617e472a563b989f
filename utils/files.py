"""Files that are whole or absent, and files that belong together."""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends well, and is removed if not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: object) -> None:
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def write_csv(path: Path, rows: list[dict], header: Iterable[str] = ()) -> None:
    """Writes rows with the same keys, which are the header (to be given where there may be no rows)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(header) or rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(path, text.getvalue().encode())


def list_images(folder: Path) -> dict[str, list[Path]]:
    """Picture files of a folder by stem, sorted; a stem with more than one file keeps them all."""
    found: dict[str, list[Path]] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            found.setdefault(path.stem, []).append(path)
    return found


def pair_by_stem(images: Path, masks: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Pairs the pictures of two folders by file stem.

    Returns:
        Pairs (image, mask) by stem, sorted, and a list of what is wrong, one line a file: missing folder, missing
        partner, stem with several files.
    """
    problems = [f"{folder}: no such folder" for folder in (images, masks) if not Path(folder).is_dir()]
    if problems:
        return {}, problems
    left, right = list_images(images), list_images(masks)
    for files, others, folder in ((left, right, masks), (right, left, images)):
        for stem, paths in files.items():
            if len(paths) > 1:
                problems.append(f"{paths[0]}: doubled stem, also {', '.join(p.name for p in paths[1:])}")
            if stem not in others:
                problems.append(f"{paths[0]}: no partner in {folder}")
    pairs = {stem: (left[stem][0], right[stem][0]) for stem in left if stem in right}
    if not pairs and not problems:
        problems.append(f"{images}: no pictures")
    return pairs, problems
