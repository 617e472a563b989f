"""Folders of saved maps that `evaluate` scores: which map belongs to which mask, and what is odd about them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..data.names import common_affixes, list_images
from ..evaluation.metrics import SetScore

LISTED = 5  # names printed of a long list; scores.json has all
DARK, HALF = 15, 128  # a map with no higher level may hold labels; some map of each method should reach the half
KINDS = {
    "missing": "masks without a map",
    "unusable": "maps that cannot be used",
    "extra": "maps without a mask, not scored",
    "resized": "maps of another size than their mask, resized bilinearly",
    "dark": f"maps nearly black, no level above {DARK} of 255 (should 1 mean 255, or labels be levels?)",
}


@dataclass
class Method:
    """A folder of maps: its files by stem, what is odd about them by KINDS, their scores and highest level."""

    name: str
    folder: Path
    white: str
    maps: dict[str, Path] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    scores: SetScore = field(default_factory=SetScore)
    highest: int = 0

    def add(self, stem: str, result: tuple[SetScore, int, str] | str) -> None:
        """Takes the result of score_file for one map."""
        if isinstance(result, str):
            self.notes["unusable"].append(result)
            return
        score, highest, resized = result
        self.scores.add(score)
        self.highest = max(self.highest, highest)
        self.notes["resized"] += [resized] if resized else []
        self.notes["dark"] += [stem] if highest <= DARK and self.white == "in_focus" else []

    def remarks(self, most: int | None = LISTED) -> list[str]:
        """A line for each kind of oddity, with at most so many names (None: all)."""
        known = [(what, self.notes[kind]) for kind, what in KINDS.items() if self.notes[kind]]
        return [f"{self.name}: {what} ({len(names)}): {shortened(names, most)}" for what, names in known]

    def warnings(self) -> list[str]:
        """Sentences about maps that seem to hold labels, or to be inverted; a ValueError where they hold 0 and 1."""
        warnings, error = [], sum(row["mae"] for row in self.scores.rows) / len(self.scores.rows)
        if self.highest == 1 and self.white == "in_focus":
            raise ValueError(f"{self.folder}: no map of {self.name} has a level above 1 of 255; save 1 as 255")
        if self.highest < HALF and self.white == "in_focus":
            level = f"{self.highest} of 255: is 1 meant by {self.highest}?"
            warnings.append(f"warning: no map of {self.name} has a level above {level}")
        if error > 0.5:
            advice = "if white means blurred there, say --blurred_maps (or --white, if it is the masks of --gt)"
            warnings.append(f"warning: {self.name} looks inverted: MAE {error:.4f}, flipped {1 - error:.4f}; {advice}")
        return warnings


def shortened(names: list[str], most: int | None = LISTED) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if most and len(names) > most else "")


def one_each(files: dict[str, list[Path]], stems: Iterable[str], folder: Path) -> dict[str, Path]:
    """The file of each of these stems that has one; a ValueError where a stem has several."""
    if several := [", ".join(path.name for path in files[x]) for x in stems if len(files.get(x, ())) > 1]:
        raise ValueError(f"{folder}: several files of one name: {shortened(several)}")
    return {stem: files[stem][0] for stem in stems if stem in files}


def match(method: Method, masks: dict[str, Path]) -> None:
    """Finds the map of each mask, and notes what is missing or extra.

    Raises:
        ValueError: two maps for one mask, or not one that fits.
    """
    found = list_images(method.folder, (".npy", ".mat"))
    if not masks.keys() & found.keys() and any(affixes := common_affixes(masks, found)):
        prefix, suffix = affixes
        print(f"{method.folder}: maps are named as the masks with {prefix}{suffix} {'before' if prefix else 'behind'}")
        found = {stem[len(prefix) : len(stem) - len(suffix)]: paths for stem, paths in found.items()}
    method.maps = one_each(found, masks, method.folder)
    if not method.maps:
        names = [next(iter(paths), Path("no map at all")).name for paths in (masks.values(), sum(found.values(), []))]
        raise ValueError(f"{method.folder}: no map is named as its mask (a mask: {names[0]}; a map: {names[1]})")
    method.notes["missing"] = [stem for stem in masks if stem not in found]
    method.notes["extra"] = [paths[0].name for stem, paths in found.items() if stem not in masks]
