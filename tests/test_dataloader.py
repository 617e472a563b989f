import dataclasses
import gc
import multiprocessing
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
import torch

from ran.data.augmentation import paper_augmentation
from ran.data.contour import contour_band
from ran.data.images import read_image, write_image
from ran.data.layouts import find_sets
from ran.data.masks import UNKNOWN, read_mask
from ran.data.resizing import resize
from ran.dataloader import EpochBatches, Samples, as_floats, load_sample, make_loader
from tests.processes import ROOT


@pytest.fixture
def pairs(dataset):
    return find_sets(str(dataset), "train", [])["SAMPLE"]


def test_a_sample_is_its_files_resized(pairs):
    sample, mask = Samples(pairs, 64)[1], read_mask(pairs[1].mask)
    assert np.array_equal(sample["image"], resize(read_image(pairs[1].image), 64, 64).transpose(2, 0, 1))
    for key, target in (("mask", mask), ("contour", contour_band(mask))):
        assert np.array_equal(sample[key][0], cv2.resize(target, (64, 64), interpolation=cv2.INTER_NEAREST))
    assert sample["index"] == 1 and np.array_equal(sample["truth"], mask)


def test_augmentation_moves_image_mask_and_contour_together(pairs, monkeypatch):
    """An image that is its own mask must still be that after every transform that moves pixels."""
    data = Samples(pairs, 64, paper_augmentation(), 7)
    mask = load_sample(pairs[0], 64)[0][..., 3]
    monkeypatch.setattr("ran.dataloader.load_sample", lambda *_: (np.dstack([mask] * 5), mask))
    moved = 0
    for epoch in range(30):
        sample = data[(epoch, 0)]
        assert np.array_equal(sample["mask"], sample["contour"]) and set(np.unique(sample["mask"])) <= {0, 255}
        assert ((sample["image"].mean(0) > 100) == (sample["mask"][0] > 100)).mean() > 0.999
        moved += not np.array_equal(sample["mask"][0], mask)
    assert 5 < moved < 25 and "truth" not in sample


def collect(data: Samples, workers: int, batch_size: int) -> dict[str, torch.Tensor]:
    """Two epochs of samples."""
    sampler = EpochBatches(len(data), batch_size, 3)
    loader, batches = make_loader(data, workers, batch_sampler=sampler), []
    for epoch in range(2):
        sampler.epoch = epoch
        batches += list(loader)
    return {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}


def test_augmentation_depends_on_seed_epoch_and_index_alone(pairs, monkeypatch):
    data, other = (Samples(pairs, 64, paper_augmentation(), seed) for seed in (3, 4))
    alone, parallel = collect(data, 0, 2), collect(data, 2, 3)
    monkeypatch.setattr("ran.utils.processes.METHOD", "spawn")  # as on Windows
    spawned = collect(data, 1, 3)
    assert all(torch.equal(alone[key], other[key]) for key in alone for other in (parallel, spawned))
    index, first = alone["index"][0].item(), alone["image"][0]
    data[(5, 0)]
    assert np.array_equal(data[(0, index)]["image"], first)
    for one, epoch in ((data, 1), (other, 0)):  # another epoch, another seed
        assert any(not np.array_equal(data[(0, i)]["image"], one[(epoch, i)]["image"]) for i in range(6))


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


def test_batches_cover_every_index_once_an_epoch_and_extra_images_in_turn():
    batches, own, extra = EpochBatches(7, 4, seed=1, extra=(5, 2)), [], []
    for epoch in range(2):
        batches.epoch = epoch
        assert [len(batch) for batch in batches] == [4, 4, 4, 3] and len(batches) == 4 and [*batches] == [*batches]
        own += [key for batch in batches for key in batch[:-2]]
        extra += [key for batch in batches for key in batch[-2:]]
    assert sorted(own) == [*product(range(2), range(7))] and sorted(extra[:15]) == [*product(range(3), range(7, 12))]
    for keys, length in ((own, 7), (extra, 5)):
        assert [epoch for epoch, _ in keys] == sorted(epoch for epoch, _ in keys)
        assert [i for _, i in keys[:length]] != [i for _, i in keys[length : 2 * length]]  # another order
    assert [*EpochBatches(10, 4, seed=2)] != [*EpochBatches(10, 4, seed=1)]


def test_batches_are_tensors_beside_masks_at_their_own_size(dataset):
    pairs = find_sets(str(dataset), "test", [])["SAMPLE"]
    before = torch.get_rng_state()
    batch = next(iter(make_loader(Samples(pairs, 32), 0, batch_size=3)))
    assert torch.equal(torch.get_rng_state(), before)  # a resumed network with dropout needs the same state
    assert batch["image"].shape == (3, 3, 32, 32) and batch["image"].dtype == torch.uint8
    assert all(np.array_equal(mask, read_mask(pair.mask)) for mask, pair in zip(batch["truth"], pairs, strict=True))
    assert (batch["contour"] == UNKNOWN).all()  # a test computes no loss
    image, mask, _ = as_floats(batch, torch.device("cpu"))
    assert torch.equal(image, batch["image"] / 255) and mask.unique().tolist() == [0, 1]


def test_what_a_trimap_does_not_know_stays_so_and_has_no_contour(pairs, tmp_path):
    trimap, path = read_mask(pairs[0].mask), tmp_path / "trimap.png"
    trimap[:20] = UNKNOWN
    write_image(path, trimap)
    known = dataclasses.replace(pairs[1], trimap=True)
    part = Samples([dataclasses.replace(known, image=pairs[0].image, mask=path), known], 64)
    assert set(np.unique(part[0]["mask"])) == {0, UNKNOWN, 255} and set(np.unique(part[0]["contour"])) == {UNKNOWN}
    assert set(np.unique(part[1]["contour"])) == {0, 255}


def test_a_machine_that_lets_no_process_start_is_told_the_way_out(pairs, monkeypatch):
    monkeypatch.setattr(multiprocessing.context.BaseContext, "Lock", Mock(side_effect=PermissionError(13, "denied")))
    with pytest.raises(OSError, match="no loader process can start here .*denied.; use --num_workers 0"):
        make_loader(Samples(pairs, 64), 1)
    assert len(make_loader(Samples(pairs, 64), 0)) == 6


class Stuck(Samples):
    """Never gives its second sample; writes the file `marker` when it is asked for it."""

    marker: Path

    def __getitem__(self, key):
        if key == 1:
            self.marker.touch()
            time.sleep(1000)
        return super().__getitem__(key)


def test_loader_processes_end_with_their_loader_and_tell_errors_without_a_trace(pairs, tmp_path, monkeypatch):
    """They ignore SIGTERM: without an end of their own a program would wait for them for ever."""
    gone = dataclasses.replace(pairs[0], image=tmp_path / "gone.jpg")
    with pytest.raises(ValueError, match="^[^\\n]*gone.jpg: not a readable image"):
        list(make_loader(Samples([gone, *pairs[1:]], 64), 2))
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.1)  # seconds that torch waits for each
    before, stuck = set(multiprocessing.active_children()), Stuck(pairs, 64)
    stuck.marker = tmp_path / "marker"
    next(iter(loader := make_loader(stuck, 2)))
    while not stuck.marker.exists():
        time.sleep(0.1)
    started = set(multiprocessing.active_children()) - before
    assert len(started) == 2
    del loader
    gc.collect()
    for process in started:
        process.join(60)
        assert not process.is_alive()


def test_a_process_that_is_set_up_ends_with_a_killed_parent():
    """The server that forks it lives as long as it does: it cannot wait for the server's end."""
    parent = "import main, sys; from ran.utils.processes import start_method\n"
    parent += "start_method().Process(target=exec, args=(sys.argv[1],)).start()"
    child = "import main, time, ran.utils.processes as ours\nours.set_up()\nprint('up', flush=True)\ntime.sleep(300)"
    with subprocess.Popen([sys.executable, "-c", parent, child], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        process.kill()
        assert process.communicate(timeout=60) == (b"", None)  # the pipe ends with the last process that writes to it
