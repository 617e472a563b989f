import os

import numpy as np

from ran.data.augmentation import paper_augmentation, strong_augmentation, uncropped
from ran.dataloader import reseed


def test_augmentations_are_what_the_recipes_say():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"  # else its import asks the network for a newer version
    (flips, light, noise), strong = paper_augmentation(), strong_augmentation(64)
    assert [(type(one).__name__, one.p) for one in (flips, *flips.transforms, light, noise, *strong)] == [
        ("OneOf", 0.5), ("HorizontalFlip", 0.5), ("VerticalFlip", 0.5), ("RandomRotate90", 0.5), ("OneOf", 0.5),
        ("GaussNoise", 0.5), ("RandomResizedCrop", 1), ("HorizontalFlip", 0.5), ("ColorJitter", 0.5), ("ToGray", 0.05),
        ("Downscale", 0.2), ("GaussNoise", 0.2), ("ImageCompression", 0.2),
    ]  # fmt: skip
    contrast, gamma, brightness = light.transforms
    assert (contrast.contrast_limit, contrast.brightness_limit) == ((-0.2, 0.2), (0, 0))
    assert (brightness.contrast_limit, brightness.brightness_limit) == ((0, 0), (-0.2, 0.2))
    assert gamma.gamma_limit == (80, 120) and np.allclose(np.multiply(noise.std_range, 255), (3, 7), atol=0.2)
    crop = strong.transforms[0]
    assert (crop.size, crop.scale, crop.ratio) == ((64, 64), (0.5, 1), (3 / 4, 4 / 3))
    assert uncropped(64) == 91  # 64 of 91 px a side are half of the area


def test_groups_are_drawn_independently():
    """albumentations seeds every transform of a Compose alike; then each sample would have all groups or none."""
    drawn, augmentation, corner = [], paper_augmentation(), np.indices((24, 24)).max(0).astype(np.uint8)
    for index in range(400):
        reseed(augmentation, np.random.SeedSequence([0, 0, index]))
        result = augmentation(image=np.full((24, 24, 3), 128, np.uint8), mask=corner)
        drawn.append((not np.array_equal(result["mask"], corner), result["image"].std() > 1))
    turned, noisy = np.array(drawn).T
    assert 150 < turned.sum() < 215 and 170 < noisy.sum() < 230 and 70 < (turned & noisy).sum() < 110
