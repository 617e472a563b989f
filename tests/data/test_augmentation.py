import os

import numpy as np

from ran.data.augmentation import paper_augmentation, strong_augmentation, uncropped
from ran.dataloader import reseed


def test_paper_augmentation_in_numbers():
    """Groups are drawn independently, each half of the time, and of a group's members each as often as the others.

    albumentations seeds every transform of a Compose alike; then each sample had all groups or none.
    """
    levels, corner = np.arange(64, 192), np.zeros((24, 128), bool)
    ramp, corner[:8, :5] = np.tile(levels.astype(np.uint8), (24, 1)), True
    turns = {"left-right": corner[:, ::-1], "upside down": corner[::-1]}
    turns |= {f"turned {k}": np.rot90(corner, k) for k in (0, 1, 2, 3)}
    drawn, both = {name: [] for name in (*turns, "noise", "contrast", "gamma", "brightness")}, 0
    augmentation = paper_augmentation()
    for index in range(400):
        reseed(augmentation, np.random.SeedSequence([0, 0, index]))
        result = augmentation(image=np.dstack([ramp] * 3), mask=np.dstack([corner.astype(np.uint8), ramp]))
        image, mask, before = result["image"][..., 0], result["mask"][..., 0], result["mask"][..., 1]
        (turn,) = (name for name, value in turns.items() if np.array_equal(value, mask))
        drawn[turn].append(0)
        columns = np.array([image[before == level] for level in levels], float)
        mean, noise = columns.mean(axis=1), np.median(columns.std(axis=1))
        if noise > 0.5:
            drawn["noise"].append(noise)
            both += turn != "turned 0"
        elif abs(mean - levels).max() > 1.5:
            gamma = (np.log(mean / 255) / np.log(levels / 255)).mean()
            fits = {
                "contrast": ((mean / levels).mean(), levels * (mean / levels).mean()),
                "gamma": (gamma, 255 * (levels / 255) ** gamma),
                "brightness": ((mean - levels).mean(), levels + (mean - levels).mean()),
            }
            kind = min(fits, key=lambda name: abs(fits[name][1] - mean).max())
            drawn[kind].append(fits[kind][0])
    counts = {name: len(values) for name, values in drawn.items()}
    assert 170 < counts["noise"] < 230 and 70 < both < 110  # a half, and nearly a quarter: some turn by nothing
    for names, low, high in ((("left-right", "upside down"), 40, 90), (("turned 1", "turned 2", "turned 3"), 6, 30),
                             (("contrast", "gamma", "brightness"), 20, 50)):  # fmt: skip
        assert all(low < counts[name] < high for name in names), counts
    ranges = {"contrast": (0.8, 1.2), "gamma": (0.8, 1.2), "brightness": (-51, 51), "noise": (3, 7)}
    for name, (low, high) in ranges.items():
        slack = 0.2 * (high - low)
        assert low - slack < min(drawn[name]) < low + slack and high - slack < max(drawn[name]) < high + slack, name


def test_strong_augmentation_is_what_the_recipe_says():
    assert os.environ["NO_ALBUMENTATIONS_UPDATE"] == "1"  # else its import asks the network for a newer version
    assert [(type(transform).__name__, transform.p) for transform in strong_augmentation(64)] == [
        ("RandomResizedCrop", 1), ("HorizontalFlip", 0.5), ("ColorJitter", 0.5), ("ToGray", 0.05), ("Downscale", 0.2),
        ("GaussNoise", 0.2), ("ImageCompression", 0.2),
    ]  # fmt: skip


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
