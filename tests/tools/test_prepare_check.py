"""`prepare --check` on folders that were spoilt in one way each."""

import shutil

import cv2
import numpy as np
import pytest

from ran.tools import prepare
from ran.utils.tool_options import PrepareOptions


def check(data_path):
    prepare.run(PrepareOptions(data_path=str(data_path), check=True))


def test_check_passes_what_prepare_wrote_and_writes_nothing(dataset, capsys):
    before = {path: path.read_bytes() for path in dataset.rglob("*.*")}
    check(dataset)
    assert {path: path.read_bytes() for path in dataset.rglob("*.*")} == before
    assert "Train/SAMPLE: 6 pairs, 0 problem(s)" in capsys.readouterr().out


def spoil_partner(d):
    (d / "SAMPLE/Test/masks/test_006.png").unlink()
    return "test_006.jpg: no partner"


def spoil_size(d):
    cv2.imwrite(str(d / "Train/SAMPLE/masks/train_001.png"), np.zeros((9, 9), np.uint8))
    return "train_001.jpg is 96 x 64, its mask 9 x 9"


def spoil_grey(d):
    mask = np.tile(np.arange(96, dtype=np.uint8) // 48 * 255, (64, 1))
    mask[:, 47], mask[:, 48] = 90, 160
    cv2.imwrite(str(d / "SAMPLE/Test/masks/test_006.png"), mask)
    return "test_006.png: grey values"


def spoil_matte(d):
    cv2.imwrite(str(d / "SAMPLE/Test/masks/test_006.png"), np.full((64, 96), 90, np.uint8))
    return "test_006.png: not a readable image (levels 90: not two classes; save it in black and white)"


def spoil_polarity(d):
    for path in (d / "SAMPLE/Test/masks").iterdir():
        cv2.imwrite(str(path), 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    return "WARNING: THE MASKS LOOK INVERTED: in 3 of 3 pairs the part called in focus has less detail than the other"


def spoil_contour(d):
    shutil.copy(d / "Train/SAMPLE/contour/train_003.png", d / "Train/SAMPLE/contour/train_004.png")
    contour = d / "Train/SAMPLE/contour/train_004.png"
    return f"contours that are not those of their masks; prepare makes them: {contour}"


def spoil_lost_contour(d):
    (d / "Train/SAMPLE/contour/train_005.png").unlink()
    return f"train_005.jpg: no partner in {d / 'Train/SAMPLE/contour'}"


def spoil_split(d):
    """A training photograph, at another size and quality and under another name, among the test images."""
    copy = cv2.resize(cv2.imread(str(d / "Train/SAMPLE/images/train_002.jpg")), (80, 80))
    cv2.imwrite(str(d / "SAMPLE/Test/images/new.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 80])
    mask = cv2.imread(str(d / "Train/SAMPLE/masks/train_002.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(d / "SAMPLE/Test/masks/new.png"), cv2.resize(mask, (80, 80), interpolation=cv2.INTER_NEAREST))
    return "new.jpg: the same photograph as"


def spoil_twin(d):
    """The same photograph, smaller, in another training set."""
    for part in ("images", "masks"):
        (d / "Train/PACK" / part).mkdir(parents=True)
    names = ("images/train_002.jpg", "masks/train_002.png")
    image, mask = (cv2.imread(str(d / "Train/SAMPLE" / name)) for name in names)
    cv2.imwrite(str(d / "Train/PACK/images/7.jpg"), cv2.resize(image, (48, 48)))
    cv2.imwrite(str(d / "Train/PACK/masks/7.png"), cv2.resize(mask, (48, 48), interpolation=cv2.INTER_NEAREST))
    return "7.jpg of another set"


def spoil_empty_contours(d):
    shutil.rmtree(d / "Train/SAMPLE/contour")
    (d / "Train/SAMPLE/contour").mkdir()
    for number in (1, 2, 3, 4, 5):
        for part, suffix in (("images", "jpg"), ("masks", "png")):
            (d / f"Train/SAMPLE/{part}/train_00{number}.{suffix}").unlink()
    return f"train_000.jpg: no partner in {d / 'Train/SAMPLE/contour'}"


def spoil_doubled_contour(d):
    shutil.copy(d / "Train/SAMPLE/contour/train_003.png", d / "Train/SAMPLE/contour/train_003.tif")
    return "train_003.png: doubled stem"


def spoil_orphan_contour(d):
    shutil.copy(d / "Train/SAMPLE/contour/train_003.png", d / "Train/SAMPLE/contour/train_9.png")
    return "train_9.png: no partner"


def spoil_all_masks(d):
    for path in (d / "SAMPLE/Test/masks").iterdir():
        cv2.imwrite(str(path), np.zeros((64, 96), np.uint8))
    return "3 of 3 masks hold one class only"


def spoil_all(d):
    shutil.rmtree(d)
    return "neither Train/NAME/images nor NAME/Test/images"


@pytest.mark.parametrize(
    "harm", [spoil_partner, spoil_size, spoil_grey, spoil_matte, spoil_polarity, spoil_contour,
             spoil_lost_contour, spoil_split, spoil_twin,
             spoil_empty_contours, spoil_doubled_contour, spoil_orphan_contour, spoil_all_masks,
             spoil_all],
)  # fmt: skip
def test_check_names_what_is_wrong(dataset, tmp_path, harm):
    shutil.copytree(dataset, tmp_path / "d")
    message = harm(tmp_path / "d")
    with pytest.raises(ValueError) as error:
        check(tmp_path / "d")
    assert message in str(error.value)
    assert str(error.value).startswith("1 problem(s)")
