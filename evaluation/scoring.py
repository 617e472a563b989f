"""Many maps scored by several processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2

from ..data.masks import read_map, read_mask
from ..utils.processes import start_method
from ..utils.progress import in_order
from .metrics import SetScore, score_image

FEW = 32  # maps that one process scores before others have started


def in_processes(function: Callable[..., Any], calls: Iterable[tuple], count: int, processes: int) -> Iterator[Any]:
    """Results of a module's function in order; calls are made on the way, so at most two a process wait in memory.

    Args:
        calls: arguments of each call.
        count: number of calls; below FEW this process does them alone.
        processes: how many to start.
    """
    if processes == 1 or count < FEW:
        yield from (function(*call) for call in calls)
        return
    with ProcessPoolExecutor(processes, start_method(__name__), _start) as pool:
        yield from in_order(pool, function, calls, 2 * processes)


def _start() -> None:
    """Sets a process up: one thread computes, Ctrl-C is left to the parent, and the process ends with its parent."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def score_file(
    name: str, map_path: Path, mask_path: Path, map_white: str, mask_white: str
) -> tuple[SetScore, int, str] | str:
    """Scores a saved map, resized bilinearly where its mask has another size.

    Args:
        name: see score_image.
        map_white, mask_white: what white means in the files, "in_focus" or "blurred".

    Returns:
        Score, highest level of the map, and "NAME: W x H to W x H" if resized; or why the map cannot be used.

    Raises:
        ValueError: the mask cannot be read.
    """
    mask = read_mask(mask_path, mask_white)
    try:
        focus_map = read_map(map_path, map_white)
    except ValueError as error:
        return str(error)
    if focus_map.shape == mask.shape[::-1] != mask.shape:
        return f"{map_path}: its sides are those of the mask swapped: transpose the map"
    resized = ""
    if focus_map.shape != mask.shape:
        resized = "{}: {} x {} to {} x {}".format(map_path.name, *focus_map.shape[::-1], *mask.shape[::-1])
        focus_map = cv2.resize(focus_map, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return score_image(name, focus_map, mask), int(focus_map.max()), resized
