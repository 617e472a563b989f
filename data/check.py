"""Is a data set what train, test and evaluate take it for? One look at each pair, and what is odd about the sets."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..utils.picture_names import glob_folders
from ..utils.progress import in_threads
from .contour import contour_band
from .images import read_image, upright_size
from .layouts import Pair, pairs_in
from .masks import check_sizes, read_levels, read_mask, read_trimap

NAMED = 5  # files that a remark names
DRAFT = 256  # sides at least, pixels, at which a JPEG is read for a look at it
SAME, OF_CONTRAST = 5.0, 0.3  # largest RMS difference of thumbnails of one photograph: levels, share of its contrast
TURN = "`prepare --white blurred` writes the set the other way round"


@dataclass
class Look:
    """What one look at a pair shows.

    Attributes:
        problem: why the pair cannot be used; empty if it can.
        levels: black, white and grey of the mask's file, see masks.Mask; empty for a trimap.
        gain: mean |Laplacian| of the part in focus minus that of the blurred part; 0 where the mask has one class.
        small: 16 x 16 float32, the image as grey, whatever its size and compression.
        stale: whether the contour file is not that of the mask.
    """

    pair: Pair
    problem: str = ""
    levels: tuple = ()
    gain: float = 0.0
    small: np.ndarray = field(default_factory=lambda: np.zeros((16, 16), np.float32))
    stale: bool = False


def look(pairs: list[Pair], sizes: bool = True) -> list[Look]:
    """Looks at every pair; JPEG images are read at a fraction of their size.

    Args:
        sizes: whether an image and a mask of different sizes are a problem.
    """
    return list(in_threads(lambda pair: _look_at(pair, sizes), pairs, "looking at pairs"))


def glance(pairs: list[Pair]) -> list[Look]:
    """As look, at the images alone, to compare them with others."""

    def at(pair: Pair) -> Look:
        try:
            return Look(pair, small=thumbnail(cv2.cvtColor(read_image(pair.image, DRAFT), cv2.COLOR_RGB2GRAY)))
        except ValueError as error:
            return Look(pair, str(error))

    return list(in_threads(at, pairs, "looking for twins", "image"))


def _look_at(pair: Pair, sizes: bool) -> Look:
    try:
        mask = None if pair.trimap else read_levels(pair.mask, pair.white)
        values = read_trimap(pair.mask, pair.white) if mask is None else mask.values
        if pair.image == pair.mask:  # evaluate without images
            return Look(pair, levels=mask[1:] if mask else ())
        if sizes:
            check_sizes(pair.image, upright_size(pair.image), pair.mask, values.shape)
        grey = cv2.cvtColor(read_image(pair.image, DRAFT), cv2.COLOR_RGB2GRAY)
        stale = pair.contour is not None and not np.array_equal(read_mask(pair.contour), contour_band(values))
    except (ValueError, OSError) as error:
        return Look(pair, str(error))
    gain = contrast_gain(grey, cv2.resize(values, grey.shape[::-1], interpolation=cv2.INTER_NEAREST))
    return Look(pair, "", mask[1:] if mask else (), gain, thumbnail(grey), stale)


def contrast_gain(grey: np.ndarray, mask: np.ndarray) -> float:
    """Mean |Laplacian| of a grey image's part in focus (mask 255) minus that of its blurred part (0); 0 without one."""
    detail, focus, blurred = np.abs(cv2.Laplacian(grey, cv2.CV_32F)), mask == 255, mask == 0
    return float(detail[focus].mean() - detail[blurred].mean()) if focus.any() and blurred.any() else 0.0


def thumbnail(grey: np.ndarray) -> np.ndarray:
    """16 x 16 float32 of a grey image."""
    return cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32)


def report(looks: list[Look], turn: str = TURN) -> list[str]:
    """Prints what is odd about each set; returns the warnings among it.

    Args:
        turn: how to turn round what is taken for in focus.

    Raises:
        ValueError: pairs that cannot be used, with every reason.
    """
    remarks, problems = [], [found.problem for found in looks if found.problem]
    for name in sorted({found.pair.dataset for found in looks}):
        said, wrong = remarks_on([found for found in looks if found.pair.dataset == name and not found.problem], turn)
        remarks += [f"{name}: {sentence}" for sentence in said]
        problems += wrong
    if problems:
        raise ValueError(f"{len(problems)} file(s) cannot be used:\n  " + "\n  ".join(problems))
    print("".join(f"{remark}\n" for remark in remarks), end="", flush=True)
    return [remark for remark in remarks if "WARNING" in remark]


def remarks_on(looks: list[Look], turn: str = TURN) -> tuple[list[str], list[str]]:
    """Sentences on one set, and on masks of one value that means nothing in the others."""
    masks = {found.pair.mask: found.levels for found in looks if found.levels}
    whole = Counter((black, white) for black, white, _ in masks.values() if black and white)
    remarks, problems = [], []
    if whole:
        (black, white), _ = whole.most_common(1)[0]
        odd = {path: x for path, x in masks.items() if x[0] not in (None, black) or x[1] not in (None, white)}
        lost = [path for path, (x, y, _) in odd.items() if not (x and y)]
        problems = [f"{path}: holds one value only; the other masks hold {black} and {white}" for path in lost]
        if strange := [path for path in odd if path not in lost]:
            remarks.append(f"WARNING: most masks hold {black} and {white}, others do not: {_names(strange)}")
        if (black, white) not in (("0", "255"), ("0", "65535")):
            focus = white if looks[0].pair.white == "in_focus" else black
            remarks.append(f"masks hold {black} and {white}: {focus} is taken for in focus; {turn}")
    if alone := [path for path, (x, y, _) in masks.items() if not (x and y)]:
        warning = "WARNING: " * (len(alone) == len(masks) > 1)
        remarks.append(f"{warning}{len(alone)} of {len(masks)} masks hold one class only: {_names(alone)}")
    if stale := [found.pair.contour for found in looks if found.stale]:
        remarks.append(f"WARNING: contours that are not those of their masks; prepare makes them: {_names(stale)}")
    if 2 * (wrong := sum(found.gain < 0 for found in looks)) > len(looks):
        reason = f"in {wrong} of {len(looks)} pairs the part called in focus has less detail than the other"
        remarks.append(f"WARNING: THE MASKS LOOK INVERTED: {reason}; {turn}")
    return remarks, problems


def _names(paths: list[Any]) -> str:
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(map(str, paths[:NAMED])) + more


def links(first: list[Look], second: list[Look]) -> list[tuple[int, int]]:
    """Places on both sides of images of one photograph, also resized, compressed, mirrored or turned by 90 degrees."""
    theirs = np.stack([found.small.ravel() for found in second] or [np.zeros(256, np.float32)])
    limit, squares = np.minimum(SAME, OF_CONTRAST * theirs.std(1)), (theirs**2).sum(1)
    pairs = []
    for row, one in enumerate(first):
        turns = [np.rot90(side, turn) for side in (one.small, one.small[:, ::-1]) for turn in range(4)]
        variants = np.stack([turn.ravel() for turn in turns])
        distance = ((variants**2).sum(1)[:, None] + squares - 2 * variants @ theirs.T).min(0).clip(0) / 256
        pairs += [(row, column) for column in np.flatnonzero(np.sqrt(distance) < limit).tolist()]
    return pairs


def twins(first: list[Look], second: list[Look] | None = None) -> list[tuple[Look, Look]]:
    """For each image of the second side (or of the first, without one) that has twins: its first twin, and itself."""
    found: dict[int, int] = {}
    for row, column in links(first, first if second is None else second):
        if second is not None or column > row:
            found.setdefault(column, row)
    return [(first[row], (second or first)[column]) for column, row in sorted(found.items())]


def groups(looks: list[Look]) -> list[list[Pair]]:
    """Images that show one photograph, or are linked by others that do, as groups of two and more."""
    number = list(range(len(looks)))
    for row, column in links(looks, looks):
        if (old := number[column]) != (new := number[row]):
            number = [new if value == old else value for value in number]
    members: dict[int, list[Pair]] = {}
    for found, of in zip(looks, number):
        members.setdefault(of, []).append(found.pair)
    return [group for group in members.values() if len(group) > 1]


def warn_of_twins(what: str, pairs: list[tuple[Look, Look]]) -> list[str]:
    """Prints, and returns, a warning about images that show one photograph; none where there are none."""
    if not pairs:
        return []
    examples = [f"{a.pair.image} and {b.pair.image}" for a, b in pairs]
    warnings = [f"WARNING: {len(pairs)} {what}: {_names(examples)}"]
    print(warnings[0], flush=True)
    return warnings


def check(data_path: Path) -> tuple[list[str], list[str]]:
    """Verifies every set of a dataset folder.

    Returns:
        Summary lines, and problems: missing or doubled partners, unreadable files, sizes, masks that are not black and
        white, outdated contours, doubtful polarity, images that one set or two sets hold twice.
    """
    sets = [(path.parent, path.parent.name, False) for path in glob_folders(data_path, "Train/*/images")]
    sets += [(path.parent, path.parent.parent.name, True) for path in glob_folders(data_path, "*/Test/images")]
    if not sets:
        return [], [f"{data_path}: neither Train/NAME/images nor NAME/Test/images here"]
    summary, problems = [], []
    seen: dict[Path, list[Look]] = {}
    for folder, name, is_test in sets:
        pairs, wrong = pairs_in(name, folder, is_test)
        looks = look(pairs)
        seen[folder] = [found for found in looks if not found.problem]
        remarks, unclear = remarks_on(seen[folder])
        wrong += [found.problem for found in looks if found.problem] + unclear
        wrong += [f"{x.pair.mask}: grey values in the mask" for x in seen[folder] if x.levels[2:] == (True,)]
        wrong += [f"{folder}: {remark}" for remark in remarks if "WARNING" in remark]
        whole = [found for found in seen[folder] if not found.pair.trimap]  # synthesise makes several images of one
        wrong += [f"{b.pair.image}: the same photograph as {a.pair.image}" for a, b in twins(whole)]
        summary += [f"{folder.relative_to(data_path)}: {len(pairs)} pairs, {len(wrong)} problem(s)"]
        summary += [remark for remark in remarks if "WARNING" not in remark]
        problems += wrong
    for first, second in combinations(seen.values(), 2):
        partial = any(found.pair.trimap for found in first + second)
        same = [] if partial and not any(found.pair.is_test for found in second) else twins(first, second)
        problems += [f"{b.pair.image}: the same photograph as {a.pair.image} of another set" for a, b in same]
    return summary, problems
