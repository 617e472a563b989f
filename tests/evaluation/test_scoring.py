import cv2
import numpy as np
import pytest

from ran.data.images import write_image
from ran.evaluation.scoring import FEW, in_processes, score_file


@pytest.mark.slow
def test_processes_score_the_same_in_the_same_order(tmp_path):
    rng = np.random.default_rng(0)
    calls = []
    for number in range(FEW + 5):
        mask = np.uint8(rng.random((12, 16)) > 0.5) * 255
        write_image(tmp_path / "masks" / f"{number}.png", mask)
        size = mask.shape if number % 2 else (6, 8)
        write_image(tmp_path / "maps" / f"{number}.png", rng.integers(0, 256, size).astype(np.uint8))
        calls.append((str(number), tmp_path / "maps" / f"{number}.png", tmp_path / "masks" / f"{number}.png"))
    (tmp_path / "maps/3.png").write_bytes(b"")
    alone, shared = (list(in_processes(score_file, calls, len(calls), count)) for count in (1, 2))
    assert [getattr(result, "row", result) for result in alone] == [getattr(result, "row", result) for result in shared]
    assert alone[0].resized == shared[0].resized == "0.png: 8 x 6 to 16 x 12" and not alone[1].resized
    assert isinstance(alone[3], str) and "3.png: not a readable image" in alone[3]
    assert shared[1].highest == cv2.imread(str(tmp_path / "maps/1.png"), cv2.IMREAD_UNCHANGED).max()


@pytest.mark.slow
def test_calls_are_made_as_results_are_taken():
    """However many maps there are, few wait in memory."""
    made = 0

    def calls():
        nonlocal made
        for number in range(200):
            made += 1
            yield number, 2

    results = in_processes(pow, calls(), 200, 2)
    assert next(results) == 0 and made <= 5
    assert list(results) == [number**2 for number in range(1, 200)]
