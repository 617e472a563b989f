import csv

import numpy as np
import pytest

from benchmarks.one_class import KINDS, Options, measure, squares_of
from ran.imaging.masks import largest_square


def test_squares_lie_in_one_class_and_are_as_large_as_fits():
    mask = np.zeros((80, 120), np.uint8)
    mask[:, 60:] = 255
    picture = np.dstack([mask] * 3)
    assert (largest_square(picture, mask) == 255).all() and largest_square(picture, mask).shape == (52, 52, 3)
    assert largest_square(picture, np.full_like(mask, 255)).shape == (80, 80, 3)
    assert largest_square(picture, np.zeros_like(mask)) is None
    kinds = dict(squares_of(picture, mask))
    assert tuple(kinds) == KINDS and (kinds["blurred"] == 0).all()
    assert 1 < kinds["the same, defocused"].astype(float).std() < 6 and not (kinds["in focus"] != 255).any()


@pytest.mark.slow
def test_a_line_a_square_and_their_means(tmp_path, dataset):
    measure(
        Options(
            weights=["weights/ran_resnet18.safetensors"], data_path=str(dataset), dataset="SAMPLE", output=str(tmp_path)
        )
    )
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    assert rows and {row["weights"] for row in rows} == {"ran_resnet18"}
    table = (tmp_path / "one_class.md").read_text()
    for kind in {row["kind"] for row in rows}:
        shares = [float(row["in_focus"]) for row in rows if row["kind"] == kind]
        assert f"{np.mean(shares):.3f}" in table and f"{kind} ({len(shares)})" in table
