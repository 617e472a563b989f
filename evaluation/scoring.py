"""Many maps -> scores, in other processes."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2

from ..data.masks import read_map, read_mask
from ..utils.progress import in_order
from .metrics import COLUMNS, ImageScore, score_image

FEW = 32  # maps that are scored before other processes would be ready


def in_processes(function: Callable[..., Any], calls: Iterable[tuple], count: int, processes: int) -> Iterator[Any]:
    """Results of a function in order, while the next calls are made: at most two a process wait in memory.

    Args:
        function: of a module, for other processes to import.
        calls: arguments of each call.
        count: how many calls there are; a few are done in this process.
        processes: how many to start.
    """
    if processes == 1 or count < FEW:
        yield from (function(*call) for call in calls)
        return
    # A forked process is ready at once, but a process with torch's threads should not fork.
    kind = "spawn" if sys.platform != "linux" or "torch" in sys.modules else "fork"
    context = multiprocessing.get_context(kind)
    with ProcessPoolExecutor(processes, context, _alone) as pool:
        yield from in_order(pool, function, calls, 2 * processes)


def _alone() -> None:
    """Makes a process compute in one thread, leave Ctrl-C to the one that started it, and not outlive that one."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def score_file(
    name: str,
    map_path: Path,
    mask_path: Path,
    map_white: str = "in_focus",
    mask_white: str = "in_focus",
    columns: Iterable[str] = COLUMNS,
) -> ImageScore | str:
    """Scores a saved map, resized bilinearly to its mask where it has another size; or why it cannot be used.

    Args:
        name, columns: see score_image.
        map_white, mask_white: what white means in the files, "in_focus" or "blurred".

    Raises:
        ValueError: the mask cannot be read.
    """
    mask = read_mask(mask_path, mask_white)
    try:
        focus_map = read_map(map_path, map_white)
    except ValueError as error:
        return str(error)
    resized = ""
    if focus_map.shape == mask.shape[::-1] != mask.shape:
        return f"{map_path}: its sides are those of the mask swapped: transpose the map"
    if focus_map.shape != mask.shape:
        sizes = ["{1} x {0}".format(*picture.shape) for picture in (focus_map, mask)]
        resized = f"{map_path.name}: {sizes[0]} to {sizes[1]}"
        focus_map = cv2.resize(focus_map, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    score = score_image(name, focus_map, mask, columns)
    score.resized = resized
    return score
