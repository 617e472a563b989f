import cv2
import numpy as np
import pytest

from ran.data.images import write_image
from ran.tools.methods import score_file
from ran.utils.processes import FEW, in_processes


@pytest.mark.slow
def test_processes_score_the_same_in_the_same_order(tmp_path):
    rng, calls = np.random.default_rng(0), []
    for number in range(FEW + 5):
        mask = np.uint8(rng.random((12, 16)) > 0.5) * 255
        write_image(tmp_path / "masks" / f"{number}.png", mask)
        size = mask.shape if number % 2 else (6, 8)
        write_image(tmp_path / "maps" / f"{number}.png", rng.integers(0, 256, size).astype(np.uint8))
        paths = [tmp_path / folder / f"{number}.png" for folder in ("maps", "masks")]
        calls.append((str(number), *paths, "in_focus", "blurred"))
    (tmp_path / "maps/3.png").write_bytes(b"")
    alone, shared = (list(in_processes(score_file, calls, len(calls), count)) for count in (1, 2))
    assert "3.png: not a readable image" in alone.pop(3) and "3.png: not a readable image" in shared.pop(3)
    assert [(x.score.rows, *x[1:]) for x in alone] == [(x.score.rows, *x[1:]) for x in shared]
    levels = np.unique(cv2.imread(str(tmp_path / "maps/1.png"), cv2.IMREAD_UNCHANGED))
    assert alone[0].resized == "0.png: 8 x 6 to 16 x 12" and alone[1].resized == ""
    assert alone[1].levels == (levels[-1], len(levels))
