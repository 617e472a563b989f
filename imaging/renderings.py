"""What a focus map is good for: overlay, cut-out, bokeh, and numbers. Photographs are H x W x 3 uint8, RGB, maps
H x W uint8, white = in focus, of the same size; renderings are Strips, or arrays."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from ..utils.photograph_options import BLUR, RENDERINGS
from .background import Background, fitted
from .blur import disc
from .depth import to_8_bit, turned
from .metadata import read_metadata
from .pictures import load, orientation_of, read_as
from .resizing import resize
from .sharpness import sharpness
from .stated_depth import stated_depth
from .strips import Picture, Strips, check, enlarged, fainter, over, put_on, with_alpha
from .tiff import deep_values
from .writing import JPEG_SIDE, write_picture

HALF = 128  # a map's levels from here on are in focus: probabilities of at least 0.5
LINE = (255, 214, 10)  # yellow: the border of what is in focus
SQUARE = 256  # pixels, the side of what is looked at for a border: most hold none
WORKING_SIDE = 1024  # longer side at which blur and numbers are computed, pixels
RADIUS = 4  # of the bokeh's disc at least, pixels there: a weak blur is computed at a longer side


class Look(NamedTuple):
    """What may be chosen of renderings: the background of those that have an alpha otherwise, and bokeh's blur."""

    background: Background | None = None
    blur: float = BLUR

    def suffix(self, name: str) -> str:
        """That of a rendering's file; what has lost its alpha is a JPEG."""
        suffix = RENDERINGS[name].suffix
        return suffix.replace(".png", ".jpg") if self.background else suffix

    def comment(self, name: str) -> str:
        """What a rendering's file says of it in its comment; nothing where all is as without options."""
        if self.background and self.suffix(name) != RENDERINGS[name].suffix:
            return f", on {self.background.code}"
        return f", blur {self.blur:g}" if name == "bokeh" and self.blur != BLUR else ""


PLAIN = Look()


def write(
    base: Path,
    names: Iterable[str],
    photograph: np.ndarray,
    focus_map: np.ndarray,
    source: Path,
    comment: str,
    look: Look = PLAIN,
) -> Iterator[Path]:
    """Makes renderings and writes them beside each other, as BASE and the suffix of each (by its look).

    Args:
        names: of RENDERINGS.
        source: the photograph's file: its metadata stay, and what is transparent there is so in a cut-out.
        comment: to write into the files, with what their look says.

    Yields:
        The files.

    Raises:
        ValueError: a side that JPEG cannot hold, when the others are written.
    """
    too_long = [name for name in names if max(photograph.shape) > JPEG_SIDE and look.suffix(name).endswith(".jpg")]
    metadata = read_metadata(source)
    for name in names:
        if name not in too_long:
            picture = made(name, photograph, focus_map, look, source)
            path = Path(f"{base}{look.suffix(name)}")
            write_picture(path, picture, metadata, comment + look.comment(name))
            yield path
    if too_long:
        raise ValueError(f"JPEG holds at most {JPEG_SIDE} pixels a side: no {', '.join(too_long)}; the rest is written")


def made(
    name: str, photograph: np.ndarray, focus_map: np.ndarray, look: Look = PLAIN, source: Path | None = None
) -> Picture:
    """A rendering, H x W x 3 or 4 uint8, as its look says; `source` is the file whose transparency a cut-out keeps."""
    more = {"blur": look.blur} if name == "bokeh" else {}
    picture = globals()[name](photograph, focus_map, **more)  # the function of its name
    if picture.shape[2] == 4 and source and (alpha := read_alpha(source)) is not None:
        picture = fainter(picture, resize(alpha, *picture.shape[1::-1]))
    if picture.shape[2] == 4 and look.background:
        return put_on(picture, fitted(look.background, picture.shape[:2]))
    return picture


def read_alpha(path: str | Path) -> np.ndarray | None:
    """How opaque a picture is, H x W uint8, upright; None of one without transparency. Raises as read_image."""

    def convert(picture: Image.Image | np.ndarray) -> np.ndarray | None:
        stated = 0
        if isinstance(picture, Image.Image):
            if not picture.has_transparency_data:
                return None
            stated = stated_depth(picture, alpha=True)
            deep = deep_values(picture)
            load(picture)
            picture = turned(np.asarray(picture.convert("RGBA")) if deep is None else deep, orientation_of(picture))
        if picture.shape[2:] != (4,):
            return None
        alpha = picture[..., 3]
        return alpha if alpha.dtype == np.uint8 else to_8_bit(alpha, stated if alpha.max() < 2**stated else 16)

    return read_as(path, convert)


def overlay(photograph: np.ndarray, focus_map: np.ndarray) -> Strips:
    """The photograph with its blurred part darkened, and a line around what is in focus; H x W x 3 uint8."""
    check(focus_map)
    brightness = np.rint(np.linspace(0.3 * 255, 255, 256)).astype(np.uint8)
    line = _border(focus_map, max(1, round(max(focus_map.shape) / 800)))

    def make(rows: slice) -> np.ndarray:
        share = cv2.LUT(focus_map[rows], brightness)
        drawn = cv2.multiply(photograph[rows], cv2.merge([share] * 3), scale=1 / 255)
        drawn[line[rows]] = LINE
        return drawn

    return Strips(photograph.shape, make)


def _border(focus_map: np.ndarray, reach: int) -> np.ndarray:
    """H x W bool: less than so many pixels from where in focus and blurred meet, found square by square."""
    line = np.zeros(focus_map.shape, bool)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [2 * reach + 1] * 2)
    height, width = focus_map.shape
    for top, left in itertools.product(range(0, height, SQUARE), range(0, width, SQUARE)):
        y, x = max(0, top - reach), max(0, left - reach)
        around = focus_map[y : top + SQUARE + reach, x : left + SQUARE + reach]
        sharp = cv2.threshold(around, HALF - 1, 1, cv2.THRESH_BINARY)[1]
        if sharp.min() < sharp.max():
            # A replicated rim: no line where the region only ends with the picture.
            found = cv2.morphologyEx(sharp, cv2.MORPH_GRADIENT, pen, borderType=cv2.BORDER_REPLICATE)
            line[top : top + SQUARE, left : left + SQUARE] = found[top - y :, left - x :][:SQUARE, :SQUARE]
    return line


def cutout(photograph: np.ndarray, focus_map: np.ndarray) -> Strips:
    """What is in focus with the map as alpha, H x W x 4 uint8.

    Along the soft edge the colours are cleaned of the background's: they are estimated from the in-focus pixels
    nearby (like the first stage of "Approximate fast foreground colour estimation", ICIP 2021).
    """
    small = _floats(photograph)
    weight = (_floats(focus_map)[..., None] / 255) ** 4  # a pixel in the middle of the edge is half background
    radius = max(1, max(small.shape[:2]) // 40)
    window = (2 * radius + 1, 2 * radius + 1)
    near = cv2.blur(small * weight, window) / (cv2.blur(weight, window)[..., None] + 1e-6)
    # A pixel that is all in focus keeps its colour, one that is hardly so takes that of its neighbours.
    return with_alpha(over(photograph, enlarged(near, focus_map.shape), focus_map), focus_map)


def bokeh(photograph: np.ndarray, focus_map: np.ndarray, blur: float = BLUR) -> Strips:
    """The photograph as with a wider aperture: what is blurred is blurred further by a disc; H x W x 3 uint8.

    The blur is an average over blurred pixels alone, in linear light: what is in focus does not bleed into it, nor does
    the soft rim around it, where pixels hold light of both.

    Args:
        blur: diameter of the disc, percent of the longer side.
    """
    side = max(WORKING_SIDE, round(200 * RADIUS / blur))
    small = _floats(photograph, side)
    radius = max(1.0, blur / 200 * max(small.shape[:2]))
    kernel, rim = disc(radius), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, [2 * round(radius / 2) + 1] * 2)
    weight = np.maximum((1 - cv2.dilate(_floats(focus_map, side) / 255, rim)) ** 8, 1e-5)
    light = (small / 255) ** 2.2 * weight[..., None]
    blurred = cv2.filter2D(light, -1, kernel) / cv2.filter2D(weight, -1, kernel)[..., None]
    return over(photograph, enlarged(255 * np.maximum(blurred, 0) ** (1 / 2.2), focus_map.shape), focus_map)


def numbers(photograph: np.ndarray, focus_map: np.ndarray, size: tuple[int, int]) -> dict[str, float | None]:
    """What a table says of one picture. Photograph and map may be smaller than the picture, both alike.

    Args:
        size: (height, width) of the picture, pixels.

    Returns:
        width, height: of the picture, pixels.
        in_focus: share of the picture that is in focus (probability at least 0.5), 0 to 1.
        centre_x, centre_y: centroid of that region, and left, top, right, bottom: its box, pixels of the picture;
            None where nothing is in focus.
        decidedness: mean of |2 p - 1| of the map's probabilities p, 0 (all is 0.5) to 1 (all is 0 or 1); not
            calibrated: it does not say how often the map is right.
        sharpness: of what is in focus (of all where nothing is), at a longer side of 1024 pixels, see
            imaging.sharpness: comparable within a scene, to sort its pictures by.

    Raises:
        ValueError: a map that is not uint8.
    """
    check(focus_map)
    height, width = size
    focus_map = shrunk(focus_map)
    sharp = focus_map >= HALF
    grey = cv2.cvtColor(shrunk(photograph), cv2.COLOR_RGB2GRAY)
    row: dict[str, float | None] = {"width": width, "height": height, "in_focus": round(float(sharp.mean()), 4)}
    row |= dict.fromkeys(("centre_x", "centre_y", "left", "top", "right", "bottom"))
    if sharp.any():
        y, x = np.nonzero(sharp)
        across, down = width / sharp.shape[1], height / sharp.shape[0]
        row["centre_x"], row["centre_y"] = (
            round(float((place.mean() + 0.5) * scale), 1) for place, scale in ((x, across), (y, down))
        )
        row["left"], row["right"] = round(float(x.min() * across)), round(float((x.max() + 1) * across))
        row["top"], row["bottom"] = round(float(y.min() * down)), round(float((y.max() + 1) * down))
    row["decidedness"] = round(float(np.abs(focus_map / 127.5 - 1).mean()), 4)
    row["sharpness"] = round(sharpness(grey, sharp if sharp.any() else np.ones_like(sharp)), 4)
    return row


def shrunk(picture: np.ndarray, side: int = WORKING_SIDE) -> np.ndarray:
    """Picture or map shrunk to a longer side of at most so many pixels, by area averages."""
    share = side / max(picture.shape[:2])
    if share >= 1:
        return picture
    width, height = (max(1, round(share * length)) for length in picture.shape[1::-1])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _floats(picture: np.ndarray, side: int = WORKING_SIDE) -> np.ndarray:
    return shrunk(picture, side).astype(np.float32)
