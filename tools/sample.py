"""`sample`: a small data set made in code, to try every command on without downloading anything."""

from pathlib import Path

import cv2
import numpy as np
from skimage import data

from ..data.images import write_image
from ..data.lens import defocus_background
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
    """Puts a sharp image, H x W x 3 uint8, out of focus around a random blob.

    Returns the image, and H x W uint8, 255 = in focus, 0 = blurred.
    """
    height, width = image.shape[:2]
    smooth = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), width / rng.uniform(5, 9))
    mask = (smooth > np.quantile(smooth, rng.uniform(0.4, 0.75))) * np.uint8(255)
    return defocus_background(image, mask, rng.uniform(2.5, 6)), mask
