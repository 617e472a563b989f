"""Renderings of an image and its focus map: overlay, cut-out, bokeh.

Images are H x W x 3 uint8, RGB; maps are H x W uint8 of the same size, 255 = in focus.
"""

import cv2
import numpy as np

from ..data.lens import disc, display, linear
from ..data.resizing import resize
from .formats import Photo, blend
from .options import BLUR

HALF = 128  # levels from here on are in focus: a probability of at least 0.5
LINE = (255, 214, 10)  # yellow: the border of the part in focus
DARK = np.rint(np.linspace(0.3 * 255, 255, 256)).astype(np.uint8)  # brightness of the overlay by level of the map
WORKING_SIDE = 1024  # longer side at which blur and numbers are computed, pixels


def render(name: str, photo: Photo, focus_map: np.ndarray, blur: float = BLUR) -> np.ndarray:
    """The rendering of a name: H x W x 3 uint8, or x 4 (RGB, alpha) of a cut-out, or the map itself.

    For blur see bokeh.
    """
    if name == "map":
        return focus_map
    if name == "overlay":
        return overlay(photo.pixels, focus_map)
    if name == "bokeh":
        return bokeh(photo.pixels, focus_map, blur)
    alpha = focus_map if photo.alpha is None else cv2.multiply(focus_map, photo.alpha, scale=1 / 255)
    return cv2.merge([clean_colours(photo.pixels, focus_map), alpha])


def overlay(image: np.ndarray, focus_map: np.ndarray) -> np.ndarray:
    """The image with its blurred part darkened, and a line around the part in focus."""
    result = cv2.multiply(image, cv2.merge([cv2.LUT(focus_map, DARK)] * 3), scale=1 / 255)
    sharp = cv2.threshold(focus_map, HALF - 1, 1, cv2.THRESH_BINARY)[1]
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [2 * max(1, round(max(sharp.shape) / 800)) + 1] * 2)
    # A replicated rim: no line where the part in focus ends with the image.
    result[cv2.morphologyEx(sharp, cv2.MORPH_GRADIENT, pen, borderType=cv2.BORDER_REPLICATE) > 0] = LINE
    return result


def clean_colours(image: np.ndarray, focus_map: np.ndarray) -> np.ndarray:
    """The colours of a cut-out, H x W x 3 uint8.

    Along the soft edge they are cleaned of the background's: they are estimated from the in-focus pixels nearby, like
    the first stage of "Approximate fast foreground colour estimation" (ICIP 2021).
    """
    small = shrunk(image).astype(np.float32)
    weight = (shrunk(focus_map)[..., None] / np.float32(255)) ** 4  # in the middle of the edge, half is background
    window = [2 * max(1, max(small.shape[:2]) // 40) + 1] * 2
    near = cv2.blur(small * weight, window) / (cv2.blur(weight, window)[..., None] + 1e-6)
    # A pixel that is all in focus keeps its colour, one that is hardly in focus takes that of its neighbours.
    return blend(image, resize(np.rint(near.clip(0, 255)).astype(np.uint8), *focus_map.shape[::-1]), focus_map)


def bokeh(image: np.ndarray, focus_map: np.ndarray, blur: float = BLUR) -> np.ndarray:
    """The image as with a wider aperture: the blurred part is blurred more, by a disc.

    The blur averages blurred pixels alone, in linear light. The part in focus does not bleed into it, nor does its soft
    rim, where pixels hold light of both. `blur` is the diameter of the disc, percent of the longer side.
    """
    light = linear(shrunk(image))
    radius = max(1.0, blur / 200 * max(light.shape[:2]))
    kernel, rim = disc(radius), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [2 * round(radius / 2) + 1] * 2)
    weight = np.maximum((1 - cv2.dilate(shrunk(focus_map) / np.float32(255), rim)) ** 8, 1e-5)
    blurred = cv2.filter2D(light * weight[..., None], -1, kernel) / cv2.filter2D(weight, -1, kernel)[..., None]
    return blend(image, resize(display(blurred), *focus_map.shape[::-1]), focus_map)


def shrunk(image: np.ndarray) -> np.ndarray:
    """Image or map at a longer side of at most WORKING_SIDE, by area averages."""
    share = WORKING_SIDE / max(image.shape[:2])
    width, height = (max(1, round(share * length)) for length in image.shape[1::-1])
    return resize(image, width, height) if share < 1 else image
