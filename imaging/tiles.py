"""Large pictures in overlapping tiles."""

from collections.abc import Callable, Iterator

import numpy as np

OVERLAP = 0.25  # of a tile's side, with each neighbour
Place = tuple[slice, slice]


def blended(
    function: Callable[[np.ndarray], np.ndarray], image: np.ndarray, tile: int
) -> Iterator[tuple[Place, np.ndarray]]:
    """What a function makes of an image's overlapping tiles, each weighed by a ramp that falls towards its rim.

    It comes in bands across the longer side: as much is in memory at a time as a tile is long.

    Args:
        function: H x W x 3 -> H x W float32.
        image: H x W x 3.
        tile: side of a tile, pixels.

    Yields:
        Rows and columns of a band, and its values.
    """
    lengths = height, width = image.shape[:2]
    axis = int(width > height)  # along which bands follow each other
    spans, cross_spans = (list(_spans(length, tile)) for length in (lengths[axis], lengths[1 - axis]))
    begun = np.zeros((0, lengths[1 - axis]), np.float32)  # sums of the rows that the next tiles reach as well
    for (start, end, ramp), (following, *_) in zip(spans, [*spans[1:], (lengths[axis],)]):
        # Its rows lie in memory as the picture's do, be they its columns.
        band = np.zeros((end - start, lengths[1 - axis]), np.float32, order="F" if axis else "C")
        band[: len(begun)] = begun
        for first, last, cross_ramp in cross_spans:
            place = np.s_[start:end, first:last]
            part = function(image[place] if axis == 0 else image[place[::-1]])
            weighed = (part if axis == 0 else part.T) * ramp[:, None]
            weighed *= cross_ramp
            band[:, first:last] += weighed
        done = band[: following - start]
        yield (np.s_[start:following, :], done) if axis == 0 else (np.s_[:, start:following], done.T)
        begun = band[following - start :].copy("K")


def _spans(length: int, tile: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Start, end and weights of the tiles along one side; at every pixel the weights of all tiles sum to 1."""
    tile = min(tile, length)
    count = 1 if tile == length else -(-(length - tile) // max(1, int(tile * (1 - OVERLAP)))) + 1
    starts = np.linspace(0, length - tile, count).round().astype(int)
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).clip(max=max(1, int(tile * OVERLAP)))
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += ramp
    for start in starts:
        yield start, start + tile, (ramp / total[start : start + tile]).astype(np.float32)
