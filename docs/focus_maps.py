"""Makes focus_maps.png, the README's picture: python -m docs.focus_maps (from the repository's folder).

Two CC0 photographs as they are, and two with a blur of known extent, each above its map.
"""

from pathlib import Path

import numpy as np

from dataloader import resize
from predictor import load_model, quantised
from tools.sample import defocus, photograph
from utils.pictures import write_png

HEIGHT = 220


def column(picture: np.ndarray, predictor) -> np.ndarray:
    """Photograph above its map, HEIGHT pixels each."""
    focus_map = quantised(predictor(picture))
    width = round(HEIGHT * picture.shape[1] / picture.shape[0])
    pair = [resize(picture, width, HEIGHT), np.repeat(resize(focus_map, width, HEIGHT)[..., None], 3, -1)]
    return np.concatenate([pair[0], np.full((6, width, 3), 255, np.uint8), pair[1]])


def main() -> None:
    predictor = load_model()
    rng = np.random.default_rng(4)
    photographs = [photograph("chelsea"), photograph("coffee")]
    photographs += [defocus(resize(photograph(name)[:341], 360, 240), rng)[0] for name in ("camera", "gravel")]
    columns = [column(picture, predictor) for picture in photographs]
    gap = np.full((columns[0].shape[0], 6, 3), 255, np.uint8)
    write_png(Path(__file__).parent / "focus_maps.png", np.concatenate([x for c in columns for x in (c, gap)][:-1], 1))


if __name__ == "__main__":
    main()
