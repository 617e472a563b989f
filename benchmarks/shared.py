"""A machine that others use, too: what threads that wait cost there, and what `share_processors` saves."""

import multiprocessing
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from ran.utils.busy import share_processors

from .common import in_child, made_up_data
from .prediction import image_seconds
from .training import step_seconds

TITLE = "On the processor, beside another process that is busy all the time, and twice at once"


def measure(device: str, repeats: int) -> list[dict]:
    """Median seconds by the processor, whatever the device; a ratio is to the same work alone, by OpenMP alone."""
    rows, repeats = [], max(3, repeats // 3)
    for what, function in (("one image, 384 x 384", image), ("training step, resnet18, 384 x 384, batch 2", step)):
        rounds = [[in_child(function, shares, repeats)[0] for shares in (False, True)] for _ in range(3)]
        alone, quiet = map(median, zip(*rounds))
        for shares, seconds in ((False, alone), (True, quiet)):
            busy, twice = beside_a_busy_one(function, shares, repeats), two_at_once(function, shares, repeats)
            rows.append(
                {
                    "what": f"{what}, {'as `ran` does it' if shares else 'by OpenMP alone'}",
                    "seconds": seconds,
                    "beside a busy one": busy,
                    "times": busy / alone,
                    "two at once, each": twice,
                    "times, of two": twice / (2 * alone),
                }
            )
    return rows


def beside_a_busy_one(function: Callable, *args) -> float:
    busy = multiprocessing.get_context("spawn").Process(target=_work, daemon=True)
    busy.start()
    try:
        return in_child(function, *args)[0]
    finally:
        busy.kill()


def two_at_once(function: Callable, *args) -> float:
    """Of the slower one."""
    with ThreadPoolExecutor(2) as pool:
        return max(seconds for seconds, _ in pool.map(lambda _: in_child(function, *args), range(2)))


def _work() -> None:
    while True:
        pass


def _import() -> None:
    import ran.imaging.pictures  # noqa: F401 (as main.py does)


def image(shares: bool, repeats: int) -> float:
    if shares:
        share_processors(_import)
    return image_seconds("", "cpu", 384, repeats)


def step(shares: bool, repeats: int) -> float:
    if shares:
        share_processors(_import)
    with tempfile.TemporaryDirectory() as folder:
        data = made_up_data(Path(folder), 2 * (repeats + 5))
        return step_seconds(data, "resnet18", "cpu", "off", False, repeats)
