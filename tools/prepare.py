"""`prepare`: what the authors of a data set publish, turned into the folders that train and test read."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.check import check, look, report
from ..data.contour import contour_band
from ..data.images import write_image
from ..data.layouts import Layout, Pair, detect, pairs_of
from ..data.masks import read_mask, read_trimap
from ..data.names import check_name, list_images
from ..utils.files import atomic, locked
from ..utils.progress import in_threads, say
from .options import PrepareOptions

PARTS = ("images", "masks", "contour", "trimaps")


def run(options: PrepareOptions) -> None:
    """Verifies the whole source, then writes it; raises ValueError with a list of names before that."""
    start, data_path = time.perf_counter(), Path(options.data_path)
    if options.check:
        remarks, problems = check(data_path)
        say(remarks)
        raise_problems(problems, f"in {data_path}")
        return
    if options.trimaps and not (options.masks and options.split == "train"):
        raise ValueError("--trimaps needs --images, --masks and --split train: scores need whole masks")
    pairs = [replace(pair, trimap=options.trimaps) for pair in find_pairs(options)]
    with locked(data_path):
        print(f"checking {len(pairs)} pairs for {data_path}", flush=True)
        raise_problems(leftovers(pairs, data_path), f"in {data_path}; nothing was written")
        verify(pairs)
        shares = list(in_threads(lambda pair: write_pair(pair, data_path), pairs, "writing"))
    print(f"written to {data_path} in {time.perf_counter() - start:.0f} s:")
    for dataset, is_test in sorted({(pair.dataset, pair.is_test) for pair in pairs}):
        chosen = [share for pair, share in zip(pairs, shares) if (pair.dataset, pair.is_test) == (dataset, is_test)]
        focus, band = np.mean(chosen, axis=0)
        print(
            f"  {dataset}: {len(chosen)} {'test' if is_test else 'training'} pairs, "
            f"{focus:.3f} of the pixels in focus, {band:.3f} on the contour band"
        )


def find_pairs(options: PrepareOptions) -> list[Pair]:
    """Pairs of the source, each with its set, split and polarity."""
    if options.images or options.masks:
        if not (options.images and options.masks and options.dataset and options.white):
            raise ValueError("--images needs --masks, --dataset and --white, and --split or --test_list")
        layout = Layout("", "", options.dataset, options.split or "list", options.white)
        parts = [(layout, Path(options.images), Path(options.masks))]
        problems: list[str] = []
    elif options.split:
        raise ValueError("--split needs --images and --masks; a published set has its own split")
    elif options.source:
        parts, problems = detect(Path(options.source))
    else:
        raise ValueError("--source is missing: name a published data set, or give --images and --masks of any other")
    if options.dataset and len({layout.dataset for layout, _, _ in parts}) > 1:
        names = ", ".join(sorted({layout.dataset for layout, _, _ in parts}))
        raise ValueError(f"{options.source} holds {names}: remove --dataset")
    pairs = []
    for layout, images, masks in parts:
        dataset = check_name(options.dataset or layout.dataset)
        white = options.white or (layout.white if dataset == layout.dataset else "")
        if not white:
            raise ValueError(f"say what white means in the masks of {dataset}: --white blurred or --white in_focus")
        test_list = Path(options.test_list) if options.test_list else None
        prefix = layout.prefix if dataset == layout.dataset else ""
        layout = replace(layout, dataset=dataset, white=white, prefix=prefix)
        found, wrong = pairs_of(layout, images, masks, test_list)
        pairs += found
        problems += wrong
    seen: dict[tuple, Pair] = {}
    for pair in pairs:
        first = seen.setdefault((pair.dataset, pair.is_test, pair.stem), pair)
        if first is not pair:
            problems.append(f"{pair.image}: the same set and stem as {first.image}")
    raise_problems(problems, "in the source; nothing was written")
    return pairs


def leftovers(pairs: list[Pair], data_path: Path) -> list[str]:
    """What must not be mixed: images of an earlier run that train and test would read too, and the source itself."""
    expected, problems = set(), []
    for pair in pairs:
        folder = pair.folder(data_path)
        # Not Path.resolve: before Python 3.13 a link to itself is a RuntimeError there.
        real, image, mask = (Path(os.path.realpath(path)) for path in (folder, pair.image, pair.mask))
        if real in (*image.parents, *mask.parents):
            problems.append(f"{pair.image}: the source would be overwritten; choose another --data_path")
        truth = ("trimaps",) if pair.trimap else ("masks", "contour")
        expected |= {folder / "images" / pair.image.name, *(folder / part / f"{pair.stem}.png" for part in truth)}
    for folder in {pair.folder(data_path) / part for pair in pairs for part in PARTS}:
        present = list_images(folder).values() if folder.is_dir() else []
        problems += [f"{p}: not of this source; move it away" for paths in present for p in paths if p not in expected]
    return sorted(problems)


def verify(pairs: list[Pair]) -> None:
    """Looks at every pair, and says what is odd about the sets.

    Raises:
        ValueError: with the list of unreadable files and pairs of different sizes.
    """
    looks = look(pairs)
    raise_problems([found.problem for found in looks if found.problem], "in the source; nothing was written")
    for white, other in (("blurred", "in_focus"), ("in_focus", "blurred")):
        say(report([found for found in looks if found.pair.white == white], f"--white {other} swaps the two classes"))


def write_pair(pair: Pair, data_path: Path) -> tuple[float, float]:
    """Writes image (as it is), mask and, for training, contour; returns the shares of in-focus and contour pixels.

    A trimap has no contour.
    """
    folder = pair.folder(data_path)
    with atomic(folder / "images" / pair.image.name) as temporary:
        shutil.copyfile(pair.image, temporary)
    mask = (read_trimap if pair.trimap else read_mask)(pair.mask, pair.white)
    contour = np.zeros_like(mask) if pair.trimap else contour_band(mask)
    write_image(folder / ("trimaps" if pair.trimap else "masks") / f"{pair.stem}.png", mask)
    if not pair.is_test and not pair.trimap:
        write_image(folder / "contour" / f"{pair.stem}.png", contour)
    return float((mask == 255).mean()), float((contour > 0).mean())


def raise_problems(problems: list[str], where: str) -> None:
    if problems:
        listing = "\n  ".join(problems)
        raise ValueError(f"{len(problems)} problem(s) {where}:\n  {listing}")
