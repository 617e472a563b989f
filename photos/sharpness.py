"""Numbers of an image for the table: the share in focus, where it lies, and how sharp it is."""

import cv2
import numpy as np

from .renderings import HALF, shrunk

LAGS = (2, 4, 8)  # pixels; their variograms are compared with that at LONGEST
LONGEST = 16


def numbers(image: np.ndarray, focus_map: np.ndarray) -> dict[str, float | None]:
    """What a table says of one image, H x W x 3 uint8, and its focus map, H x W uint8, 255 = in focus.

    Returns:
        in_focus: share of the image that is in focus (probability at least 0.5), 0 to 1.
        centre_x, centre_y, left, top, right, bottom: centroid and box of that part, pixels; None where it is empty.
        decidedness: mean of |2 p - 1| of the map's probabilities p, 0 to 1; not calibrated.
        sharpness: that of the part in focus, else of all, at a longer side of 1024 pixels; see sharpness.
        score: sharpness x in_focus, which puts the images of one scene in order.
    """
    height, width = focus_map.shape
    focus_map, grey = shrunk(focus_map), cv2.cvtColor(shrunk(image), cv2.COLOR_RGB2GRAY)
    sharp = focus_map >= HALF
    share, across, down = float(sharp.mean()), width / sharp.shape[1], height / sharp.shape[0]
    row: dict[str, float | None] = {"width": width, "height": height, "in_focus": round(share, 4)}
    row |= dict.fromkeys(("centre_x", "centre_y", "left", "top", "right", "bottom"))
    if sharp.any():
        y, x = np.nonzero(sharp)
        row["centre_x"] = round(float((x.mean() + 0.5) * across), 1)
        row["centre_y"] = round(float((y.mean() + 0.5) * down), 1)
        row["left"], row["right"] = round(float(x.min() * across)), round(float((x.max() + 1) * across))
        row["top"], row["bottom"] = round(float(y.min() * down)), round(float((y.max() + 1) * down))
    value = sharpness(grey, sharp if sharp.any() else np.ones_like(sharp))
    decided = float(np.abs(focus_map / 127.5 - 1).mean())
    return row | {"decidedness": round(decided, 4), "sharpness": round(value, 4), "score": round(value * share, 4)}


def sharpness(grey: np.ndarray, region: np.ndarray) -> float:
    """Share of the contrast between pixels 16 apart that is there between pixels 2, 4 and 8 apart already.

    Contrast is the variogram: half the mean squared difference of pixels at a distance. The value at a distance of 1 is
    subtracted from each, and white noise with it, which is alike at every distance. Exposure multiplies all values,
    which leaves their ratio. Noise that spans pixels (denoised, enlarged, compressed) counts as detail in part.

    grey is H x W, 0 to 255; region is H x W bool, and holds both pixels of each pair. The result is about 0.15 (blurred
    by more than 8 pixels) to 1, rarely beyond; 0 where the region is flat or too small to tell.
    """
    grey = grey.astype(np.float32)
    nearest, longest, *others = (_variogram(grey, region, lag) for lag in (1, LONGEST, *LAGS))
    contrast = longest - nearest
    if not contrast > 0:  # also NaN: no two pixels that far apart
        return 0.0
    return max(0.0, float(np.mean(others)) - nearest) / (contrast + 1)  # 1: rounding to whole levels is no detail


def _variogram(grey: np.ndarray, region: np.ndarray, lag: int) -> float:
    total, count = 0.0, 0
    for values, inside in ((grey, region), (grey.T, region.T)):
        both = inside[lag:] & inside[:-lag]
        total += float(np.square(values[lag:] - values[:-lag])[both].sum(dtype=np.float64))
        count += int(both.sum())
    return total / (2 * count) if count else float("nan")
