"""Pictures behind the scores of one set: photograph, truth and every method's map, image by image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...data.images import read_image
from ...data.masks import read_map, read_mask
from ...utils.files import list_images
from ...utils.progress import in_threads
from ..scores import MethodScores


@dataclass
class Example:
    """One image: H x W x 3 photograph, H x W truth and maps by method, uint8, 255 = in focus."""

    name: str
    photograph: np.ndarray
    truth: np.ndarray
    maps: dict[str, np.ndarray]

    @property
    def pictures(self) -> list[np.ndarray]:
        return [self.photograph, self.truth, *self.maps.values()]


class Gallery:
    """Reads the pictures that some methods on one set were scored with.

    Attributes:
        names: images that every method was scored on, in the first method's order.
        lacking: why there are no pictures to show (folders that are not there), or an empty string.

    Raises:
        ValueError: the folders are there, but not each picture.
    """

    def __init__(self, scores: list[MethodScores]):
        self.scores = scores
        common = set.intersection(*({row["name"] for row in scored.rows} for scored in scores))
        self.names = [row["name"] for row in scores[0].rows if row["name"] in common]
        first = scores[0].pictures
        folders = {"photographs": first.images, "masks": first.masks}
        folders |= {f"maps of {scored.method}": scored.pictures.maps for scored in scores}
        absent = {what: path for what, path in folders.items() if not path or not Path(path).is_dir()}
        self.lacking = ", ".join(f"{what} ({path or 'no folder known'})" for what, path in absent.items())
        self._files = {} if absent else {what: list_images(Path(path)) for what, path in folders.items()}
        for what, files in self._files.items():
            if gone := [name for name in self.names if name not in files]:
                raise ValueError(
                    f"{folders[what]}: no picture {', '.join(gone)} any more ({what}); score again, or --pictures False"
                )

    def read(self, names: list[str], side: int, made: Callable[[Example], Any]) -> Iterator[Any]:
        """What a function makes of each example, shrunk to at most `side` pixels a side; in several threads.

        Raises:
            ValueError: a picture is damaged.
        """
        yield from in_threads(lambda name: made(self._example(name, side)), names, "pictures", "image")

    def _example(self, name: str, side: int) -> Example:
        first = self.scores[0].pictures
        photograph = read_image(self._files["photographs"][name][0])
        height, width = photograph.shape[:2]
        scale = min(1, side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))

        def shrunk(picture: np.ndarray) -> np.ndarray:
            return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

        maps = {
            scored.method: read_map(self._files[f"maps of {scored.method}"][name][0], scored.pictures.maps_white)
            for scored in self.scores
        }
        truth = read_mask(self._files["masks"][name][0], first.masks_white)
        return Example(name, shrunk(photograph), shrunk(truth), {key: shrunk(value) for key, value in maps.items()})

    def chosen(self, by: MethodScores, count: int) -> dict[str, str]:
        """The images with a method's `count` lowest, median and highest MAE, with what each is."""
        errors = {row["name"]: row["mae"] for row in by.rows if row["name"] in self.names}
        order = sorted(errors, key=errors.__getitem__)
        count = min(count, len(order))
        middle = (len(order) - count) // 2
        groups = {"best": order[:count], "median": order[middle : middle + count], "worst": order[-count:]}
        labels: dict[str, str] = {}
        for what, names in groups.items():
            for name in names:
                shown = name.encode("utf-8", "replace").decode()  # no font has the bytes of another encoding
                labels.setdefault(name, f"{shown}\n{what}: {errors[name]:.3f}")  # few images: groups may overlap
        return labels
