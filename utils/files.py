"""Files that are whole or absent, and the pictures in them."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

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


def write_png(path: Path, picture: np.ndarray) -> None:
    """Writes H x W (grey) or H x W x 3 (RGB) uint8 as PNG."""
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    write_bytes(path, cv2.imencode(".png", picture)[1].tobytes())


def read_image(path: Path) -> np.ndarray:
    """Reads a photograph as H x W x 3 uint8, RGB, turned as its EXIF orientation says.

    Raises:
        ValueError: the file is not a picture that OpenCV can read.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def read_mask(path: Path, white: str = "in_focus") -> np.ndarray:
    """Reads a ground truth as H x W uint8, 255 = in focus, 0 = blurred; grey values are cut at 128.

    Args:
        white: what white means in the file, "in_focus" or "blurred".

    Raises:
        ValueError: the file is not a picture that OpenCV can read.
    """
    # Colours first, since a grey reading of RGBA masks is the same but palette files need the conversion.
    grey = cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2GRAY)
    focus = grey >= 128 if white == "in_focus" else grey < 128
    return focus.astype(np.uint8) * 255


def _decode(path: Path, flags: int) -> np.ndarray:
    data = np.fromfile(path, np.uint8)  # imread itself fails on names that the C locale can't spell
    picture = cv2.imdecode(data, flags) if data.size else None
    if picture is None:
        raise ValueError(f"{path}: not a readable picture")
    return picture


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
