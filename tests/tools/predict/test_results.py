import os

import numpy as np
import pytest

from ran.imaging.writing import write_picture, write_png
from ran.tools.predict.results import BLOCK, BLOCKS, comment, is_of, is_result

PIXELS = np.zeros((4, 4, 3), np.uint8)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "large.tif"
    path.write_bytes(os.urandom(4 * BLOCKS * BLOCK))
    return path


@pytest.mark.parametrize("place", [0, BLOCK - 1, -BLOCK, -1, (4 * BLOCKS - 1) * BLOCK // (BLOCKS - 1) * 7 + 99])
def test_other_bytes_at_either_end_and_between_are_seen(picture, tmp_path, place):
    write_png(tmp_path / "a.png", PIXELS, comment(picture))
    write_picture(tmp_path / "a.jpg", PIXELS, {}, comment(picture))
    assert is_of(tmp_path / "a.png", picture) and is_of(tmp_path / "a.jpg", picture)
    data = bytearray(picture.read_bytes())
    data[place] ^= 1
    picture.write_bytes(data)
    assert not is_of(tmp_path / "a.png", picture) and not is_of(tmp_path / "a.jpg", picture)


def test_any_other_band_of_a_large_picture_is_seen(picture, tmp_path):
    """As of two scans with the same white rim."""
    write_png(tmp_path / "a.png", PIXELS, comment(picture))
    data = picture.read_bytes()
    for place in range(0, len(data), len(data) // 9):
        picture.write_bytes(data[:place] + os.urandom(len(data) // 9) + data[place + len(data) // 9 :])
        assert not is_of(tmp_path / "a.png", picture)


def test_a_size_is_seen_and_small_files_too(picture, tmp_path):
    write_png(tmp_path / "a.png", PIXELS, comment(picture))
    data = picture.read_bytes()
    picture.write_bytes(data[:BLOCK] + b"more" + data[BLOCK:])
    assert not is_of(tmp_path / "a.png", picture)
    picture.write_bytes(b"small")
    write_png(tmp_path / "a.png", PIXELS, comment(picture))
    assert is_of(tmp_path / "a.png", picture)
    picture.write_bytes(b"smaLl")
    assert not is_of(tmp_path / "a.png", picture)


def test_results_are_known_by_their_header_alone(picture, tmp_path):
    write_png(tmp_path / "ours.png", PIXELS, comment(picture))
    write_png(tmp_path / "theirs.png", PIXELS, "Created with another program")
    write_png(tmp_path / "plain.png", PIXELS)
    (tmp_path / "text.jpg").write_text("RAN focus map")
    (tmp_path / "cut.png").write_bytes((tmp_path / "ours.png").read_bytes()[:-20])
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "named.PNG").write_bytes((tmp_path / "ours.png").read_bytes())
    write_picture(tmp_path / "a.jpg", PIXELS, {}, comment(picture))
    (tmp_path / "a.jpg").rename(tmp_path / "renamed.JPEG")
    ours = {"cut.png", "named.PNG", "ours.png", "renamed.JPEG"}
    assert {path.name for path in tmp_path.iterdir() if is_result(path)} == ours
    for name in ("plain.png", "theirs.png"):
        with pytest.raises(ValueError, match=f"{name}: no result of predict, .*--overwrite replaces it"):
            is_of(tmp_path / name, picture)
    assert is_of(tmp_path / "ours.png", picture) and not is_of(tmp_path / "cut.png", picture)
    assert not is_of(tmp_path / "ours.png", picture, "another way")
    assert comment(tmp_path / "pipe.png") == comment(tmp_path / "nowhere.jpg") == "RAN focus map"
