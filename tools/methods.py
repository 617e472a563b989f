"""Folders of saved maps that `evaluate` scores: which map belongs to which mask, and what is odd about them."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..data.masks import read_map, read_mask
from ..data.names import listing
from ..evaluation.metrics import ImageScore, SetScore, score_image
from ..evaluation.scores import MethodScores, files_by_name

KINDS = {
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


class Method:
    """A folder of maps on one set.

    Attributes:
        folders: those of "maps", "masks" and, if there are some, "images".
        white: what white means in the "maps" and "masks".
        problem: says which masks have no map; empty where each has one.
        calls: arguments of score_file for each map that has a mask.
        notes: what is odd about maps, by KINDS.

    Raises ValueError: two maps of one name.
    """

    def __init__(self, name: str, dataset: str, folders: dict[str, str], white: dict[str, str], masks: dict[str, Path]):
        self.name, self.dataset, self.folders, self.white = name, dataset, folders, white
        maps = files_by_name(Path(folders["maps"]), masks)
        extra = [path.name for stem, path in maps.items() if stem not in masks]
        missing = [mask.name for stem, mask in masks.items() if stem not in maps]
        others = f"; maps without a mask: {listing(extra)}" if extra else ""
        count = f"{len(missing)} of {len(masks)} masks have no map here"
        self.problem = f"{folders['maps']}: {count}: {listing(missing)}{others}" if missing else ""
        white_of = white["maps"], white["masks"]
        self.calls = [(stem, maps[stem], mask, *white_of) for stem, mask in masks.items() if stem in maps]
        self.notes = {"extra": extra}

    def scores(self, scored: list[Scored]) -> MethodScores:
        """Scores of the method on the set, from those of its maps. Raises ValueError: all maps hold levels 0 and 1."""
        if max(one.highest for one in scored) == 1:
            raise ValueError(f"{self.folders['maps']}: no map has a level above 1 of 255; save 1 as 255")
        self.notes["resized"] = [one.resized for one in scored if one.resized]
        traits = ["two levels"] * all(one.levels <= 2 for one in scored)
        traits += ["JPEG"] * all(call[1].suffix.lower() in (".jpg", ".jpeg") for call in self.calls)
        notes = {kind: names for kind, names in self.notes.items() if names}
        about = {"white": self.white, "traits": traits, "notes": notes}
        whole = SetScore(one.score for one in scored)
        return MethodScores.of(self.name, self.dataset, whole, folders=self.folders, about=about)

    def remarks(self) -> list[str]:
        """A line for each kind of oddity."""
        kinds = [f"{KINDS[kind]} ({len(names)}): {listing(names)}" for kind, names in self.notes.items() if names]
        return [f"{self.name} on {self.dataset}: {line}" for line in kinds]
