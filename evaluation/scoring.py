"""Maps on disk -> scores, on all cores."""

import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
from tqdm import tqdm

from ..imaging.pictures import read_map, read_mask
from ..utils.progress import cores
from .metrics import COLUMNS, ImageScore, score_image

FEW = 32  # maps that are scored before other processes would be ready


class Job(NamedTuple):
    """One map to score against its mask; what white means in each, and which columns to compute."""

    name: str
    map: Path
    mask: Path
    map_white: str = "in_focus"
    mask_white: str = "in_focus"
    columns: tuple[str, ...] = tuple(COLUMNS)


class Result(NamedTuple):
    """What comes of a job: a score or the reason why not, a remark on its size, and the map's highest level."""

    score: ImageScore | None = None
    unusable: str = ""
    resized: str = ""
    highest: int = 0


def score_files(jobs: list[Job], processes: int = 0) -> list[Result]:
    """Scores of all jobs, in order, by so many processes (0: one a core), with a bar.

    Raises:
        ValueError: a mask that cannot be read.
    """

    def counted(results: Iterable[Result]) -> list[Result]:
        return list(tqdm(results, desc="scoring", total=len(jobs), unit="map", leave=False))

    processes = processes or cores()
    if processes == 1 or len(jobs) < FEW:
        return counted(map(score_file, jobs))
    # A forked process is ready at once, but a process with torch's threads should not fork.
    kind = "spawn" if sys.platform != "linux" or "torch" in sys.modules else "fork"
    context = multiprocessing.get_context(kind)
    with ProcessPoolExecutor(processes, context, cv2.setNumThreads, (0,)) as pool:
        return counted(pool.map(score_file, jobs, chunksize=4))


def score_file(job: Job) -> Result:
    """Scores one map; one of another size is resized bilinearly to its mask.

    Raises:
        ValueError: the mask cannot be read.
    """
    mask = read_mask(job.mask, job.mask_white)
    try:
        focus_map = read_map(job.map, job.map_white)
    except ValueError as error:
        return Result(unusable=str(error))
    resized = ""
    if focus_map.shape != mask.shape:
        sizes = ["{1} x {0}".format(*picture.shape) for picture in (focus_map, mask)]
        resized = f"{job.map.name}: {sizes[0]} to {sizes[1]}"
        focus_map = cv2.resize(focus_map, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return Result(score_image(job.name, focus_map, mask, job.columns), "", resized, int(focus_map.max()))
