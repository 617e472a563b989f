"""Augmentation of training samples. Imports albumentations, which takes a second: only training does."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing it would ask the network for a newer version

import albumentations as A
import cv2
import numpy as np

from .blur import disc
from .contour import contour_band

CROP = 0.5  # smallest share of a picture's area that a crop keeps


def paper_augmentation() -> A.Compose:
    """The paper's augmentation without its motion, median and Gaussian blur, which would falsify the mask."""
    return A.Compose([
        A.OneOf([A.HorizontalFlip(), A.VerticalFlip(), A.RandomRotate90(p=0.5)], p=0.5),
        A.OneOf([
            A.RandomBrightnessContrast(brightness_limit=0, contrast_limit=0.2),
            A.RandomGamma(gamma_limit=(80, 120)),
            A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0),
        ], p=0.5),
        A.GaussNoise(std_range=(0.012, 0.028), p=0.5),  # 3 to 7 of 255
    ])  # fmt: skip


def strong_augmentation(size: int, defocus: float) -> A.Compose:
    """Crops and flips, label-aware defocus, light and colour, softness, noise and JPEG.

    Args:
        size: side of the square samples, pixels; give it pictures of side `uncropped(size)`.
        defocus: how often Defocus blurs a part of the picture.
    """
    return A.Compose([
        A.RandomResizedCrop((size, size), scale=(CROP, 1), ratio=(3 / 4, 4 / 3), interpolation=cv2.INTER_AREA),
        A.HorizontalFlip(p=0.5),
        Defocus(p=defocus),
        A.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.03, p=0.5),
        A.ToGray(p=0.05),
        # A soft picture (small, enlarged by its owner) has a sharpest part too.
        A.Downscale((0.6, 0.95), {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}, p=0.2),
        # Sharp means detail: not noise, not the blocks of JPEG.
        A.GaussNoise(std_range=(0.01, 0.04), p=0.2),
        A.ImageCompression(quality_range=(50, 95), p=0.2),
    ])  # fmt: skip


def uncropped(size: int) -> int:
    """Side of pictures whose smallest square crops have this side: none is enlarged, others by 1.16 along one side."""
    return round(size / CROP**0.5)


class Defocus(A.DualTransform):
    """Defocuses a part of the picture and takes it out of the mask: label-aware blur.

    The part is everything, all that was blurred before (the mask stays), or a random blob that knows nothing of
    objects: so that the network looks at sharpness itself and not only for the things that photographers focus on.
    The kernel is a disc, as that of a lens. The mask is the first channel, the contour, drawn anew, the second.

    Args:
        radius: range of the disc's radius, as shares of the picture's side.
        p: how often.
    """

    def __init__(self, radius: tuple[float, float] = (0.008, 0.03), p: float = 0.3):
        super().__init__(p=p)
        self.radius = radius

    def get_params_dependent_on_data(self, params: dict, data: dict) -> dict:
        mask = data["mask"][..., 0]
        height, width = mask.shape
        kind = self.random_generator.random()
        if kind < 0.15:
            part = np.ones((height, width), np.float32)
        elif kind < 0.4:
            part = (mask == 0).astype(np.float32)
        else:
            noise = self.random_generator.standard_normal((4, 4)).astype(np.float32)
            waves = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
            part = (waves > self.random_generator.normal(0, 0.5)).astype(np.float32)
        low, high = np.log(self.radius)
        radius = float(np.exp(self.random_generator.uniform(low, high))) * max(height, width)
        return {"part": part, "radius": radius}

    def apply(self, img: np.ndarray, part: np.ndarray, radius: float, **params) -> np.ndarray:
        kernel = disc(radius)
        blurred = cv2.filter2D(img, -1, kernel, borderType=cv2.BORDER_REFLECT)
        alpha = cv2.blur(part, (5, 5))[..., None]
        return np.round(img * (1 - alpha) + blurred * alpha).astype(np.uint8)

    def apply_to_mask(self, mask: np.ndarray, part: np.ndarray, **params) -> np.ndarray:
        left = np.where(part > 0, 0, mask[..., 0]).astype(np.uint8)
        return np.stack([left, contour_band(left)], axis=-1)
