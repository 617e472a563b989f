"""Work on many files at once, with a bar."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm


def in_threads(function: Callable, items: list, what: str, unit: str = "pair") -> Iterable:
    """Results of the function in order, with a progress bar; decoders and file access release Python's lock."""
    with ThreadPoolExecutor() as pool:
        yield from tqdm(pool.map(function, items), total=len(items), desc=what, unit=unit, leave=False)
