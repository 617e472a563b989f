"""`prepare --check`: is a dataset folder what train and test take it for?"""

from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..utils.files import list_images, pair_by_stem
from ..utils.picture_names import glob_folders
from ..utils.progress import in_threads
from .contour import contour_band
from .layouts import Pair, truth_folder
from .mask_check import check_masks
from .masks import read_levels, read_mask, read_pair
from .pictures import as_rgb, read_as
from .resizing import thumbnail

# Mean difference in grey levels of two thumbnails below which they show the same photograph. CUHK's test images,
# squeezed to 320 x 320 and compressed again, differ by less than 0.5 from themselves, by more than 17 from others.
SAME_PICTURE = 4.0
Thumbnails = dict[Path, np.ndarray]


def contrast_gain(image: np.ndarray, mask: np.ndarray) -> float:
    """Mean |Laplacian| of the in-focus pixels minus that of the blurred ones; 0 for a mask with one class.

    Args:
        image: H x W x 3 uint8. mask: H x W uint8, 255 = in focus, 0 = blurred, others = unknown.
    """
    detail = np.abs(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F))
    focus, blurred = mask == 255, mask == 0
    return float(detail[focus].mean() - detail[blurred].mean()) if focus.any() and blurred.any() else 0.0


def masks_doubt(gains: list[float]) -> str:
    """What is odd about the masks of these contrast gains, as a sentence; empty when nothing is."""
    flat = gains.count(0)
    if 2 * flat > len(gains):
        return f"{flat} of {len(gains)} masks hold one class only: are these the masks?"
    return polarity_doubt(gains)


def polarity_doubt(gains: list[float]) -> str:
    """A sentence when most in-focus regions carry less local contrast than the blurred ones, else an empty string."""
    wrong = sum(gain < 0 for gain in gains)
    if 2 * wrong <= len(gains):
        return ""
    return (
        f"in {wrong} of {len(gains)} pairs the region called in focus carries less local contrast than the other: "
        "the polarity looks wrong"
    )


def check(data_path: Path) -> tuple[list[str], list[str]]:
    """Verifies every set of a dataset folder.

    Returns:
        Summary lines, one a set, and problems: missing or doubled partners, unreadable files, sizes, masks that are not
        black and white, outdated contours, doubtful polarity, photographs that two training sets, or training and test,
        share.
    """
    sets = [("Train", p.parent) for p in glob_folders(data_path, "Train/*/images")]
    sets += [("Test", p.parent) for p in glob_folders(data_path, "*/Test/images")]
    if not sets:
        return [], [f"{data_path}: neither Train/NAME/images nor NAME/Test/images here"]
    summary, problems = [], []
    training: dict[Path, Thumbnails] = {}  # by folder
    test: Thumbnails = {}
    for split, folder in sets:
        truth, trimap = truth_folder(folder)
        pairs, wrong = pair_by_stem(folder / "images", truth)
        contours = list_images(folder / "contour") if (folder / "contour").is_dir() else None
        jobs = [(image, mask, (contours or {}).get(stem), trimap) for stem, (image, mask) in pairs.items()]
        findings = list(in_threads(lambda job: examine(*job), jobs, str(folder.relative_to(data_path))))
        wrong += [problem for found, _, _ in findings for problem in found]
        doubt = masks_doubt([gain for _, gain, _ in findings])
        wrong += [f"{folder}: {doubt}"] if doubt else []
        if contours is not None:
            wrong += [f"{image}: no contour" for image, _, contour, _ in jobs if not contour]
            wrong += [f"{files[0]}: doubled stem" for files in contours.values() if len(files) > 1]
            lost = contours.keys() - list_images(folder / "images").keys()
            wrong += [f"{contours[stem][0]}: no partner in {folder / 'images'}" for stem in sorted(lost)]
        thumbnails = {job[0]: small for job, (_, _, small) in zip(jobs, findings) if small is not None}
        if split == "Train":
            training[folder] = thumbnails
        else:
            test |= thumbnails
        name = str(folder.relative_to(data_path))
        readable = [job for job, (_, _, small) in zip(jobs, findings) if small is not None]
        remarks, unclear = check_masks([Pair(name, job[0].stem, job[0], job[1], trimap=trimap) for job in readable])
        wrong += unclear
        summary += [f"{name}: {len(pairs)} pairs, {len(wrong)} problem(s)", *remarks]
        problems += wrong
    for first, second in combinations(training.values(), 2):
        twins = same_pictures(first, second)
        problems += [f"{a}: the same photograph as {b} of another training set" for a, b in twins]
    trained = {path: small for thumbnails in training.values() for path, small in thumbnails.items()}
    problems += [f"{a}: the same photograph as {b}, which is trained on" for a, b in same_pictures(trained, test)]
    return summary, problems


def examine(
    image_path: Path, mask_path: Path, contours: list[Path] | None, trimap: bool
) -> tuple[list[str], float, np.ndarray | None]:
    """What is wrong with a pair, its contrast gain, and the photograph's thumbnail; None where it is not readable."""
    try:
        image, mask = read_pair(image_path, mask_path, trimap=trimap)
        grey = not trimap and read_levels(mask_path)[1].grey
        problems = [f"{mask_path}: grey values in the mask"] if grey else []
        if contours and not np.array_equal(read_mask(contours[0]), contour_band(mask)):
            problems.append(f"{contours[0]}: not the contour of its mask; prepare writes it anew")
    except ValueError as error:
        return [str(error)], 0.0, None
    return problems, contrast_gain(image, mask), thumbnail(image)


def read_small(path: Path, at_least: int = 64) -> np.ndarray:
    """Reads a photograph for a look at it: a JPEG at 1/2, 1/4 or 1/8 of its size where both sides stay >= at_least.

    Returns and raises as read_image; the pixels are not quite those of the whole picture shrunk.
    """

    def convert(picture: Image.Image | np.ndarray) -> np.ndarray:
        if isinstance(picture, Image.Image):
            picture.draft(None, (at_least, at_least))
        return as_rgb(picture)

    return read_as(path, convert)


def same_pictures(first: Thumbnails, second: Thumbnails) -> list[tuple[Path, Path]]:
    """Photographs of the second set that the first holds too, each with its twin: by content, at any name and size."""
    if not first:
        return []
    stack, names = np.stack(list(first.values())), list(first)
    found = []
    for path, small in second.items():
        difference = np.abs(stack - small).mean(axis=(1, 2))
        nearest = int(difference.argmin())
        # Dark or empty pictures are near each other anyway: the difference has to be small beside their own contrast.
        if difference[nearest] < min(SAME_PICTURE, 0.25 * small.std()):
            found.append((path, names[nearest]))
    return found


def doubled_pictures(sets: dict[str, list[Path]]) -> list[tuple[Path, Path]]:
    """Photographs that lie in two of these training sets."""
    if len(sets) < 2:
        return []
    paths = [path for paths in sets.values() for path in paths]
    small = dict(zip(paths, in_threads(lambda path: thumbnail(read_small(path)), paths, "looking for twins")))
    thumbnails = [{path: small[path] for path in paths} for paths in sets.values()]
    return [pair for first, second in combinations(thumbnails, 2) for pair in same_pictures(first, second)]
