"""`synthesise`: training pictures with known focus, made from sharp ones with object masks or depth."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from ..data.images import read_image, write_image
from ..data.lens import defocus_background, defocus_object, display, linear, spread, thin_lens
from ..data.masks import UNKNOWN, read_pair
from ..predictor import chosen_weights, load_model
from ..utils.files import check_name, locked, pair_by_stem, write_bytes
from ..utils.progress import bar
from ..utils.tool_options import SynthesiseOptions

# Stem, picture (H x W x 3 uint8), and H x W: a mask of an object or of focus, or depth in metres; made: a trimap.
Sample = tuple[str, np.ndarray, np.ndarray]
RADIUS = (0.006, 0.035)  # of the circle of confusion, as shares of the longer side
SHARP, BLURRED = 0.75, 1.5  # radii in pixels of a picture of NET_SIDE up to which and from which all see the same
NET_SIDE = 400  # about what the network sees
IN_FOCUS, OUT_OF_FOCUS, SHARP_ALL_OVER = 0.8, 0.7, 0.85
DEEPEST, NEAREST = 10, 0.4  # metres: what white means in a picture of depth, and the least that is believed
SIDES = (1.0, 0.8, 0.65, 0.5, 0.4)  # of the squares that are tried, as shares of the shorter side
RIM = 3  # pixels along the edges of masks and depth that are not trusted


def run(options: SynthesiseOptions) -> None:
    """Writes Train/DATASET/images and trimaps; a seed makes the same pictures again.

    Raises:
        ValueError: no source, files that do not match, a set of that name.
    """
    sources = {name: getattr(options, name) for name in MAKERS if getattr(options, name)}
    if not sources:
        raise ValueError("nothing to make pictures from: give " + ", ".join(f"--{name}" for name in MAKERS))
    output = Path(options.data_path) / "Train" / check_name(options.dataset)
    with locked(output):
        print(f"{write_set(output, sources, options)} training pictures in {output}")


def write_set(output: Path, sources: dict[str, str], options: SynthesiseOptions) -> int:
    """Writes what is made of each source; returns how many pictures. ValueError where there are some already."""
    if any(output.glob("*/*")):
        raise ValueError(
            f"{output} holds files already, perhaps of a run that was stopped: remove it, or choose another --dataset"
        )
    count = 0
    for name, source in sources.items():
        rng = np.random.default_rng([options.seed, list(MAKERS).index(name)])
        for stem, picture, trimap in MAKERS[name](partners(Path(source), name), rng, options):
            write_bytes(output / "images" / f"{name}_{stem}.jpg", photograph(picture, rng))
            write_image(output / "trimaps" / f"{name}_{stem}.png", trimap)
            count += 1
    return count


def partners(source: Path, name: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Stem, photograph and its partner of that size: a mask of an object or of focus, or depth in metres."""
    folder = "depth" if name == "depth" else "masks"
    pairs, problems = pair_by_stem(source / "images", source / folder)
    if problems:
        raise ValueError("images and masks or depth do not match:\n  " + "\n  ".join(problems))
    for stem, (image, partner) in bar(pairs.items(), f"making pictures of {name}"):
        if name == "depth":  # at a size of its own
            picture = read_image(image)
            metres = cv2.cvtColor(read_image(partner), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 * DEEPEST
            yield stem, picture, cv2.resize(np.maximum(metres, NEAREST), picture.shape[1::-1])
        else:
            yield stem, *read_pair(image, partner)


def of_objects(pairs: Iterable[Sample], rng: np.random.Generator, options: SynthesiseOptions) -> Iterator[Sample]:
    """Objects that a network finds in focus, in front of backgrounds blurred further.

    Where it finds the background in focus too, also the object blurred in front of it; of one in four also all blurred;
    of pictures in focus all over also as they are.
    """
    model = load_model(chosen_weights(options.model_path), options.device)
    for stem, picture, mask in pairs:
        focus, inside = model(picture), mask > 0
        if not inside.any() or inside.all() or focus[inside].mean() < IN_FOCUS:
            continue
        near = rng.choice([1.0, rng.uniform(0.2, 1)])
        yield f"{stem}_background", defocus_background(picture, mask, radius(picture, rng), near), mask
        if focus[~inside].mean() > OUT_OF_FOCUS:
            blurred, reach = defocus_object(picture, mask, radius(picture, rng))
            yield f"{stem}_object", blurred, np.where(reach, 0, 255).astype(np.uint8)
            if focus.mean() > SHARP_ALL_OVER:
                yield f"{stem}_sharp", picture, np.full_like(mask, 255)
        if rng.random() < 0.25:
            yield f"{stem}_blurred", defocused(picture, rng), np.zeros_like(mask)


def of_people(pairs: Iterable[Sample], rng: np.random.Generator, _: SynthesiseOptions) -> Iterator[Sample]:
    """People in focus in front of their own background (unknown) or a blurred one, or blurred in front of their own."""
    for stem, picture, mask in pairs:
        rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((RIM, RIM), np.uint8)) > 0
        kind = rng.choice(["real", "background", "object"], p=[0.4, 0.45, 0.15])
        if kind == "real":
            trimap = np.where(mask > 0, 255, UNKNOWN)
        elif kind == "background":
            picture, trimap = defocus_background(picture, mask, radius(picture, rng)), mask
        else:
            picture, reach = defocus_object(picture, mask, radius(picture, rng))
            trimap = np.where(reach, 0, UNKNOWN)
        yield f"{stem}_{kind}", picture, np.where(rim, UNKNOWN, trimap).astype(np.uint8)


def of_depth(pairs: Iterable[Sample], rng: np.random.Generator, _: SynthesiseOptions) -> Iterator[Sample]:
    """Rooms through a lens that focuses on one of their points; some in focus or blurred all over."""
    for stem, picture, metres in pairs:
        kind = rng.choice(["lens", "sharp", "blurred"], p=[0.45, 0.4, 0.15])
        if kind == "sharp":
            trimap = np.full(metres.shape, 255, np.uint8)
        elif kind == "blurred":
            picture, trimap = defocused(picture, rng), np.zeros(metres.shape, np.uint8)
        else:
            nearness = 1 / metres
            apart = abs(nearness - rng.choice(nearness.ravel()))
            radii = apart * 2 * radius(picture, rng) / max(apart.max(), 1e-6)  # the largest; most of a room has less
            picture, trimap = thin_lens(picture, radii, nearness), lens_trimap(radii * NET_SIDE / max(radii.shape))
        yield f"{stem}_{kind}", picture, trimap


def of_focus(pairs: Iterable[Sample], rng: np.random.Generator, _: SynthesiseOptions) -> Iterator[Sample]:
    """Squares that lie in focus wholly, some of them blurred, and half of those that are blurred wholly."""
    for stem, picture, mask in pairs:
        square = largest_square(picture, mask)
        if square is not None:
            yield f"{stem}_sharp", square, np.full(square.shape[:2], 255, np.uint8)
            if rng.random() < 0.25:
                yield f"{stem}_defocused", defocused(square, rng), np.zeros(square.shape[:2], np.uint8)
        square = largest_square(picture, 255 - mask)
        if square is not None and rng.random() < 0.5:
            yield f"{stem}_blurred", square, np.zeros(square.shape[:2], np.uint8)


MAKERS: dict[str, Callable[[Iterable[Sample], np.random.Generator, SynthesiseOptions], Iterator[Sample]]] = {
    "objects": of_objects,
    "people": of_people,
    "depth": of_depth,
    "focus": of_focus,
}


def lens_trimap(radii: np.ndarray) -> np.ndarray:
    """255 where blur is imperceptible, 0 where it is clearly visible, unknown between and along edges."""
    sharp = (radii < SHARP).astype(np.uint8)
    edge = cv2.morphologyEx(sharp, cv2.MORPH_GRADIENT, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0
    return np.select([edge, sharp > 0, radii > BLURRED], [UNKNOWN, 255, 0], UNKNOWN).astype(np.uint8)


def radius(picture: np.ndarray, rng: np.random.Generator) -> float:
    """Radius of a circle of confusion that is easily seen, pixels, by its logarithm evenly."""
    return max(picture.shape) * float(np.exp(rng.uniform(*np.log(RADIUS))))


def defocused(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return display(spread(linear(picture), radius(picture, rng)))


def photograph(picture: np.ndarray, rng: np.random.Generator) -> bytes:
    """The picture as a camera stores it: half of them with a sensor's noise, which knows no focus, all as JPEG."""
    noisy = picture.astype(np.float32)
    if rng.random() < 0.5:
        noisy += rng.normal(0, rng.uniform(1, 8), noisy.shape)
    bgr = cv2.cvtColor(np.round(noisy).clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))])[1].tobytes()


def largest_square(picture: np.ndarray, part: np.ndarray) -> np.ndarray | None:
    """A square of the picture (H x W x 3) that lies in the part (H x W, 255) wholly; None if all such are too small."""
    sums = cv2.integral(part // 255)
    for share in SIDES:
        side = int(share * min(part.shape))
        inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side] == side**2
        if inside.any():
            y, x = np.unravel_index(inside.argmax(), inside.shape)
            return np.ascontiguousarray(picture[y : y + side, x : x + side])
    return None
