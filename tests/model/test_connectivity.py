import torch

from ran.model.connectivity import DIRECTIONS, connectivity_target


def test_every_direction_of_every_sample_by_hand_and_in_a_loop():
    """The released code gave all samples the first one's directions, and its sixth was the identity."""
    assert DIRECTIONS == ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
    bands = (torch.rand(3, 1, 7, 9, generator=torch.Generator().manual_seed(0)) < 0.6).float()
    target = connectivity_target(bands)
    assert target.shape == (3, 8, 7, 9)
    for n, d, y, x in torch.cartesian_prod(*map(torch.arange, target.shape)).tolist():
        dy, dx = DIRECTIONS[d]
        inside = 0 <= y + dy < 7 and 0 <= x + dx < 9
        assert target[n, d, y, x] == (bands[n, 0, y, x] * bands[n, 0, y + dy, x + dx] if inside else 0)
