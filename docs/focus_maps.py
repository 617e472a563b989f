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

HEIGHT, GAP = 220, 6  # pixels
SHOWN = ("astronaut", "chelsea", "coffee", "rocket")


def draw() -> None:
    """Writes a column for each photograph: the photograph above its map."""
    predictor, columns = load_model(), []
    for name in SHOWN:
        image = photograph(name)
        focus_map = np.repeat(quantised(predictor(image))[..., None], 3, axis=-1)
        width = round(HEIGHT * image.shape[1] / image.shape[0])
        pair = [resize(pixels, width, HEIGHT) for pixels in (image, focus_map)]
        columns.append(np.concatenate([np.pad(x, ((0, GAP), (0, GAP), (0, 0)), constant_values=255) for x in pair]))
    write_image(Path(__file__).parent / "focus_maps.png", np.concatenate(columns, axis=1)[:-GAP, :-GAP])


if __name__ == "__main__":
    draw()
