"""`synthesise`: training images with known focus, made from sharp ones with object masks or depth."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from ..data.images import read_image, write_image
from ..data.lens import defocus_background, defocus_object, thin_lens
from ..data.masks import UNKNOWN, read_pair
from ..data.names import pair_by_stem
from ..predictor import load_model
from ..utils.files import locked, write_bytes
from ..utils.progress import bar
from .camera import RIM, defocused, largest_square, lens_trimap, photograph, radius
from .options import SynthesiseOptions

# Kind, image (H x W x 3 uint8) and trimap (H x W) of each training image that is made of one image.
Result = Iterator[tuple[str, np.ndarray, np.ndarray]]
IN_FOCUS, OUT_OF_FOCUS, SHARP_ALL_OVER = 0.8, 0.7, 0.85  # mean of the focus map over a part
DEEPEST, NEAREST = 10, 0.4  # metres: what white means in an image of depth, and the least that is believed
SEED = 42
network = cache(load_model)


def run(options: SynthesiseOptions) -> None:
    """Writes Train/SYNTHETIC/images and trimaps; the same sources give the same images again.

    Raises ValueError: no source, files that do not match, a set of that name.
    """
    sources = {name: Path(getattr(options, name)) for name in MAKERS if getattr(options, name)}
    if not sources:
        raise ValueError("nothing to make images from: give " + ", ".join(f"--{name}" for name in MAKERS))
    output, count = Path(options.data_path) / "Train/SYNTHETIC", 0
    with locked(output):
        if any(output.glob("*/*")):  # perhaps of a stopped run
            raise ValueError(f"{output} holds files already: remove it, or choose another --data_path")
        for name, source in sources.items():
            rng = np.random.default_rng([SEED, list(MAKERS).index(name)])
            folder, read = ("depth", metres_of) if name == "depth" else ("masks", read_pair)
            pairs, problems = pair_by_stem(source / "images", source / folder)
            if problems:
                raise ValueError(f"images and {folder} do not match:\n  " + "\n  ".join(problems))
            for stem, files in bar(pairs.items(), f"making images of {name}"):
                for kind, image, trimap in MAKERS[name](*read(*files), rng):
                    write_bytes(output / "images" / f"{name}_{stem}_{kind}.jpg", photograph(image, rng))
                    write_image(output / "trimaps" / f"{name}_{stem}_{kind}.png", trimap.astype(np.uint8))
                    count += 1
        print(f"{count} training images in {output}")


def metres_of(path: Path, depth: Path) -> tuple[np.ndarray, np.ndarray]:
    """Image, and its depth in metres at the image's size, H x W float32."""
    image, grey = read_image(path), cv2.cvtColor(read_image(depth), cv2.COLOR_RGB2GRAY)
    metres = np.maximum(grey.astype(np.float32) / 255 * DEEPEST, NEAREST)
    return image, cv2.resize(metres, image.shape[1::-1])


def one_class(image: np.ndarray, level: int) -> np.ndarray:
    """A trimap of an image that is in focus (255) or blurred (0) all over."""
    return np.full(image.shape[:2], level, np.uint8)


def of_objects(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Result:
    """An object that a network finds in focus, in front of its background blurred further.

    Where the background is in focus too, also the object blurred in front of it; one image in four also blurred all
    over; images in focus all over also as they are.
    """
    focus, inside = network()(image), mask > 0
    if not inside.any() or inside.all() or focus[inside].mean() < IN_FOCUS:
        return
    near = rng.choice([1.0, rng.uniform(0.2, 1)])
    yield "background", defocus_background(image, mask, radius(image, rng), near), mask
    if focus[~inside].mean() > OUT_OF_FOCUS:
        blurred, reach = defocus_object(image, mask, radius(image, rng))
        yield "object", blurred, np.where(reach, 0, 255)
        if focus.mean() > SHARP_ALL_OVER:
            yield "sharp", image, one_class(image, 255)
    if rng.random() < 0.25:
        yield "blurred", defocused(image, rng), one_class(image, 0)


def of_people(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Result:
    """People in focus in front of their own background (unknown) or a blurred one, or blurred in front of their own."""
    rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((RIM, RIM), np.uint8)) > 0
    kind = rng.choice(["real", "background", "object"], p=[0.4, 0.45, 0.15])
    if kind == "real":
        trimap = np.where(mask > 0, 255, UNKNOWN)
    elif kind == "background":
        image, trimap = defocus_background(image, mask, radius(image, rng)), mask
    else:
        image, reach = defocus_object(image, mask, radius(image, rng))
        trimap = np.where(reach, 0, UNKNOWN)
    yield kind, image, np.where(rim, UNKNOWN, trimap)


def of_depth(image: np.ndarray, metres: np.ndarray, rng: np.random.Generator) -> Result:
    """A room through a lens that focuses on one of its points; some in focus or blurred all over."""
    kind = rng.choice(["lens", "sharp", "blurred"], p=[0.45, 0.4, 0.15])
    if kind == "sharp":
        yield kind, image, one_class(image, 255)
    elif kind == "blurred":
        yield kind, defocused(image, rng), one_class(image, 0)
    else:
        nearness = 1 / metres
        apart = abs(nearness - rng.choice(nearness.ravel()))
        radii = apart * 2 * radius(image, rng) / max(apart.max(), 1e-6)  # the largest; most of a room has less
        yield kind, thin_lens(image, radii, nearness), lens_trimap(radii)


def of_focus(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Result:
    """A square that lies in focus wholly, some of these blurred too, and half of those that are blurred wholly."""
    square = largest_square(image, mask)
    if square is not None:
        yield "sharp", square, one_class(square, 255)
        if rng.random() < 0.25:
            yield "defocused", defocused(square, rng), one_class(square, 0)
    square = largest_square(image, 255 - mask)
    if square is not None and rng.random() < 0.5:
        yield "blurred", square, one_class(square, 0)


MAKERS = {"objects": of_objects, "people": of_people, "depth": of_depth, "focus": of_focus}
