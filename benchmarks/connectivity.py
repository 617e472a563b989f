"""Connectivity targets by padded slices, beside products with translation matrices.

The matrices are the usual way (BiconNet): a shift by a column is a product with a W x W matrix from the right, one by a
row a product with an H x H matrix from the left. Written here for the comparison, after the paper's description.
"""

from .common import SIZE, in_child, median_seconds

TITLE = "Connectivity at 384 x 384, batch 2: padded slices beside translation matrices"


def measure(device: str, repeats: int) -> list[dict]:
    """Seconds of both ways, their ratio, and whether they are equal bit for bit."""
    rows, peak = in_child(both_ways, device, repeats)
    return [row | {"peak MB": peak} for row in rows]


def both_ways(device: str, repeats: int) -> list[dict]:
    import torch

    from ran.model.connectivity import connectivity_target

    torch.manual_seed(0)
    contour = (torch.rand(2, 1, SIZE, SIZE, device=device) < 0.5).float()
    shifts = translations(SIZE, SIZE, device)
    ours, usual = (lambda: connectivity_target(contour)), (lambda: matrix_target(contour, shifts))
    seconds, usual_seconds = median_seconds(ours, 5 * repeats), median_seconds(usual, repeats)
    return [
        {
            "what": "targets",
            "seconds": seconds,
            "seconds, matrices": usual_seconds,
            "times faster": usual_seconds / seconds,
            "equal": torch.equal(ours(), usual()),
        }
    ]


def translations(height: int, width: int, device: str) -> dict:
    """Matrices that fetch the row below (rows[1]) or above, the column to the right (columns[1]) or left."""
    import torch

    rows = {dy: torch.diag(torch.ones(height - abs(dy), device=device), dy) for dy in (-1, 0, 1)}
    columns = {dx: torch.diag(torch.ones(width - abs(dx), device=device), -dx) for dx in (-1, 0, 1)}
    return {"rows": rows, "columns": columns}


def fetch(x, dy: int, dx: int, shifts: dict):
    """x(p + (dy, dx)), zero outside the image, by one product for each direction that moves."""
    if dy:
        x = shifts["rows"][dy] @ x
    return x @ shifts["columns"][dx] if dx else x


def matrix_target(contour, shifts: dict):
    import torch

    from ran.model.connectivity import DIRECTIONS

    return torch.cat([contour * fetch(contour, dy, dx, shifts) for dy, dx in DIRECTIONS], dim=1)
