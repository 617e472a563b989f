import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ran.data.augmentation import paper_augmentation, strong_augmentation, uncropped
from ran.dataloader import reseed

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_import_asks_the_network_for_nothing():
    """albumentations looks for a newer version of itself, unless told not to before its import."""
    code = (
        "import socket\n"
        "def refuse(*_): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import os, main, ran.data.augmentation; assert os.environ['NO_ALBUMENTATIONS_UPDATE'] == '1'"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_groups_of_the_augmentation_are_drawn_independently():
    """albumentations seeds every transform of a Compose alike; then each sample had all groups or none."""
    augmentation = paper_augmentation()
    ramp = np.tile(np.arange(64, dtype=np.uint8)[:, None] * 3, (1, 64))
    seen, turns = set(), set()
    for index in range(200):
        reseed(augmentation, np.random.SeedSequence([0, 0, index]))
        result = augmentation(image=np.dstack([ramp] * 3), mask=np.dstack([ramp, ramp]))
        moved = not np.array_equal(result["mask"][..., 0], ramp)
        changed = not np.array_equal(result["image"][..., 0], result["mask"][..., 0])
        seen.add((moved, changed))
        turns.add(result["mask"][..., 0].tobytes())
    assert seen == {(a, b) for a in (True, False) for b in (True, False)}
    assert len(turns) == 4  # as it was, upside down, and both quarter turns of a vertical ramp


def test_crops_are_enlarged_by_little_at_most():
    """Samples of coordinates: the pixels of a side span what was cropped, 64 of them at least 64 / 1.16."""
    side = uncropped(64)
    y, x = np.mgrid[:side, :side].astype(np.uint8)
    augmentation = strong_augmentation(64)
    spans = []
    for index in range(60):
        reseed(augmentation, np.random.SeedSequence([index]))
        result = augmentation(image=np.dstack([x, y, x]), mask=np.dstack([x, y]))
        assert result["image"].shape == (64, 64, 3) and result["mask"].shape == (64, 64, 2)
        spans += [int(np.ptp(result["mask"][..., axis])) + 1 for axis in (0, 1)]
    assert 64 / 1.16 - 1 <= min(spans) < 64 < max(spans) <= side
