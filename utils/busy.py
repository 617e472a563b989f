"""A machine that others use, too: decided before torch is imported, since OpenMP asks its environment only then."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .progress import cores_of_process

# Loops that a thread of OpenMP (GNU's, in torch for Linux) looks for work before it sleeps; 300,000 without a word.
SPINS = "1000"
BUSY = 0.3  # processors that are wanted beyond those there are, from which on it pays; docs/speed.md has the figures
STAT = Path("/proc/stat")


def share_processors(meanwhile: Callable[[], object]) -> None:
    """Lets OpenMP's threads wait asleep where others are at work; on a quiet machine, they look for work all the time.

    A thread that looks for work keeps a processor from whoever has some, and so from the thread that it waits for. It
    changes no results. Nothing is done but on Linux, before torch is imported, and where the user has not decided.

    Args:
        meanwhile: imports what is needed anyway, and takes a tenth of a second or more, in which the others are seen.
    """
    decided = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys()
    if decided or "torch" in sys.modules or not STAT.is_file():
        return
    before, start = _seconds_of_others(), time.monotonic()
    with suppress(ImportError):  # named by who needs it
        meanwhile()
    seconds = max(time.monotonic() - start, 0.05)  # the others' are known to a hundredth
    others = (_seconds_of_others() - before) / seconds
    if others + cores_of_process() > (os.cpu_count() or 1) + BUSY:
        os.environ["GOMP_SPINCOUNT"] = SPINS


def _seconds_of_others() -> float:
    """Seconds of processors that all processes but this one have used."""
    user, nice, system, _, _, *interrupts = map(int, STAT.read_text().split("\n", 1)[0].split()[1:9])
    own = os.times()
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK") - own.user - own.system
