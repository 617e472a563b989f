"""Methods that `evaluate` scores: folders of maps, their scores as they come, and what is odd about them."""

from dataclasses import dataclass, field
from pathlib import Path

from .metrics import ImageScore, SetScore

LISTED = 5  # names printed of a long list; where maps are missing or unusable all are, and scores.json has all
DARK, HALF = 15, 128  # levels: of a map that may hold labels, and above which some map of a method should be
KINDS = {
    "missing": "masks without a map",
    "unusable": "maps that cannot be used",
    "extra": "maps without a mask, not scored",
    "resized": "maps of another size than their mask, resized bilinearly",
    "dark": f"maps nearly black, no level above {DARK} of 255 (should 1 mean 255, or labels be levels?)",
}


@dataclass
class Method:
    """One folder of maps.

    Attributes:
        maps: files to score, by stem.
        notes: what is odd about them, by kind, a line each; see KINDS.
        scores: of the maps that could be used.
        highest: level in any of them.
    """

    name: str
    folder: Path
    white: str
    maps: dict[str, Path] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    scores: SetScore = field(default_factory=SetScore)
    highest: int = 0

    def add(self, result: ImageScore | str) -> None:
        """Takes what score_file gave of one of the maps."""
        if isinstance(result, str):
            self.notes["unusable"].append(result)
            return
        self.scores.add(result)
        self.highest = max(self.highest, result.highest)
        if result.resized:
            self.notes["resized"].append(result.resized)
        if result.highest <= DARK and self.white == "in_focus":
            self.notes["dark"].append(result.row["name"])


def remarks(method: Method, most: int | None = LISTED) -> str:
    """A line for each kind of oddity that the method has, with at most so many names (None: all)."""
    lines = [(what, method.notes[kind]) for kind, what in KINDS.items()]
    return "".join(
        f"{method.name}: {what} ({len(found)}): {shortened(found, most)}\n" for what, found in lines if found
    )


def shortened(names: list[str], most: int | None = LISTED) -> str:
    more = f" and {len(names) - most} more" if most and len(names) > most else ""
    return ", ".join(names[:most]) + more
