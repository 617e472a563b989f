import numpy as np

from ran.evaluation.scoring import FEW, Job, score_files
from ran.imaging.pictures import write_png


def test_processes_score_the_same_in_the_same_order(tmp_path):
    rng = np.random.default_rng(0)
    jobs = []
    for number in range(FEW + 5):
        mask = np.uint8(rng.random((12, 16)) > 0.5) * 255
        write_png(tmp_path / "masks" / f"{number}.png", mask)
        size = mask.shape if number % 2 else (6, 8)
        write_png(tmp_path / "maps" / f"{number}.png", rng.integers(0, 256, size).astype(np.uint8))
        jobs.append(Job(str(number), tmp_path / "maps" / f"{number}.png", tmp_path / "masks" / f"{number}.png"))
    (tmp_path / "maps/3.png").write_bytes(b"")
    alone, shared = score_files(jobs, 1), score_files(jobs, 2)
    assert [result.score and result.score.row for result in alone] == [r.score and r.score.row for r in shared]
    assert [result[1:] for result in alone] == [result[1:] for result in shared]
    assert alone[0].resized == "0.png: 8 x 6 to 16 x 12" and not alone[1].resized
    assert alone[3].score is None and "3.png: not a readable picture" in alone[3].unusable
