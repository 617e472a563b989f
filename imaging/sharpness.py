"""How sharp a picture is, whatever its noise, exposure and contrast: a number to compare pictures of one scene by."""

import numpy as np

LAGS = (2, 4, 8)  # pixels; their variograms are compared with that at LONGEST
LONGEST = 16


def sharpness(grey: np.ndarray, region: np.ndarray) -> float:
    """Share of the contrast between pixels 16 apart that is there between pixels 2, 4 and 8 apart already.

    Contrast is the variogram: half the mean squared difference of pixels at a distance. White noise adds its variance
    at every distance alike: the value at a distance of 1 is subtracted from each, and the noise with it. Exposure
    multiplies all of them, which leaves their ratio. Noise that spans pixels (denoised,
    upsampled, strongly compressed) counts as detail in part.

    Args:
        grey: H x W, 0 to 255. region: H x W bool, what is looked at: both pixels of a pair lie in it.

    Returns:
        About 0.15 (blurred by more than 8 pixels) to 1, rarely beyond; 0 where a region is flat or too small to tell.
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
