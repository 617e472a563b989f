import pytest
import torch

from utils.connectivity import DIRECTIONS, bilateral_voting, connectivity_target


@pytest.fixture
def bands():
    return (torch.rand(3, 1, 7, 9, generator=torch.Generator().manual_seed(0)) < 0.6).float()


@pytest.mark.parametrize("d", range(8))
def test_every_direction_against_a_naive_loop(bands, d):
    dy, dx = DIRECTIONS[d]
    target = connectivity_target(bands)
    for n in range(3):  # every sample its own: the released code gave all of them the first one's
        for y in range(7):
            for x in range(9):
                inside = 0 <= y + dy < 7 and 0 <= x + dx < 9
                expected = bands[n, 0, y, x] * bands[n, 0, y + dy, x + dx] if inside else 0
                assert target[n, d, y, x] == expected


def test_the_eight_directions_differ_and_face_each_other():
    assert len(set(DIRECTIONS)) == 8 and (0, 0) not in DIRECTIONS
    assert all(DIRECTIONS[d] == (-DIRECTIONS[7 - d][0], -DIRECTIONS[7 - d][1]) for d in range(8))


def test_voting_against_a_naive_loop():
    maps = torch.rand(2, 8, 5, 6, generator=torch.Generator().manual_seed(1))
    voted = bilateral_voting(maps)
    for n in range(2):
        for y in range(5):
            for x in range(6):
                votes = [0.0]
                for d, (dy, dx) in enumerate(DIRECTIONS):
                    if 0 <= y + dy < 5 and 0 <= x + dx < 6:
                        votes.append((maps[n, d, y, x] * maps[n, 7 - d, y + dy, x + dx]).item())
                assert voted[n, 0, y, x].item() == pytest.approx(max(votes))


def test_voting_gives_the_band_back_without_lone_pixels():
    band = torch.zeros(1, 1, 8, 8)
    band[0, 0, 2:5, 3:6] = 1
    lone = band.clone()
    lone[0, 0, 7, 7] = 1
    assert torch.equal(bilateral_voting(connectivity_target(band)), band)
    assert torch.equal(bilateral_voting(connectivity_target(lone)), band)
