import pytest
import torch

from ran.model.connectivity import DIRECTIONS, ECC, connectivity_target


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


def test_shape_and_gradients_at_odd_sizes():
    head = ECC((16, 8, 6, 6))
    levels = [
        torch.randn(1, c, *size, requires_grad=True)
        for c, size in zip((16, 8, 6, 6), ((2, 3), (4, 5), (7, 10), (14, 19)))
    ]
    logits, features = head(*levels)
    assert logits.shape == (1, 8, 14, 19) and features.shape == (1, 6, 14, 19)
    logits.square().sum().backward()
    assert all(level.grad.abs().sum() > 0 for level in levels)
    assert all(p.grad is not None for p in head.parameters())


def test_logits_are_free_to_be_negative():
    torch.manual_seed(0)
    logits, _ = ECC()(*(torch.randn(1, c, s, s) for c, s in ((128, 2), (64, 4), (32, 8), (32, 16))))
    assert logits.min() < 0 < logits.max()
