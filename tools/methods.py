"""Folders of saved maps that `evaluate` scores: which map belongs to which mask, and what is odd about them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..data.masks import read_map, read_mask
from ..evaluation.metrics import SetScore, score_image
from ..evaluation.scores import files_by_name

LISTED = 5  # names printed of a long list; scores.json has all
DARK, HALF = 15, 128  # a map with no higher level may hold labels; some map of each method should reach the half
KINDS = {
    "missing": "masks without a map",
    "unusable": "maps that cannot be used",
    "extra": "maps without a mask, not scored",
    "resized": "maps of another size than their mask, resized bilinearly",
    "dark": f"maps nearly black, no level above {DARK} of 255 (should 1 mean 255, or labels be levels?)",
}


class Scored(NamedTuple):
    """A map's score; its highest level, and how many levels it has; and "NAME: W x H to W x H" if resized."""

    score: SetScore
    levels: tuple[int, int]
    resized: str


def score_file(name: str, map_path: Path, mask_path: Path, map_white: str, mask_white: str) -> Scored | str:
    """Scores a saved map, resized bilinearly where its mask has another size.

    Args:
        name: see score_image.
        map_white, mask_white: what white means in the files, "in_focus" or "blurred".

    Returns:
        What is known of the map; or why it cannot be used.

    Raises:
        ValueError: the mask cannot be read.
    """
    mask = read_mask(mask_path, mask_white)
    try:
        focus_map = read_map(map_path, map_white)
    except ValueError as error:
        return str(error)
    if focus_map.shape == mask.shape[::-1] != mask.shape:
        return f"{map_path}: its sides are those of the mask swapped: transpose the map"
    present, resized = np.flatnonzero(np.bincount(focus_map.ravel())).tolist(), ""
    if focus_map.shape != mask.shape:
        resized = "{}: {} x {} to {} x {}".format(map_path.name, *focus_map.shape[::-1], *mask.shape[::-1])
        focus_map = cv2.resize(focus_map, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return Scored(score_image(name, focus_map, mask), (present[-1], len(present)), resized)


@dataclass
class Method:
    """A folder of maps on one set: its files and masks by name, what is odd about them by KINDS, their scores."""

    name: str
    dataset: str
    folder: Path
    white: str
    masks: dict[str, Path]
    maps: dict[str, Path] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    scores: SetScore = field(default_factory=SetScore)
    levels: list[tuple[int, int]] = field(default_factory=list)

    @property
    def on_set(self) -> str:
        return f"{self.name} on {self.dataset}"

    def match(self) -> None:
        """Finds the map of each mask, and notes what is missing or extra.

        Raises:
            ValueError: two maps for one mask, or not one that fits.
        """
        found, said = files_by_name(self.folder, self.masks)
        if said:
            print(f"{self.folder}: maps are named like their masks, with {said}")
        self.maps = one_each(found, self.masks, self.folder)
        if not self.maps:
            names = [next(iter(x), Path("no map at all")).name for x in (self.masks.values(), sum(found.values(), []))]
            raise ValueError(f"{self.folder}: no map is named like its mask (a mask: {names[0]}; a map: {names[1]})")
        self.notes["missing"] = [stem for stem in self.masks if stem not in found]
        self.notes["extra"] = [paths[0].name for stem, paths in found.items() if stem not in self.masks]

    def add(self, stem: str, result: Scored | str) -> None:
        """Takes the result of score_file for one map."""
        if isinstance(result, str):
            self.notes["unusable"].append(result)
            return
        self.scores.add(result.score)
        self.levels.append(result.levels)
        self.notes["resized"] += [result.resized] if result.resized else []
        self.notes["dark"] += [stem] if result.levels[0] <= DARK and self.white == "in_focus" else []

    def traits(self) -> list[str]:
        """What holds for all maps and moves scores, keys of comparison.TRAITS."""
        jpeg = {path.suffix.lower() for path in self.maps.values()} <= {".jpg", ".jpeg"}
        known = {"two levels": all(count <= 2 for _, count in self.levels), "JPEG": jpeg}
        return [trait for trait, holds in known.items() if holds]

    def remarks(self, most: int | None = LISTED) -> list[str]:
        """A line for each kind of oddity, with at most so many names (None: all)."""
        known = [(what, self.notes[kind]) for kind, what in KINDS.items() if self.notes[kind]]
        return [f"{self.on_set}: {what} ({len(names)}): {shortened(names, most)}" for what, names in known]

    def warnings(self) -> list[str]:
        """Sentences about maps that seem to hold labels, or to be inverted; a ValueError where they hold 0 and 1."""
        warnings, error = [], sum(row["mae"] for row in self.scores.rows) / len(self.scores.rows)
        highest = max(high for high, _ in self.levels)
        if highest == 1 and self.white == "in_focus":
            raise ValueError(f"{self.folder}: no map of {self.name} has a level above 1 of 255; save 1 as 255")
        if highest < HALF and self.white == "in_focus":
            level = f"{highest} of 255: does {highest} mean 1?"
            warnings.append(f"warning: no map of {self.on_set} has a level above {level}")
        if error > 0.5:
            advice = "if white means blurred in them, use --blurred_maps (in the masks of --gt: --white)"
            errors = f"MAE {error:.4f}, flipped {1 - error:.4f}"
            warnings.append(f"warning: {self.on_set} looks inverted: {errors}; {advice}")
        return warnings


def shortened(names: list[str], most: int | None = LISTED) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if most and len(names) > most else "")


def one_each(files: dict[str, list[Path]], stems: Iterable[str], folder: Path) -> dict[str, Path]:
    """The file of each of these stems that has one; a ValueError where a stem has several."""
    if several := [", ".join(path.name for path in files[x]) for x in stems if len(files.get(x, ())) > 1]:
        raise ValueError(f"{folder}: several files of one name: {shortened(several)}")
    return {stem: files[stem][0] for stem in stems if stem in files}
