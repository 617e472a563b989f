"""Is a data set what train, test and evaluate take it for? One look at each pair, and what is odd about the sets."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ..utils.progress import in_threads
from .images import read_image
from .layouts import Pair, pairs_in, set_folders
from .masks import check_sizes, read_levels
from .names import listing
from .resizing import resize

SIDE = 256  # pixels: detail is measured where a whole divisor of the size leaves the shorter side this long at least
SAME, OF_CONTRAST = 5.0, 0.3  # largest RMS difference of thumbnails of one image: levels, share of its contrast
TURN = "`prepare --white blurred` swaps the two classes"


@dataclass
class Look:
    """What one look at a pair shows."""

    pair: Pair
    problem: str = ""  # why the pair cannot be used; empty if it can
    levels: tuple[int, ...] = ()  # black and white of the mask's file, see masks.read_levels; empty for a trimap
    gain: float = 0.0  # see contrast_gain
    small: np.ndarray = field(default_factory=lambda: np.zeros((16, 16), np.float32))  # the image as grey


def look(pairs: list[Pair], sizes: bool = True, masks: bool = True) -> list[Look]:
    """Looks at every pair, in threads. Where the image is the mask itself, the mask alone is read.

    Args:
        sizes: whether an image and a mask of different sizes are a problem.
        masks: whether masks are read, too; `twins` needs none.
    """

    def at(pair: Pair) -> Look:
        result = Look(pair)
        truth: np.ndarray = np.zeros((1, 1), np.uint8)
        try:
            if masks:
                truth, result.levels = read_levels(pair.mask, pair.white, pair.trimap)
            if pair.image != pair.mask:
                grey = cv2.cvtColor(read_image(pair.image), cv2.COLOR_RGB2GRAY)
                if masks and sizes:
                    check_sizes(pair.image, grey.shape, pair.mask, truth.shape)
                result.small = resize(grey, 16, 16).astype(np.float32)
                step = max(1, min(grey.shape) // SIDE)
                grey = resize(grey, grey.shape[1] // step, grey.shape[0] // step)
                truth = cv2.resize(truth, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
                result.gain = contrast_gain(grey, truth)
        except (ValueError, OSError) as error:
            result.problem = str(error)
        return result

    return list(in_threads(at, pairs, "looking at pairs"))


def contrast_gain(grey: np.ndarray, mask: np.ndarray) -> float:
    """Mean |Laplacian| of a grey image's part in focus (mask 255) minus that of its blurred part (0); 0 without one."""
    detail, focus, blurred = np.abs(cv2.Laplacian(grey, cv2.CV_32F)), mask == 255, mask == 0
    return float(detail[focus].mean() - detail[blurred].mean()) if focus.any() and blurred.any() else 0.0


def report(looks: list[Look], turn: str = TURN) -> list[str]:
    """What is odd about each set, a line each, "SET: WARNING: ..." if grave; `turn` says how to swap the two classes.
    Raises ValueError: pairs that cannot be used, with every reason.
    """
    if problems := [one.problem for one in looks if one.problem]:
        raise ValueError(f"{len(problems)} file(s) cannot be used:\n  " + "\n  ".join(problems))
    remarks = []
    for name in sorted({one.pair.dataset for one in looks}):
        own = [one for one in looks if one.pair.dataset == name]
        kinds = Counter(one.levels for one in own if len(one.levels) == 2)
        if kinds.keys() - {(0, 255), (0, 65535)}:
            first = {one.levels: one.pair.mask for one in reversed(own)}
            shown = ", ".join(f"{x[0]} and {x[1]} ({count}, such as {first[x]})" for x, count in kinds.items())
            warning = "WARNING: " * (len(kinds) > 1)
            side = "larger" if own[0].pair.white == "in_focus" else "smaller"
            remarks.append(f"{name}: {warning}masks hold {shown}; the {side} value means in focus; {turn}")
        if 2 * (wrong := sum(one.gain < 0 for one in own)) > len(own):
            reason = f"in {wrong} of {len(own)} pairs the part called in focus has less detail than the other"
            remarks.append(f"{name}: WARNING: THE MASKS LOOK INVERTED: {reason}; {turn}")
    return remarks


def twins(first: list[Look], second: list[Look] | None = None) -> list[tuple[Look, Look]]:
    """Copies of images, also resized, compressed, mirrored or turned by 90 degrees.

    Returns:
        (original, copy) for each image of the second list with an original in the first, the first one that fits;
        without a second list, for each image of the first with an earlier original there.
    """
    found = []
    small = np.array([one.small.ravel() for one in first])
    for number, copy in enumerate(first if second is None else second):
        earlier = small[:number] if second is None else small
        if len(earlier):
            sides = (copy.small, copy.small[:, ::-1])
            turned = np.array([np.rot90(side, turn).ravel() for side in sides for turn in range(4)])
            distance = cv2.batchDistance(earlier, turned, cv2.CV_32F, K=1)[0][:, 0]  # to the nearest of the eight
            alike = distance / 16 < min(SAME, OF_CONTRAST * copy.small.std())  # the root mean square of 256 pixels
            if alike.any():
                found.append((first[alike.argmax()], copy))
    return found


def warn_of_twins(what: str, pairs: list[tuple[Look, Look]]) -> list[str]:
    """A warning about copies of images; none where there are none."""
    examples = listing([f"{a.pair.image} and {b.pair.image}" for a, b in pairs])
    return [f"WARNING: {len(pairs)} {what}: {examples}"] if pairs else []


def check(data_path: Path) -> tuple[list[str], list[str]]:
    """Remarks on the sets of a dataset folder, a line each, with the number of pairs; and problems: missing and doubled
    partners, files that cannot be used, the warnings of report, and images that one set or two sets hold twice.
    """
    remarks: list[str] = []
    problems: list[str] = []
    seen: list[Look] = []
    for split in ("train", "test"):
        for name, folder in set_folders(data_path, split).items():
            pairs, wrong = pairs_in(name, folder, split == "test")
            looks = look(pairs)
            usable = [one for one in looks if not one.problem]
            odd = report(usable)
            problems += wrong + [one.problem for one in looks if one.problem]
            problems += [f"{folder}: {remark}" for remark in odd if "WARNING" in remark]
            remarks += [f"{folder}: {len(pairs)} pairs", *odd]
            seen += usable
    if not seen and not problems:
        return [], [f"{data_path}: neither Train/NAME/images nor NAME/Test/images here"]
    whole, partial = ([one for one in seen if one.pair.trimap == kind] for kind in (False, True))
    same = twins(whole) + twins([one for one in seen if one.pair.is_test], partial)  # synthesise makes several of one
    return remarks, problems + [f"{b.pair.image}: the same image as {a.pair.image}" for a, b in same]
