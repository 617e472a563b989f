"""The blur of a lens, put into sharp images: by object masks or by depth, in linear light."""

import cv2
import numpy as np

GAMMA = 2.2  # of sRGB, near enough: a lens mixes light, not the values that a file holds


def disc(radius: float) -> np.ndarray:
    """Disc-shaped blur kernel of a radius in pixels, its rim anti-aliased, summing to 1."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return (kernel / kernel.sum()).astype(np.float32)


def linear(image: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1], float32, of 8-bit values."""
    return (image.astype(np.float32) / 255) ** GAMMA


def display(light: np.ndarray) -> np.ndarray:
    """8-bit values of linear light."""
    return np.round(255 * light.clip(0, 1) ** (1 / GAMMA)).astype(np.uint8)


def spread(light: np.ndarray, radius: float) -> np.ndarray:
    """Light (H x W or H x W x 3, float32) through a lens whose circle of confusion has this radius, pixels."""
    return cv2.filter2D(light, -1, disc(radius), borderType=cv2.BORDER_REFLECT)


def spread_within(light: np.ndarray, part: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """The spread light of a part of the image alone, H x W x 3, and how much of the part is there, H x W.
    Far from the part (H x W float32 in [0, 1]) the light is 0.
    """
    weight = spread(part, radius)
    return spread(light * part[..., None], radius) / np.maximum(weight, 1e-3)[..., None], weight


def defocus_background(image: np.ndarray, mask: np.ndarray, radius: float, near: float = 1.0) -> np.ndarray:
    """Defocuses the background of an object in an image, H x W x 3 uint8; the object's light stays out of it.

    Args:
        mask: H x W, nonzero on the object. radius: pixels, of the blur at the top.
        near: share of the radius at the bottom, where the ground comes nearer to the object.
    """
    light, outside = linear(image), (mask == 0).astype(np.float32)
    far, close = (spread_within(light, outside, max(1.5, radius * share))[0] for share in (1, near))
    height = np.linspace(1, 0, len(mask), dtype=np.float32)[:, None, None]
    around = far * height + close * (1 - height)
    outside = cv2.blur(outside, (3, 3))[..., None]
    return display(light * (1 - outside) + around * outside)


def defocus_object(image: np.ndarray, mask: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Defocuses an object in front of a sharp background: its rim becomes transparent and spills over.
    Returns the image, and where the object's light reaches, H x W bool.
    """
    light, inside = linear(image), (mask > 0).astype(np.float32)
    spilled, cover = spread(light * inside[..., None], radius), spread(inside, radius)
    hidden, _ = spread_within(light, 1 - inside, 2 * radius)  # the background that shines through the rim
    background = np.where(inside[..., None] > 0, hidden, light)
    return display(spilled + background * (1 - cover[..., None])), cover > 0.05


def thin_lens(image: np.ndarray, radii: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    """A sharp image (H x W x 3 uint8) through a lens with an aperture: depth layers, composited from back to front.

    Args:
        radii: of the circles of confusion, pixels, H x W. nearness: 1 / depth, H x W.
    """
    result = light = linear(image)
    layers = max(4, int(np.ceil(2 * radii.max())))  # so that the radii of a layer differ by a pixel at most
    level = np.digitize(nearness, np.linspace(nearness.min(), nearness.max() + 1e-6, layers + 1)) - 1
    for number in np.unique(level):
        part = (level == number).astype(np.float32)
        radius = float(radii[part > 0].mean())
        own, there = spread_within(light, part, radius)
        # A layer goes on under all nearer ones, by the light around it, so that no rim shows a hole.
        guess, around = spread_within(light, part, 2 * float(radii.max()) + 1)
        own = np.where(there[..., None] > 0.02, own, guess)
        cover = spread((level >= number).astype(np.float32), radius) * np.minimum(1, around / 0.02)
        result = result * (1 - cover[..., None]) + own * cover[..., None]
    return display(result)
