"""Augmentation of training samples. Imports albumentations, which takes a second: only training does."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # importing it would ask the network for a newer version

import albumentations as A
import cv2

CROP = 0.5  # smallest share of an image's area that a crop keeps


def paper_augmentation() -> A.Compose:
    """The paper's augmentation without its motion, median and Gaussian blur, which would falsify the mask."""
    flips = [A.HorizontalFlip(), A.VerticalFlip(), A.RandomRotate90(p=0.5)]
    light = [
        A.RandomBrightnessContrast(brightness_limit=0, contrast_limit=0.2),
        A.RandomGamma(gamma_limit=(80, 120)),
        A.RandomBrightnessContrast(brightness_limit=0.2, contrast_limit=0),
    ]
    noise = A.GaussNoise(std_range=(0.012, 0.028), p=0.5)  # 3 to 7 of 255
    return A.Compose([A.OneOf(flips, p=0.5), A.OneOf(light, p=0.5), noise])


def strong_augmentation(size: int) -> A.Compose:
    """Crops and flips, light and colour, softness, noise and JPEG.

    Args:
        size: side of the square samples, pixels; give it images of side `uncropped(size)`.
    """
    return A.Compose(
        [
            A.RandomResizedCrop((size, size), scale=(CROP, 1), ratio=(3 / 4, 4 / 3), interpolation=cv2.INTER_AREA),
            A.HorizontalFlip(p=0.5),
            A.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.03, p=0.5),
            A.ToGray(p=0.05),
            # A soft image (small, enlarged by its owner) has a sharpest part too.
            A.Downscale((0.6, 0.95), {"downscale": cv2.INTER_AREA, "upscale": cv2.INTER_LINEAR}, p=0.2),
            # Sharp means detail: not noise, not the blocks of JPEG.
            A.GaussNoise(std_range=(0.01, 0.04), p=0.2),
            A.ImageCompression(quality_range=(50, 95), p=0.2),
        ]
    )


def uncropped(size: int) -> int:
    """Side of images whose smallest square crops have this side: none is enlarged, others by 1.16 along one side."""
    return round(size / CROP**0.5)
