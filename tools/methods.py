"""Folders of saved maps that `evaluate` scores: which map belongs to which mask, and what is odd about them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..data.masks import read_map, read_mask
from ..evaluation.metrics import ImageScore, SetScore, score_image
from ..evaluation.scores import MethodScores, files_by_name

LISTED = 5  # names printed of a long list; scores.json has all
KINDS = {
    "missing": "masks without a map",
    "unusable": "maps that cannot be used",
    "extra": "maps without a mask, not scored",
    "resized": "maps of another size than their mask, resized bilinearly",
}


class Scored(NamedTuple):
    """A map's score; its file's highest level, and how many it has; "NAME: W x H to W x H" if it was resized."""

    score: ImageScore
    highest: int
    levels: int
    resized: str


def score_file(name: str, map_path: Path, mask_path: Path, map_white: str, mask_white: str) -> Scored | str:
    """Scores a saved map, resized bilinearly where its mask has another size, or says why it cannot be used.

    `map_white` and `mask_white` are what white means in the files, "in_focus" or "blurred". Raises ValueError: the mask
    cannot be read.
    """
    mask = read_mask(mask_path, mask_white)
    try:
        focus_map = read_map(map_path, map_white)
    except ValueError as error:
        return str(error)
    if focus_map.shape == mask.shape[::-1] != mask.shape:
        return f"{map_path}: its sides are those of the mask swapped: transpose the map"
    present, resized = np.unique(focus_map), ""
    highest = int(present[-1] if map_white == "in_focus" else 255 - present[0])
    if focus_map.shape != mask.shape:
        resized = "{}: {} x {} to {} x {}".format(map_path.name, *focus_map.shape[::-1], *mask.shape[::-1])
        focus_map = cv2.resize(focus_map, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return Scored(score_image(name, focus_map, mask), highest, len(present), resized)


@dataclass
class Method:
    """A folder of maps on one set.

    Attributes:
        folders: those of "maps", "masks" and, if there are some, "images".
        white: what white means in the "maps" and "masks".
        masks: files by name.
        maps: those that have a mask, by its name.
        notes: what is odd about maps, by KINDS.
        scored: scores of the maps.
    """

    name: str
    dataset: str
    folders: dict[str, str]
    white: dict[str, str]
    masks: dict[str, Path]
    scored: list[Scored] = field(default_factory=list)

    def __post_init__(self):
        """Finds the map of each mask. Raises ValueError: two maps for one mask, or not one that fits."""
        found = files_by_name(Path(self.folders["maps"]), self.masks)
        self.maps = {name: found[name] for name in self.masks if name in found}
        if not self.maps:
            mask, a_map = (next(iter(files.values())).name if files else "none" for files in (self.masks, found))
            raise ValueError(f"{self.folders['maps']}: no map is named like its mask (a mask: {mask}; a map: {a_map})")
        self.notes: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.notes["missing"] = [name for name in self.masks if name not in found]
        self.notes["extra"] = [path.name for name, path in found.items() if name not in self.masks]

    def call(self, name: str) -> tuple:
        """Arguments of score_file for one map."""
        return name, self.maps[name], self.masks[name], self.white["maps"], self.white["masks"]

    def add(self, result: Scored | str) -> None:
        """Takes the result of score_file for one map."""
        if isinstance(result, str):
            self.notes["unusable"].append(result)
        else:
            self.scored.append(result)
            self.notes["resized"] += filter(None, [result.resized])

    def scores(self) -> MethodScores:
        """Scores of the method on the set. Raises ValueError: no map can be used, or all hold levels 0 and 1."""
        if not self.scored:
            raise ValueError("\n".join(["not one map could be scored", *self.remarks()]))
        if max(one.highest for one in self.scored) == 1:
            raise ValueError(f"{self.folders['maps']}: no map has a level above 1 of 255; save 1 as 255")
        traits = ["two levels"] * all(one.levels <= 2 for one in self.scored)
        traits += ["JPEG"] * all(path.suffix.lower() in (".jpg", ".jpeg") for path in self.maps.values())
        notes = {kind: names for kind, names in self.notes.items() if names}
        about = {"white": self.white, "traits": traits, "notes": notes}
        whole = SetScore(one.score for one in self.scored)
        return MethodScores.of(self.name, self.dataset, whole, folders=self.folders, about=about)

    def remarks(self) -> list[str]:
        """A line for each kind of oddity, with at most LISTED names."""
        lines = []
        for kind, names in self.notes.items():
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            listing = f"{KINDS[kind]} ({len(names)}): {', '.join(names[:LISTED])}{more}"
            lines += [f"{self.name} on {self.dataset}: {listing}"] if names else []
        return lines
