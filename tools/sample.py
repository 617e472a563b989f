"""`sample`: a small data set made in code, to try every command on without downloading anything."""

from pathlib import Path

import cv2
import numpy as np
from skimage import data

from ..data.images import write_image
from ..data.lens import disc
from ..utils.files import write_bytes
from ..utils.progress import bar
from .options import SampleOptions

# Public domain or CC0, and mostly sharp. Training and test use different images.
PHOTOS = {"train": ("astronaut", "chelsea", "brick", "grass", "camera"), "test": ("coffee", "rocket", "gravel")}
SEED = 0


def run(options: SampleOptions) -> None:
    """Writes the set; one image of six is for test."""
    tests = max(1, options.images // 6)
    write(Path(options.output), options.images - tests, tests)


def write(output: Path, training: int, tests: int, width: int = 240) -> None:
    """Writes image/NAME.jpg, gt/NAME.png and test.txt: so many images, width x two thirds of it.

    Raises ValueError: the folder holds files.
    """
    if any(output.glob("*/*")):
        raise ValueError(f"{output} holds files already: remove it, or choose another --output")
    rng, height = np.random.default_rng(SEED), width * 2 // 3
    stems = [f"{'train' if number < training else 'test'}_{number:03d}" for number in range(training + tests)]
    for number, stem in enumerate(bar(stems, "making images")):
        names = PHOTOS[stem.split("_")[0]]
        image, mask = defocus(random_crop(photograph(names[number % len(names)]), width, height, rng), rng)
        write_image(output / "image" / f"{stem}.jpg", image)
        write_image(output / "gt" / f"{stem}.png", 255 - mask)
    write_bytes(output / "test.txt", "".join(f"{stem}\n" for stem in stems[training:]).encode())
    print(f"{training} training and {tests} test images, {width} x {height}, in {output}")


def photograph(name: str) -> np.ndarray:
    """One of scikit-image's photographs as H x W x 3 uint8."""
    image = getattr(data, name)()
    return np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image[..., :3]


def random_crop(image: np.ndarray, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """A random part of an image, a third to all of it wide, half of the time mirrored, as height x width x 3."""
    h, w = image.shape[:2]
    crop_width = int(min(w, h * width / height) * rng.uniform(0.35, 1))
    crop_height = min(h, crop_width * height // width)
    x, y = rng.integers(0, w - crop_width + 1), rng.integers(0, h - crop_height + 1)
    crop = cv2.resize(image[y : y + crop_height, x : x + crop_width], (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(crop[:, :: rng.choice([1, -1])])


def defocus(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Puts a random part of an image out of focus.

    The part in focus is a blob. Beyond its edge the circle of confusion grows to its full size within a few pixels;
    every pixel is blended from images blurred with discs of the two nearest radii.

    Args:
        image: H x W x 3 uint8, sharp.

    Returns:
        The image, and H x W uint8, 255 = in focus, 0 = blurred.
    """
    height, width = image.shape[:2]
    smooth = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), width / rng.uniform(5, 9))
    in_focus = (smooth > np.quantile(smooth, rng.uniform(0.4, 0.75))).astype(np.uint8)
    beyond = cv2.distanceTransform(1 - in_focus, cv2.DIST_L2, 5)
    largest = rng.uniform(2.5, 6)
    radius = largest * np.clip(beyond / rng.uniform(4, 12), 0, 1)
    radii = np.append(np.arange(largest), largest)
    stack = np.stack([cv2.filter2D(image, cv2.CV_32F, disc(r)) for r in radii])
    lower = np.clip(np.searchsorted(radii, radius, side="right") - 1, 0, len(radii) - 2)
    share = ((radius - radii[lower]) / (radii[lower + 1] - radii[lower]))[..., None]
    rows, columns = np.indices((height, width))
    blended = (1 - share) * stack[lower, rows, columns] + share * stack[lower + 1, rows, columns]
    return np.round(blended).clip(0, 255).astype(np.uint8), in_focus * 255
