"""Makes focus_maps.png, the README's figure: python -m docs.focus_maps (from the repository's folder).

The rule for what is shown: every colour photograph of a scene that scikit-image ships under CC0 or in the public
domain, as it is, in alphabetical order, each above its map. None is left out for its map.
"""

from pathlib import Path

import numpy as np

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.data.images import write_image
from ran.data.resizing import quantised, resize
from ran.predictor import load_model
from ran.tools.sample import photograph

HEIGHT = 220
SHOWN = ("astronaut", "chelsea", "coffee", "rocket")


def column(image: np.ndarray, predictor) -> np.ndarray:
    """Photograph above its map, HEIGHT pixels each."""
    focus_map = quantised(predictor(image))
    width = round(HEIGHT * image.shape[1] / image.shape[0])
    pair = [resize(image, width, HEIGHT), np.repeat(resize(focus_map, width, HEIGHT)[..., None], 3, -1)]
    return np.concatenate([pair[0], np.full((6, width, 3), 255, np.uint8), pair[1]])


def draw() -> None:
    predictor = load_model()
    photographs = [photograph(name) for name in SHOWN]
    columns = [column(image, predictor) for image in photographs]
    gap = np.full((columns[0].shape[0], 6, 3), 255, np.uint8)
    write_image(
        Path(__file__).parent / "focus_maps.png", np.concatenate([x for c in columns for x in (c, gap)][:-1], 1)
    )


if __name__ == "__main__":
    draw()
