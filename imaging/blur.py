"""The blur of a lens."""

import numpy as np


def disc(radius: float) -> np.ndarray:
    """Disc-shaped blur kernel of a radius in pixels, its rim anti-aliased, summing to 1."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)
