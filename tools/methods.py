"""A folder of saved maps on one set, as `evaluate` scores it: which map belongs to which mask, and what is odd."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ..data.layouts import Pair
from ..data.masks import read_map, read_mask
from ..data.names import listing
from ..evaluation.metrics import ImageScore, SetScore, score_image
from ..evaluation.scores import MethodScores, files_by_name
from ..utils.progress import in_threads, say


class Scored(NamedTuple):
    """A map's score; its file's highest level, and how many it has; "NAME: W x H to W x H" if it was resized."""

    score: ImageScore
    highest: int
    levels: int
    resized: str


class Method:
    """A method's maps on a set, white = in focus unless `blurred`. Raises ValueError: two maps of one name.

    Attributes:
        problem: says which masks have no map; empty where each has one.
    """

    def __init__(self, name: str, folder: Path, pairs: list[Pair], blurred: bool):
        self.name, self.folder, self.pairs = name, folder, pairs
        self.white = {"maps": "blurred" if blurred else "in_focus", "masks": pairs[0].white}
        stems = {pair.stem for pair in pairs}
        self.maps = files_by_name(folder, stems)
        self.extra = [path.name for stem, path in self.maps.items() if stem not in stems]
        missing = [pair.mask.name for pair in pairs if pair.stem not in self.maps]
        others = f"; maps without a mask: {listing(self.extra)}" if self.extra else ""
        count = f"{len(missing)} of {len(pairs)} masks have no map here"
        self.problem = f"{folder}: {count}: {listing(missing)}{others}" if missing else ""

    def scores(self) -> MethodScores:
        """Scores the maps, and prints what is odd about them. Raises ValueError: masks or maps that cannot be used."""
        results = list(in_threads(self._scored, self.pairs, f"scoring {self.name}", "map"))
        if unusable := [result for result in results if isinstance(result, str)]:
            raise ValueError("\n  ".join([f"{len(unusable)} map(s) cannot be used:", *unusable]))
        scores, highest, levels, resized = zip(*results)
        if max(highest) == 1:
            raise ValueError(f"{self.folder}: no map has a level above 1 of 255; save 1 as 255")
        dataset, images = self.pairs[0].dataset, [pair.image for pair in self.pairs if pair.image != pair.mask]
        folders = {"masks": str(self.pairs[0].mask.parent), "maps": str(self.folder)}
        folders |= {"images": str(images[0].parent)} if images else {}
        traits = ["two levels"] * (max(levels) <= 2)
        traits += ["JPEG"] * all(self.maps[pair.stem].suffix.lower() in (".jpg", ".jpeg") for pair in self.pairs)
        about = {"white": self.white, "traits": traits}
        result = MethodScores.of(self.name, dataset, SetScore(scores), folders=folders, about=about)
        odd = {"without a mask, not scored": self.extra}
        odd["of another size than their mask, resized bilinearly"] = [line for line in resized if line]
        say(f"{self.name} on {dataset}: maps {what} ({len(x)}): {listing(x)}" for what, x in odd.items() if x)
        if (error := result.totals["mae"]) > 0.5:
            errors = f"MAE {error:.4f}, flipped {1 - error:.4f}"
            advice = "if white means blurred in them, use --blurred_maps (in the masks of --gt: --white)"
            print(f"warning: {self.name} on {dataset} looks inverted: {errors}; {advice}")
        return result

    def _scored(self, pair: Pair) -> Scored | str:
        """A map's score, resized bilinearly where its mask has another size, or why it cannot be used."""
        mask, path = read_mask(pair.mask, pair.white), self.maps[pair.stem]
        try:
            focus_map = read_map(path, self.white["maps"])
        except ValueError as error:
            return str(error)
        if focus_map.shape == mask.shape[::-1] != mask.shape:
            return f"{path}: its sides are those of the mask swapped: transpose the map"
        present, resized = np.unique(focus_map), ""
        highest = int(present[-1] if self.white["maps"] == "in_focus" else 255 - present[0])
        if focus_map.shape != mask.shape:
            resized = "{}: {} x {} to {} x {}".format(path.name, *focus_map.shape[::-1], *mask.shape[::-1])
            focus_map = cv2.resize(focus_map, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return Scored(score_image(pair.stem, focus_map, mask), highest, len(present), resized)
