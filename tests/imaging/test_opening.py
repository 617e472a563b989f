import numpy as np
import pytest
from PIL import Image

from ran.imaging.opening import megapixel_limit
from ran.imaging.pictures import picture_size, read_image
from tests.faults.making import PICTURE, tiff


def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    Image.fromarray(PICTURE).save(tmp_path / "bomb.png")  # 6144 pixels
    (tmp_path / "floats.tif").write_bytes(tiff((PICTURE / 255).astype(np.float32), photometric="rgb"))
    for name in ("bomb.png", "floats.tif"):
        with pytest.raises(ValueError, match=f"{name}: .*6144 pixels. exceeds limit of 4000 pixels; --max_megapixels"):
            read_image(tmp_path / name)
        assert picture_size(tmp_path / name) == (0, 0)
    with megapixel_limit(0.0062):
        assert np.array_equal(read_image(tmp_path / "bomb.png"), read_image(tmp_path / "floats.tif"))
    with pytest.raises(ValueError, match="exceeds limit of 4000 pixels"):
        read_image(tmp_path / "bomb.png")


def test_heic_is_read_by_any_name_where_its_package_is_installed(tmp_path, monkeypatch):
    import pillow_heif

    pillow_heif.from_pillow(Image.fromarray(PICTURE)).save(tmp_path / "a.heic", quality=95)
    (tmp_path / "a.heic").rename(tmp_path / "a.jpg")  # as some phones name it
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - PICTURE).mean() < 4
    (tmp_path / "b.heic").write_bytes(b"nothing")
    monkeypatch.setattr("ran.imaging.pictures.register_heif", lambda: False)
    with pytest.raises(ValueError, match="pip install pillow-heif"):
        read_image(tmp_path / "b.heic")
