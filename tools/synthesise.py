"""`synthesise`: training images with known focus, made from sharp ones with object masks or depth."""

from collections.abc import Callable, Iterable, Iterator
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

# Stem, image (H x W x 3 uint8), and H x W: a mask of an object or of focus, or depth in metres; made: a trimap.
Sample = tuple[str, np.ndarray, np.ndarray]
IN_FOCUS, OUT_OF_FOCUS, SHARP_ALL_OVER = 0.8, 0.7, 0.85  # mean of the focus map over a part
DEEPEST, NEAREST = 10, 0.4  # metres: what white means in an image of depth, and the least that is believed
SEED = 42


def run(options: SynthesiseOptions) -> None:
    """Writes Train/SYNTHETIC/images and trimaps; the same sources give the same images again.

    Raises:
        ValueError: no source, files that do not match, a set of that name.
    """
    sources = {name: Path(getattr(options, name)) for name in MAKERS if getattr(options, name)}
    if not sources:
        raise ValueError("nothing to make images from: give " + ", ".join(f"--{name}" for name in MAKERS))
    output, count = Path(options.data_path) / "Train/SYNTHETIC", 0
    with locked(output):
        if any(output.glob("*/*")):
            advice = "remove it, or choose another --data_path"
            raise ValueError(f"{output} holds files already, perhaps of a stopped run: {advice}")
        for name, source in sources.items():
            rng = np.random.default_rng([SEED, list(MAKERS).index(name)])
            for stem, image, trimap in MAKERS[name](partners(source, name), rng):
                write_bytes(output / "images" / f"{name}_{stem}.jpg", photograph(image, rng))
                write_image(output / "trimaps" / f"{name}_{stem}.png", trimap)
                count += 1
        print(f"{count} training images in {output}")


def partners(source: Path, name: str) -> Iterator[Sample]:
    """Stem, image and its partner of the same size: a mask of an object or of focus, or depth in metres."""
    folder = "depth" if name == "depth" else "masks"
    pairs, problems = pair_by_stem(source / "images", source / folder)
    if problems:
        raise ValueError("images and masks or depth do not match:\n  " + "\n  ".join(problems))
    for stem, (path, partner) in bar(pairs.items(), f"making images of {name}"):
        if name == "depth":  # at a size of its own
            image = read_image(path)
            metres = cv2.cvtColor(read_image(partner), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 * DEEPEST
            yield stem, image, cv2.resize(np.maximum(metres, NEAREST), image.shape[1::-1])
        else:
            yield stem, *read_pair(path, partner)


def of_objects(pairs: Iterable[Sample], rng: np.random.Generator) -> Iterator[Sample]:
    """Objects that a network finds in focus, in front of backgrounds blurred further.

    Where the background is in focus too, also the object blurred in front of it; one image in four also blurred all
    over; images in focus all over also as they are.
    """
    model = load_model()
    for stem, image, mask in pairs:
        focus, inside = model(image), mask > 0
        if not inside.any() or inside.all() or focus[inside].mean() < IN_FOCUS:
            continue
        near = rng.choice([1.0, rng.uniform(0.2, 1)])
        yield f"{stem}_background", defocus_background(image, mask, radius(image, rng), near), mask
        if focus[~inside].mean() > OUT_OF_FOCUS:
            blurred, reach = defocus_object(image, mask, radius(image, rng))
            yield f"{stem}_object", blurred, np.where(reach, 0, 255).astype(np.uint8)
            if focus.mean() > SHARP_ALL_OVER:
                yield f"{stem}_sharp", image, np.full_like(mask, 255)
        if rng.random() < 0.25:
            yield f"{stem}_blurred", defocused(image, rng), np.zeros_like(mask)


def of_people(pairs: Iterable[Sample], rng: np.random.Generator) -> Iterator[Sample]:
    """People in focus in front of their own background (unknown) or a blurred one, or blurred in front of their own."""
    for stem, image, mask in pairs:
        rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((RIM, RIM), np.uint8)) > 0
        kind = rng.choice(["real", "background", "object"], p=[0.4, 0.45, 0.15])
        if kind == "real":
            trimap = np.where(mask > 0, 255, UNKNOWN)
        elif kind == "background":
            image, trimap = defocus_background(image, mask, radius(image, rng)), mask
        else:
            image, reach = defocus_object(image, mask, radius(image, rng))
            trimap = np.where(reach, 0, UNKNOWN)
        yield f"{stem}_{kind}", image, np.where(rim, UNKNOWN, trimap).astype(np.uint8)


def of_depth(pairs: Iterable[Sample], rng: np.random.Generator) -> Iterator[Sample]:
    """Rooms through a lens that focuses on one of their points; some in focus or blurred all over."""
    for stem, image, metres in pairs:
        kind = rng.choice(["lens", "sharp", "blurred"], p=[0.45, 0.4, 0.15])
        if kind == "sharp":
            trimap = np.full(metres.shape, 255, np.uint8)
        elif kind == "blurred":
            image, trimap = defocused(image, rng), np.zeros(metres.shape, np.uint8)
        else:
            nearness = 1 / metres
            apart = abs(nearness - rng.choice(nearness.ravel()))
            radii = apart * 2 * radius(image, rng) / max(apart.max(), 1e-6)  # the largest; most of a room has less
            image, trimap = thin_lens(image, radii, nearness), lens_trimap(radii)
        yield f"{stem}_{kind}", image, trimap


def of_focus(pairs: Iterable[Sample], rng: np.random.Generator) -> Iterator[Sample]:
    """Squares that lie in focus wholly, some of them blurred, and half of those that are blurred wholly."""
    for stem, image, mask in pairs:
        square = largest_square(image, mask)
        if square is not None:
            yield f"{stem}_sharp", square, np.full(square.shape[:2], 255, np.uint8)
            if rng.random() < 0.25:
                yield f"{stem}_defocused", defocused(square, rng), np.zeros(square.shape[:2], np.uint8)
        square = largest_square(image, 255 - mask)
        if square is not None and rng.random() < 0.5:
            yield f"{stem}_blurred", square, np.zeros(square.shape[:2], np.uint8)


MAKERS: dict[str, Callable[[Iterable[Sample], np.random.Generator], Iterator[Sample]]] = {
    "objects": of_objects,
    "people": of_people,
    "depth": of_depth,
    "focus": of_focus,
}
