"""One case of each rule of data/masks.py; test_never_wrong draws files of every kind."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from ran.data.masks import read_levels, read_map, read_pair
from tests.faults.making import EXIF, encoded, grey3

WHITE = np.zeros((48, 80), bool)
WHITE[10:30, 16:60] = True
TRUTH = WHITE * np.uint8(255)
AREAS = np.arange(80) // 40


def levels(low: int, high: int, kind: type = np.uint8) -> np.ndarray:
    return np.where(WHITE, high, low).astype(kind)


def in_palette(indices: np.ndarray, palette: list[tuple]) -> Image.Image:
    (image := Image.fromarray(indices.astype(np.uint8))).putpalette([level for colour in palette for level in colour])
    return image


def saved(folder: Path, image: np.ndarray | Image.Image | bytes, kind: str = "PNG", **options) -> Path:
    (folder / "mask.image").write_bytes(image if isinstance(image, bytes) else encoded(image, kind, **options))
    return folder / "mask.image"


READ = {  # levels of black and white
    "labels 0 and 1": (levels(0, 1), (0, 1)),
    "16 bits": (levels(0, 65535, np.uint16), (0, 65535)),
    "16 bits of 0 and 255": (levels(0, 255, np.uint16), (0, 255)),
    "RGB": (grey3(TRUTH), (0, 255)),
    "RGB of 16 bits": (cv2.imencode(".png", grey3(TRUTH) * np.uint16(257))[1].tobytes(), (0, 65535)),
    "blue on black": (np.dstack([TRUTH * 0, TRUTH * 0, TRUTH]), (0, 255)),
    "palette of VOC": (in_palette(WHITE, [(0, 0, 0), (128, 0, 0)]), (0, 255)),
    "palette whose second is black": (in_palette(~WHITE, [(0, 200, 0), (0, 0, 0)]), (0, 255)),
    "palette of greys": (in_palette(~WHITE, [(200,) * 3, (7,) * 3]), (7, 200)),
    "opaque RGBA": (np.dstack([grey3(TRUTH), TRUTH * 0 + 255]), (0, 255)),
    **{f"only {level}": (levels(level, level), (level,)) for level in (0, 255)},
    **{f"only {level}, JPEG": (encoded(levels(level, level), "JPEG"), (level,)) for level in (0, 255)},
    "only white of 16 bits": (levels(65535, 65535, np.uint16), (65535,)),
}


@pytest.mark.parametrize("image, said", READ.values(), ids=READ)
def test_one_or_two_values_are_read(tmp_path, image, said):
    path, truth = saved(tmp_path, image), TRUTH if len(said) > 1 else np.full_like(TRUTH, min(255, *said))
    for white, expected in (("in_focus", truth), ("blurred", 255 - truth)):
        mask, found = read_levels(path, white)
        assert np.array_equal(mask, expected) and mask.dtype == np.uint8 and found == said


@pytest.mark.parametrize("kind, step", [(np.uint8, 1), (np.uint16, 257)])
def test_grey_edges_are_cut_at_half(tmp_path, kind, step):
    mask = np.array([[0] * 900 + [*range(63, 193)] + [255] * 900])
    read, found = read_levels(saved(tmp_path, (mask * step).astype(kind)))
    assert np.array_equal(read > 0, mask >= 128) and found == (0, 255 * step)


RAMP = np.arange(256, dtype=np.uint8).reshape(8, 32)
TRIMAP = np.where(np.arange(80) < 9, 128, TRUTH).astype(np.uint8)
REFUSED = {
    "a trimap": (TRIMAP, "levels 0, 128, 255: .*; as a trimap it belongs in Train/NAME/trimaps"),
    "a thin area": (np.where(abs(np.arange(80) - 5) < 2, 254, TRUTH).astype(np.uint8), "levels 0, 254, 255: not two"),
    "a soft matte": (np.tile(np.linspace(0, 255, 80), (48, 1)).astype(np.uint8), "levels 0 to 255, 80 in all: not two"),
    "bright greys": ((levels(249, 255) - AREAS).astype(np.uint8), "levels 248, 249, 254, 255: not two classes"),
    "a bright texture": ((200 + np.indices((48, 80)).sum(0) * 5 % 56).astype(np.uint8), "levels 200 to 255, 56 in all"),
    "one grey": (levels(100, 100), "levels 100: not two classes"),
    "one colour": (np.full((48, 80, 3), (200, 0, 0), np.uint8), "colours: a mask is grey .a mask may also be black"),
    "three colours": (in_palette(WHITE + AREAS, [(0, 0, 0), (200, 0, 0), (0, 90, 0)]), "colours: "),
    "colours of 16 bits": (cv2.imencode(".png", np.dstack([TRUTH, TRUTH, TRUTH * 0]) * np.uint16(257))[1].tobytes(),
                           "colours: "),
    "indices shown alike": (in_palette(WHITE, [(200, 0, 0)] * 2), "its palette shows different indices as one colour"),
    "an index beyond its palette": (in_palette(WHITE, [(200, 0, 0)]), "its palette lacks colours"),
    "alpha that is the mask": (np.dstack([grey3(TRUTH * 0), TRUTH]), "transparency: a mask has none; save its grey"),
    "a transparent level": (encoded(TRUTH, "PNG", transparency=0), "transparency"),
    "two frames": (encoded(TRUTH, "PNG", save_all=True, append_images=[Image.fromarray(~TRUTH)]), "2 frames: save the"),
    "WebP": (encoded(TRUTH, "WEBP", lossless=True), "damaged, or not one of PNG, TIFF, BMP, JPEG of integers: save"),
    "a JPEG of bright labels": (encoded(levels(200, 255), "JPEG", quality=95), "levels .*; save it in black and white"),
    "a JPEG of labels 0 and 1": (encoded(levels(0, 1), "JPEG", quality=95), "levels 0, 1: not two classes; save it in"),
}  # fmt: skip


@pytest.mark.parametrize("image, said", REFUSED.values(), ids=REFUSED)
def test_what_is_not_two_classes_is_refused_with_its_values(tmp_path, image, said):
    with pytest.raises(ValueError, match=f"^{tmp_path}/mask.image: not a readable image .{said}"):
        read_levels(saved(tmp_path, image))


def test_trimaps_keep_what_is_unknown(tmp_path):
    for trimap in (TRIMAP, TRUTH):
        read, found = read_levels(saved(tmp_path, trimap), trimap=True)
        assert np.array_equal(read, trimap) and read.dtype == np.uint8 and found == ()
    for wrong, said in ((TRIMAP - (TRIMAP == 128), "127"), (levels(0, 1), "1"), (TRIMAP * np.uint16(257), "32896")):
        with pytest.raises(ValueError, match=f"mask.image: .* holds only 0, 128 and 255; .* also holds .{said}"):
            read_levels(saved(tmp_path, wrong), trimap=True)


@pytest.mark.parametrize("suffix", ["npy", "mat"])
def test_maps_are_read_from_arrays_and_dark_ones_of_16_bits_where_an_image_is_refused(tmp_path, suffix):
    dark = RAMP * np.uint16(4)  # all is blurred, and no image of 10 bits
    assert np.array_equal(read_map(saved(tmp_path, dark)), np.rint(dark / 257))
    with pytest.raises(ValueError, match="mask.image: .*colours: a map is grey"):
        read_map(saved(tmp_path, np.dstack([TRUTH, TRUTH * 0, TRUTH * 0])))  # which a mask may be
    path = tmp_path / f"map.{suffix}"
    save = np.save if suffix == "npy" else lambda path, array: savemat(path, {"map": array})
    for array in (RAMP, RAMP / 255, RAMP * 1.0, RAMP[None], RAMP.astype("i4")):
        save(path, array)
        assert np.array_equal(read_map(path), RAMP) and np.array_equal(read_map(path, "blurred"), 255 - RAMP)
    for wrong in (RAMP - 1.0, RAMP * 2.0, RAMP * np.nan, np.dstack([RAMP] * 3), RAMP * 1j, RAMP[:0]):
        save(path, wrong)
        with pytest.raises(ValueError, match=f"{path}: expected one 2-D array of values from 0 to 1 or from 0 to 255"):
            read_map(path)
    savemat(two := tmp_path / "two.mat", {"map": RAMP, "other": RAMP})
    path.write_bytes(path.read_bytes()[:70])
    for wrong, said in ((two, "expected one"), (path, "not a readable array")):
        with pytest.raises(ValueError, match=f"{wrong}: {said}"):
            read_map(wrong)


def test_a_pair_has_one_size(tmp_path):
    (image := tmp_path / "a.jpg").write_bytes(encoded(np.zeros((80, 48, 3), np.uint8), "JPEG"))
    with pytest.raises(ValueError, match=f"^{image} is 48 x 80, its mask 80 x 48 .* lack .* EXIF"):
        read_pair(image, saved(tmp_path, TRUTH))
    image.write_bytes(encoded(np.zeros((80, 48, 3), np.uint8), "JPEG", exif=EXIF))
    for mask, trimap in ((TRUTH, False), (TRIMAP, True)):
        pixels, truth = read_pair(image, saved(tmp_path, mask), trimap)
        assert pixels.shape == (48, 80, 3) and np.array_equal(truth, mask)
