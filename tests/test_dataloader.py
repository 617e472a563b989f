import dataclasses
import gc
import multiprocessing
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from ran.data.augmentation import paper_augmentation
from ran.data.contour import contour_band
from ran.data.images import write_image
from ran.data.layouts import find_sets
from ran.data.masks import UNKNOWN, read_mask
from ran.data.resizing import resize
from ran.dataloader import (
    EpochBatches,
    Samples,
    load_sample,
    make_loader,
)
from ran.model.connectivity import connectivity_target

ROOT = Path(__file__).parent.parent


@pytest.fixture
def pairs(dataset):
    return find_sets(str(dataset), "train", [])["SAMPLE"]


def test_contour_is_computed_when_the_folder_is_absent(dataset, tmp_path, pairs):
    shutil.copytree(dataset, tmp_path / "d")
    shutil.rmtree(tmp_path / "d/Train/SAMPLE/contour")
    without = find_sets(str(tmp_path / "d"), "train", [])["SAMPLE"]
    assert without[0].contour is None
    for with_file, computed in zip(pairs, without):
        assert all(np.array_equal(a, b) for a, b in zip(load_sample(with_file, 64), load_sample(computed, 64)))


def test_contours_that_do_not_fit_are_named(dataset, tmp_path):
    shutil.copytree(dataset, tmp_path / "d")
    contours = tmp_path / "d/Train/SAMPLE/contour"
    cv2.imwrite(str(contours / "train_000.png"), np.zeros((7, 7), np.uint8))
    pair = find_sets(str(tmp_path / "d"), "train", [])["SAMPLE"][0]
    with pytest.raises(ValueError, match="train_000.png: its size differs"):
        load_sample(pair, 64)
    cv2.imwrite(str(contours / "train_000.bmp"), np.zeros((64, 96), np.uint8))
    with pytest.raises(ValueError, match="train_000.bmp: doubled stem"):
        find_sets(str(tmp_path / "d"), "train", [])


def test_samples_are_the_files_resized(pairs):
    sample = Samples(pairs, 64, True)[1]
    assert sample["image"].shape == (3, 64, 64) and sample["image"].dtype == torch.uint8
    mask = cv2.resize(read_mask(pairs[1].mask), (64, 64), interpolation=cv2.INTER_NEAREST)
    contour = cv2.resize(contour_band(read_mask(pairs[1].mask)), (64, 64), interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(sample["mask"][0], mask) and np.array_equal(sample["contour"][0], contour)
    assert sample["index"] == 1 and "truth" not in sample


def test_augmentation_moves_image_mask_and_contour_together(pairs, monkeypatch):
    """An image that is its own mask must still be that after every transform that moves pixels."""
    data = Samples(pairs, 64, True, paper_augmentation(), 7)
    mask = load_sample(pairs[0], 64)[0][..., 3]
    monkeypatch.setattr("ran.dataloader.load_sample", lambda *_: (np.dstack([mask] * 5), mask))
    moved = 0
    for epoch in range(30):
        sample = data[(epoch, 0)]
        assert torch.equal(sample["mask"], sample["contour"])
        assert set(sample["mask"].unique().tolist()) <= {0, 255}
        image = sample["image"].float().mean(0)
        assert ((image > 100) == (sample["mask"][0] > 100)).float().mean() > 0.999
        moved += not np.array_equal(sample["mask"][0], mask)
    assert 5 < moved < 25


def test_connectivity_follows_the_moved_contour(pairs):
    """Direction maps made before a flip would point the wrong way: they are made last."""
    contour = (Samples(pairs, 64, True)[0]["contour"].float() / 255)[None]
    flipped_after = connectivity_target(contour).flip(-1)
    of_flipped = connectivity_target(contour.flip(-1))
    assert not torch.equal(flipped_after, of_flipped)
    assert torch.equal(flipped_after[:, [2, 1, 0, 4, 3, 7, 6, 5]], of_flipped)


def collect(data, workers, sampler=None, batch_size=2):
    sampler = sampler or EpochBatches(len(data), batch_size, 3)
    loader = make_loader(data, workers, batch_sampler=sampler)
    batches = []
    for epoch in range(2):
        sampler.epoch = epoch
        batches += list(loader)
    return {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}


def test_augmentation_does_not_depend_on_workers_or_order(pairs):
    data = Samples(pairs, 64, True, paper_augmentation(), 3)
    alone, parallel = collect(data, 0), collect(data, 2, batch_size=3)
    assert all(torch.equal(alone[key], parallel[key]) for key in alone)
    index, first = alone["index"][0].item(), alone["image"][0]
    data[(5, 0)]
    assert torch.equal(data[(0, index)]["image"], first)
    assert not torch.equal(alone["image"][:6], alone["image"][6:])


def test_another_seed_and_epoch_give_another_picture(pairs):
    data = Samples(pairs, 64, True, paper_augmentation(), 3)
    other = Samples(pairs, 64, True, paper_augmentation(), 4)
    assert any(not torch.equal(data[(0, i)]["image"], data[(1, i)]["image"]) for i in range(6))
    assert any(not torch.equal(data[(0, i)]["image"], other[(0, i)]["image"]) for i in range(6))


def test_batches_cover_every_index():
    batches = EpochBatches(10, 4, seed=1)
    whole = list(batches)
    assert [len(batch) for batch in whole] == [4, 4, 2] and len(batches) == 3
    assert sorted(index for batch in whole for _, index in batch) == list(range(10))
    assert {epoch for batch in whole for epoch, _ in batch} == {0} and list(batches) == whole
    assert list(EpochBatches(10, 4, seed=2)) != whole
    batches.epoch = 1
    assert list(batches) != whole


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("length, extra", [(8, (0, 0)), (9, (0, 0)), (10, (0, 0)), (7, (5, 1)), (8, (3, 2))])
def test_processes_get_equal_shares_of_each_batch(size, length, extra):
    """The last batch repeats some images, as torch's sampler does, so that its shares are equal, too."""
    whole = list(EpochBatches(length, 4, seed=1, extra=extra))
    shares = [list(EpochBatches(length, 4, seed=1, rank=rank, size=size, extra=extra)) for rank in range(size)]
    assert {len(share) for share in shares} == {len(whole)}  # or one would wait for ever
    for batch, *parts in zip(whole, *shares):
        assert {len(part) for part in parts} == {-(-len(batch) // size)}
        shared = sum(parts, [])
        assert set(shared) == set(batch) and len(shared) - len(batch) < size


def test_test_batches_have_the_masks_at_their_own_size(dataset):
    pairs = find_sets(str(dataset), "test", [])["SAMPLE"]
    batch = next(iter(make_loader(Samples(pairs, 32), 0, batch_size=3)))
    assert batch["image"].shape == (3, 3, 32, 32) and batch["image"].dtype == torch.uint8
    assert all(np.array_equal(mask, read_mask(pair.mask)) for mask, pair in zip(batch["truth"], pairs, strict=True))


def test_resize_averages_when_it_shrinks():
    checks = np.indices((64, 64)).sum(0).astype(np.uint8) % 2 * 255
    assert np.ptp(resize(checks, 16, 16)) <= 1
    assert resize(checks[:4, :4], 9, 7).shape == (7, 9)


def test_every_batch_gets_its_share_of_extra_pictures_in_turn():
    batches = EpochBatches(7, 4, seed=1, extra=(5, 2))
    assert len(batches) == 4  # 7 pictures by twos, the last one alone
    seen, extras, turns = [], [], []
    for epoch in range(2):
        batches.epoch = epoch
        for batch in batches:
            indices = [index for _, index in batch]
            seen += indices[:-2]
            extras += indices[-2:]
            turns += [turn for turn, _ in batch[-2:]]
            assert max(indices[:-2]) < 7 <= min(indices[-2:])
    assert sorted(seen) == sorted([*range(7)] * 2)
    for turn in (extras[:5], extras[5:10]):
        assert sorted(turn) == [7, 8, 9, 10, 11]
    assert extras[:5] != extras[5:10] and turns == [0] * 5 + [1] * 5 + [2] * 5 + [3]  # each augments them anew


def test_trimaps_are_read_where_they_are_named(dataset, tmp_path):
    """What is unknown stays so, no contour is made of it, and a training takes such a set only by its name."""
    folder = tmp_path / "Train/PART"
    shutil.copytree(dataset / "Train/SAMPLE/images", folder / "images")
    shutil.copytree(dataset / "Train/SAMPLE/masks", folder / "trimaps")
    path = min((folder / "trimaps").iterdir())
    trimap = read_mask(path)
    trimap[:20] = UNKNOWN
    write_image(path, trimap)
    with pytest.raises(FileNotFoundError, match="no data set"):
        find_sets(str(tmp_path), "train", [])
    part = Samples(find_sets(str(tmp_path), "train", ["PART"])["PART"], 64, True)
    assert set(part[0]["mask"].unique().tolist()) == {0, UNKNOWN, 255}
    assert set(part[0]["contour"].unique().tolist()) == {UNKNOWN}
    assert set(part[1]["contour"].unique().tolist()) <= {0, 255}
    trimap[0, :3] = 7, 90, 200
    write_image(path, trimap)
    with pytest.raises(ValueError, match=r"trimap holds only 0, 128 and 255; this one also holds \[7, 90, 200\]"):
        part[0]


def test_loader_processes_end_with_their_loader_also_after_an_error(pairs, tmp_path):
    """They ignore SIGTERM: without an end of their own a program would wait for them for ever."""
    before = set(multiprocessing.active_children())
    loader = make_loader(Samples([dataclasses.replace(pairs[0], image=tmp_path / "gone.jpg"), *pairs[1:]], 64, True), 2)
    with pytest.raises(ValueError, match="gone.jpg"):
        list(loader)
    started = set(multiprocessing.active_children()) - before
    assert len(started) == 2
    del loader
    gc.collect()
    for process in started:
        process.join(60)
        assert not process.is_alive()
