import os

import numpy as np

from ran.data.augmentation import paper_augmentation, strong_augmentation, uncropped
from ran.dataloader import reseed


def test_augmentations_are_what_the_recipes_say():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"  # else its import asks the network for a newer version
    assert [(type(one).__name__, one.p) for one in (*paper_augmentation(), *strong_augmentation(64))] == [
        ("OneOf", 0.5), ("OneOf", 0.5), ("GaussNoise", 0.5),
        ("RandomResizedCrop", 1), ("HorizontalFlip", 0.5), ("ColorJitter", 0.5), ("ToGray", 0.05), ("Downscale", 0.2),
        ("GaussNoise", 0.2), ("ImageCompression", 0.2),
    ]  # fmt: skip
    turns, light, noise = paper_augmentation()
    assert [type(one).__name__ for one in turns.transforms] == ["HorizontalFlip", "VerticalFlip", "RandomRotate90"]
    contrast, gamma, brightness = light.transforms
    assert (contrast.contrast_limit, contrast.brightness_limit) == ((-0.2, 0.2), (0, 0))
    assert (brightness.contrast_limit, brightness.brightness_limit) == ((0, 0), (-0.2, 0.2))
    assert gamma.gamma_limit == (80, 120) and np.allclose(np.multiply(noise.std_range, 255), (3, 7), atol=0.2)


def test_groups_are_drawn_independently_and_members_alike():
    """albumentations seeds every transform of a Compose alike; then each sample would have all groups or none."""
    corner = np.zeros((24, 24), np.uint8)
    corner[:8, :5] = 1
    turned = {"across": corner[:, ::-1], "down": corner[::-1]} | {k: np.rot90(corner, k) for k in (0, 1, 2, 3)}
    drawn, augmentation = [], paper_augmentation()
    for index in range(400):
        reseed(augmentation, np.random.SeedSequence([0, 0, index]))
        result = augmentation(image=np.full((24, 24, 3), 128, np.uint8), mask=corner)
        (turn,) = (name for name, value in turned.items() if np.array_equal(value, result["mask"]))
        drawn.append((turn, bool(result["image"].std() > 1)))
    turns, noisy = [turn for turn, _ in drawn], [noise for _, noise in drawn]
    assert 170 < sum(noisy) < 230 and 70 < sum(noise for turn, noise in drawn if turn != 0) < 110
    assert all(40 < turns.count(name) < 90 for name in ("across", "down"))  # a sixth of all samples each
    assert all(6 < turns.count(quarter) < 30 for quarter in (1, 2, 3))


def test_crops_are_enlarged_by_little_at_most():
    """Samples of coordinates: the pixels of a side span what was cropped, 64 of them at least 64 / 1.16."""
    side = uncropped(64)
    assert side == 91  # 64 of 91 px a side are half of the area
    y, x = np.mgrid[:side, :side].astype(np.uint8)
    augmentation = strong_augmentation(64)
    spans = []
    for index in range(60):
        reseed(augmentation, np.random.SeedSequence([index]))
        result = augmentation(image=np.dstack([x, y, x]), mask=np.dstack([x, y]))
        assert result["image"].shape == (64, 64, 3) and result["mask"].shape == (64, 64, 2)
        spans += [int(np.ptp(result["mask"][..., axis])) + 1 for axis in (0, 1)]
    assert 64 / 1.16 - 1 <= min(spans) < 64 < max(spans) <= side
