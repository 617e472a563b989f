import numpy as np
import pytest
from PIL import Image

from ran.imaging.pictures import picture_size, read_image
from tests.faults.making import PICTURE, tiff


def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    Image.fromarray(PICTURE).save(tmp_path / "bomb.png")  # 6144 pixels
    (tmp_path / "floats.tif").write_bytes(tiff((PICTURE / 255).astype(np.float32), photometric="rgb"))
    for name in ("bomb.png", "floats.tif"):
        with pytest.raises(ValueError, match=f"{name}: .*6144 pixels. exceeds limit of 4000 pixels: make it smaller"):
            read_image(tmp_path / name)
        assert picture_size(tmp_path / name) == (0, 0)
