"""Are the masks of a set of one kind, and what is taken for in focus?"""

from collections import Counter
from pathlib import Path

import numpy as np

from ..utils.progress import in_threads
from .contour import contour_band
from .layouts import Pair
from .mask_levels import Levels
from .masks import read_levels, read_mask
from .pictures import orientation_at

NAMED = 20  # files that a remark names
PREPARED = "`prepare --images ... --masks ... --white blurred` writes the set the other way round"


def check_masks(pairs: list[Pair], turn: str = PREPARED) -> tuple[list[str], list[str]]:
    """Reads the masks of one set. Trimaps are left out: they say themselves what each level means.

    Args:
        pairs: of one set.
        turn: how to turn round what is taken for in focus.

    Returns:
        Remarks: which value is taken for in focus where it is not white, masks with one class, masks of another kind
        than the others, contours that are not theirs, and photographs that are turned by their EXIF. And problems:
        masks that are none, or whose one value means nothing in the other masks.
    """
    pairs = [pair for pair in pairs if not pair.trimap]
    levels: dict[Path, Levels] = {}
    problems, stale = [], []
    for pair, found in zip(pairs, in_threads(_levels, pairs, "looking at masks")):
        if isinstance(found, str):
            problems.append(found)
            continue
        levels[pair.mask], fits = found
        if not fits:
            stale.append(str(pair.contour))
    kinds = Counter(found.kind for found in levels.values() if not found.one_class)
    usual = next((x for x in levels.values() if kinds and x.kind == kinds.most_common(1)[0][0]), None)
    strange = {path: found for path, found in levels.items() if usual and not found.fits(usual)}
    problems += _unclear(levels, usual)
    remarks = []
    if usual and usual.kind != "black and white":
        focus = usual.white if pairs[0].white == "in_focus" else usual.black
        remarks.append(f"masks hold {usual.kind}: {focus} is taken for in focus; {turn}")
    if strange and usual:
        shown = _names([f"{path} ({found.kind})" for path, found in strange.items()])
        remarks.append(f"warning: most masks hold {usual.kind}, {len(strange)} another kind: {shown}")
    alone = [str(path) for path, found in levels.items() if found.one_class]
    if alone:
        remarks.append(f"{len(alone)} of {len(levels)} masks hold one class only: {_names(alone)}")
    if stale:
        stated = f"{len(stale)} contour(s) are not those of their masks; prepare makes them: {_names(stale)}"
        remarks.append(f"warning: {stated}")
    turned = sum(orientation_at(pair.image) > 1 for pair in pairs if pair.image != pair.mask)  # masks alone have none
    if turned:
        remarks.append(
            f"{turned} of {len(pairs)} photographs carry an EXIF rotation: they are read upright, and masks as their "
            "own EXIF says; a mask drawn on the pixels as they are stored would not fit"
        )
    return [f"{pairs[0].dataset}: {remark}" for remark in remarks], problems


def _unclear(levels: dict[Path, Levels], usual: Levels | None) -> list[str]:
    """Masks whose one value means nothing, or something else, in others; usual is what most masks hold."""
    whole = dict.fromkeys(found for found in levels.values() if not found.one_class)  # few, of however many masks
    problems = []
    for path, found in levels.items():
        if not found.one_class:
            continue
        others = [x.kind for x in whole if found.contradicts(x)]
        if usual and not found.fits(usual):
            others.append(usual.kind)
        if others:
            problems.append(f"{path}: {found.kind} alone, but other masks hold {others[-1]}: which class is it?")
    return problems


def report_masks(pairs: list[Pair], turn: str = PREPARED) -> None:
    """Prints the remarks on the masks of all sets among the pairs, see check_masks.

    Raises:
        ValueError: the problems.
    """
    sets: dict[str, list[Pair]] = {}
    for pair in pairs:
        sets.setdefault(pair.dataset, []).append(pair)
    found = [check_masks(of_set, turn) for of_set in sets.values()]
    if problems := [problem for _, wrong in found for problem in wrong]:
        raise ValueError(f"{len(problems)} mask(s) cannot be used:\n  " + "\n  ".join(problems))
    for remark in (remark for remarks, _ in found for remark in remarks):
        print(remark)


def _levels(pair: Pair) -> tuple[Levels, bool] | str:
    """What a mask holds, and whether the contour beside it, if there is one, is its own; or why it cannot be read."""
    try:
        mask, levels = read_levels(pair.mask)
        return levels, not pair.contour or np.array_equal(read_mask(pair.contour), contour_band(mask))
    except (OSError, ValueError) as error:
        return str(error)


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
