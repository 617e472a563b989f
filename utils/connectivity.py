"""Eight-direction connectivity of a band of pixels, and the bilateral voting that turns it back into the band."""

import torch
from torch.nn import functional as F

# (dy, dx) of the eight neighbours; direction 7 - d is the opposite of direction d.
DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def neighbours(x: torch.Tensor) -> torch.Tensor:
    """The value of each pixel's eight neighbours, zero outside the image.

    Args:
        x: N x 1 x H x W, or N x 8 x H x W to shift channel d by direction d.

    Returns:
        N x 8 x H x W: channel d at pixel p holds x(p + DIRECTIONS[d]).
    """
    height, width = x.shape[-2:]
    padded = F.pad(x, (1, 1, 1, 1))
    shifted = [
        padded[:, min(d, x.shape[1] - 1), 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        for d, (dy, dx) in enumerate(DIRECTIONS)
    ]
    return torch.stack(shifted, dim=1)


def connectivity_target(contour: torch.Tensor) -> torch.Tensor:
    """Connectivity ground truth (ConnNet, BiconNet): a pixel and its neighbour both lie on the band.

    Args:
        contour: N x 1 x H x W, float, 1 on the band and 0 elsewhere.

    Returns:
        N x 8 x H x W of the same type: c(p) * c(p + direction), zero where the neighbour is outside the image.
    """
    return contour * neighbours(contour)


def bilateral_voting(connectivity: torch.Tensor) -> torch.Tensor:
    """Band that the connectivity maps agree on (BiconNet): both neighbours must name each other.

    Args:
        connectivity: N x 8 x H x W, probabilities or targets.

    Returns:
        N x 1 x H x W: the largest of c_d(p) * c_(7-d)(p + direction d) over the eight directions.
    """
    return (connectivity * neighbours(connectivity.flip(1))).amax(dim=1, keepdim=True)
