"""`prepare`: what the authors of a data set publish, turned into the folders that train and test read."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.check import check, look, report
from ..data.images import write_image
from ..data.layouts import Layout, Pair, detect, pairs_of
from ..data.masks import read_mask
from ..data.names import check_name, is_image
from ..utils.files import atomic, locked
from ..utils.progress import in_threads, say
from .options import PrepareOptions

PARTS = ("images", "masks", "trimaps")


def run(options: PrepareOptions) -> None:
    """Verifies the whole source, then writes it; raises ValueError with a list of names before that."""
    data_path = Path(options.data_path)
    if options.check:
        remarks, problems = check(data_path)
        say(remarks)
        raise_problems(problems, f"in {data_path}")
        return
    pairs = find_pairs(options)
    with locked(data_path):
        print(f"checking {len(pairs)} pairs for {data_path}", flush=True)
        raise_problems(conflicts(pairs, data_path), f"in {data_path}; nothing was written")
        say(report(look(pairs), "the other value of --white swaps the two classes"))
        shares = list(in_threads(lambda pair: write_pair(pair, data_path), pairs, "writing"))
    for folder in sorted({pair.folder(data_path) for pair in pairs}):
        of_set = [share for pair, share in zip(pairs, shares) if pair.folder(data_path) == folder]
        print(f"{folder}: {len(of_set)} pairs, {np.mean(of_set):.3f} of the pixels in focus")


def find_pairs(options: PrepareOptions) -> list[Pair]:
    """Pairs of the source, each with its set, split and polarity."""
    problems: list[str] = []
    if options.images or options.masks:
        if not (options.images and options.masks and options.dataset and options.white):
            raise ValueError("--images needs --masks, --dataset and --white, and --split or --test_list")
        layout = Layout("", "", check_name(options.dataset), options.split or "list", options.white)
        parts = [(layout, Path(options.images), Path(options.masks))]
    elif options.split:
        raise ValueError("--split needs --images and --masks; a published set has its own split")
    elif options.source:
        parts, problems = detect(Path(options.source))
    else:
        raise ValueError("--source is missing: name a published data set, or give --images and --masks of any other")
    names = sorted({layout.dataset for layout, _, _ in parts})
    if options.dataset and len(names) > 1:
        raise ValueError(f"{options.source} holds {', '.join(names)}: remove --dataset")
    pairs: list[Pair] = []
    for layout, images, masks in parts:
        if options.dataset not in ("", layout.dataset):  # another set, in folders of the published names
            layout = replace(layout, dataset=check_name(options.dataset), white="", prefix="")
        layout = replace(layout, white=options.white or layout.white)
        if not layout.white:
            raise ValueError(f"say what white means in the masks of {layout.dataset}: --white blurred or in_focus")
        test_list = Path(options.test_list) if options.test_list else None
        found, wrong = pairs_of(layout, images, masks, test_list)
        pairs += found
        problems += wrong
    raise_problems(problems, "in the source; nothing was written")
    return pairs


def conflicts(pairs: list[Pair], data_path: Path) -> list[str]:
    """What must not be mixed: two images of one name, the source itself, and images that train and test would read."""
    expected: set[Path] = set()
    problems = []
    for pair in pairs:
        folder = pair.folder(data_path)
        truth = folder / "masks" / f"{pair.stem}.png"
        if truth in expected:
            problems.append(f"{pair.image}: another image of the set has the same stem")
        if folder.resolve() in (*pair.image.resolve().parents, *pair.mask.resolve().parents):
            problems.append(f"{pair.image}: the source would be overwritten; choose another --data_path")
        expected.update((truth, folder / "images" / pair.image.name))
    for part in {pair.folder(data_path) / part for pair in pairs for part in PARTS}:
        present = filter(is_image, part.glob("*"))
        problems += [f"{path}: not of this source; move it away" for path in present if path not in expected]
    return sorted(problems)


def write_pair(pair: Pair, data_path: Path) -> float:
    """Writes image (as it is) and mask; returns the share in focus."""
    folder = pair.folder(data_path)
    with atomic(folder / "images" / pair.image.name) as temporary:
        shutil.copyfile(pair.image, temporary)
    mask = read_mask(pair.mask, pair.white)
    write_image(folder / "masks" / f"{pair.stem}.png", mask)
    return float((mask == 255).mean())


def raise_problems(problems: list[str], where: str) -> None:
    if problems:
        listing = "\n  ".join(problems)
        raise ValueError(f"{len(problems)} problem(s) {where}:\n  {listing}")
