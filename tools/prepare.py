"""`prepare`: what the authors of a data set publish, turned into the folders that train and test read."""

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from utils.config import option
from utils.contour import contour_band
from utils.files import atomic, list_images, pair_by_stem
from utils.pictures import read_image, read_mask, write_png

DESCRIPTION = "Turn a published data set into the layout that train and test read; the source is never touched."
SPLITS = Path(__file__).parent.parent / "configs" / "splits"
# What is known of a set by its name. CUHK is published together with pictures of motion blur, which have no part in it.
WHITE = {"CUHK": "blurred"}
PREFIX = {"CUHK": "out_of_focus"}


@dataclass
class Options:
    """Options of prepare."""

    source: str = option("", "folder of the data set as published: image/ and gt/, and test.txt unless it is CUHK")
    dataset: str = option("CUHK", "name that the set gets; CUHK brings its polarity and its 604/100 split")
    data_path: str = option("dataset", "dataset folder to write", aliases=("--data_pth",))
    white: str = option(
        "", "what white means in the source's masks (CUHK: blurred)", choices=("", "blurred", "in_focus")
    )
    test_list: str = option(
        "", "text file with the stems of the test images, one a line (CUHK: the split of BTBNet; else SOURCE/test.txt)"
    )


@dataclass
class SourcePair:
    """One photograph and its mask, on their way from the source into the layout."""

    stem: str
    image: Path
    mask: Path
    folder: Path
    is_test: bool


def run(options: Options) -> None:
    """Verifies the whole source, then writes it; raises ValueError with a list of names before that."""
    start = time.perf_counter()
    white = options.white or WHITE.get(options.dataset)
    if not white:
        raise ValueError(f"say what white means in the masks of {options.dataset}: --white blurred or --white in_focus")
    pairs = find_pairs(Path(options.source), options.dataset, Path(options.data_path), options.test_list)
    gains = verify(pairs, white)
    warn_of_polarity(gains, white)
    shares = list(in_threads(lambda pair: write_pair(pair, white), pairs, "writing"))
    print(f"{options.dataset} in {options.data_path} after {time.perf_counter() - start:.0f} s:")
    for name, is_test in (("training", False), ("test", True)):
        chosen = [share for pair, share in zip(pairs, shares) if pair.is_test == is_test]
        if chosen:
            focus, band = np.mean(chosen, axis=0)
            print(f"  {len(chosen)} {name} pairs, {focus:.3f} of the pixels in focus, {band:.3f} on the contour band")


def find_pairs(source: Path, dataset: str, data_path: Path, test_list: str = "") -> list[SourcePair]:
    """Pairs of the source by stem, each with the folder of the layout that it belongs to."""
    found, problems = pair_by_stem(source / "image", source / "gt")
    known = SPLITS / f"{dataset}_test.txt"
    listing = Path(test_list) if test_list else known if known.is_file() else source / "test.txt"
    if not listing.is_file():
        problems.append(f"{listing}: no such file; --test_list names the stems of the test images")
        test_stems = set()
    else:
        test_stems = set(filter(None, map(str.strip, listing.read_text("utf-8-sig").splitlines())))
    problems += [f"{stem}: in {listing}, but not in the source" for stem in sorted(test_stems - set(found))]
    prefix = PREFIX.get(dataset, "")
    foreign = [stem for stem in found if not stem.startswith(prefix)]
    if foreign:
        print(f"{len(foreign)} pictures passed over, since their names do not begin with {prefix}")
    train, test = data_path / "Train" / dataset, data_path / dataset / "Test"
    pairs = []
    for stem, (image, mask) in found.items():
        if stem in foreign:
            continue
        is_test = stem in test_stems
        pairs.append(SourcePair(stem, image, mask, test if is_test else train, is_test))
    problems += leftovers(pairs, (train, test))
    stop_for(problems)
    return pairs


def leftovers(pairs: list[SourcePair], folders: Iterable[Path]) -> list[str]:
    """Pictures of an earlier run that this source would not write: train and test would read them too."""
    expected = {pair.folder / "images" / pair.image.name for pair in pairs}
    expected |= {pair.folder / part / f"{pair.stem}.png" for pair in pairs for part in ("masks", "contour")}
    present = [
        path
        for folder in folders
        for part in ("images", "masks", "contour")
        if (folder / part).is_dir()
        for paths in list_images(folder / part).values()
        for path in paths
    ]
    return [f"{path}: not of this source; move it away" for path in present if path not in expected]


def verify(pairs: list[SourcePair], white: str) -> list[float]:
    """Decodes every pair; returns how much more local contrast in-focus pixels carry than blurred ones, a pair each.

    Raises:
        ValueError: with the list of unreadable files and pairs of different sizes.
    """

    def check(pair: SourcePair) -> float | str:
        try:
            image, mask = read_image(pair.image), read_mask(pair.mask, white)
        except (ValueError, OSError) as error:
            return str(error)
        if image.shape[:2] != mask.shape:
            sizes = ["{1} x {0}".format(*picture.shape) for picture in (image, mask)]
            return f"{pair.image} is {sizes[0]}, its mask {sizes[1]} (width x height)"
        return contrast_gain(image, mask)

    results = list(in_threads(check, pairs, "checking"))
    stop_for([result for result in results if isinstance(result, str)])
    return results


def contrast_gain(image: np.ndarray, mask: np.ndarray) -> float:
    """Mean |Laplacian| of the in-focus pixels minus that of the blurred ones; 0 for a mask with one class.

    Args:
        image: H x W x 3 uint8. mask: H x W uint8, 255 = in focus.
    """
    detail = np.abs(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F))
    focus = mask > 0
    return float(detail[focus].mean() - detail[~focus].mean()) if focus.any() and not focus.all() else 0.0


def warn_of_polarity(gains: list[float], white: str) -> None:
    wrong = sum(gain < 0 for gain in gains)
    if 2 * wrong > len(gains):
        other = "in_focus" if white == "blurred" else "blurred"
        print(
            f"warning: in {wrong} of {len(gains)} pairs the region called in focus carries less local contrast than "
            f"the other: the polarity looks wrong, --white {other} may be right"
        )


def write_pair(pair: SourcePair, white: str) -> tuple[float, float]:
    """Writes image (as it is), mask and, for training, contour; returns the shares of in-focus and contour pixels."""
    with atomic(pair.folder / "images" / pair.image.name) as temporary:
        shutil.copyfile(pair.image, temporary)
    mask = read_mask(pair.mask, white)
    contour = contour_band(mask)
    write_png(pair.folder / "masks" / f"{pair.stem}.png", mask)
    if not pair.is_test:
        write_png(pair.folder / "contour" / f"{pair.stem}.png", contour)
    return float((mask > 0).mean()), float((contour > 0).mean())


def in_threads(function: Callable, items: list, what: str) -> Iterable:
    """Results of the function in order, with a progress bar; OpenCV and file access release Python's lock."""
    with ThreadPoolExecutor() as pool:
        yield from tqdm(pool.map(function, items), total=len(items), desc=what, unit="pair")


def stop_for(problems: list[str]) -> None:
    if problems:
        listing = "\n  ".join(problems)
        raise ValueError(f"nothing was written; {len(problems)} problem(s) in the source:\n  {listing}")
