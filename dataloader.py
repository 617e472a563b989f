"""Folders -> samples -> batches."""

import warnings
import weakref
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from .data.contour import contour_band
from .data.layouts import Pair
from .data.masks import UNKNOWN, read_pair
from .data.resizing import resize
from .utils.processes import set_up, start_method

# A machine may have fewer processors than loader processes, which also wait for its disk.
warnings.filterwarnings("ignore", "This DataLoader will create")
cv2.setNumThreads(0)  # several loader processes share the processors
# What a training sample depends on, beside the seed: (epoch, index), or for extra images (turn, index).
Key = tuple[int, int]


def load_sample(pair: Pair, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and targets at the network's size, size x size x 5 uint8 (RGB, mask, contour), and the mask as it is,
    H x W uint8; targets are 0, 255, or 128 = unknown.

    The contour is made from the mask at its native size, and unknown where a part of the mask is. Both are resized by
    nearest neighbour.
    """
    image, mask = read_pair(pair.image, pair.mask, trimap=pair.trimap)
    has_contour = not pair.is_test and not (mask == UNKNOWN).any()  # a test computes no loss
    contour = contour_band(mask) if has_contour else np.full_like(mask, UNKNOWN)
    targets = [cv2.resize(target, (size, size), interpolation=cv2.INTER_NEAREST) for target in (mask, contour)]
    return np.dstack([resize(image, size, size), *targets]), mask


def reseed(transform: Any, seeds: np.random.SeedSequence) -> None:
    """Gives every transform of a tree a random stream of its own.

    Compose.set_random_seed gives all of them the same seed, so that all groups would be applied together or not at
    all, and a rotation's angle would follow from the choice to rotate.
    """
    transform.set_random_seed(int(seeds.generate_state(1)[0]))
    # A colour transform has functions under this name.
    children = [x for x in getattr(transform, "transforms", ()) if hasattr(x, "set_random_seed")]
    for child, child_seeds in zip(children, seeds.spawn(len(children))):
        reseed(child, child_seeds)


class Samples(Dataset):
    """Samples of pairs at the network's size, uint8: augmented for training, else with the mask as it is beside them.

    Args:
        pairs: what to read, see find_sets.
        size: side of the square that images are resized to, pixels; an augmentation may crop smaller samples.
        augmentation: of training, an albumentations transform, see data.augmentation.
        seed: seed of the augmentation, which depends on (seed, epoch, index) alone.
    """

    def __init__(self, pairs: list[Pair], size: int, augmentation: Any = None, seed: int = 0):
        self.pairs, self.size, self.augmentation, self.seed = pairs, size, augmentation, seed

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key | int) -> dict[str, Any]:
        """Sample of (epoch, index): image 3 x size x size, mask and contour 1 x size x size, index.

        Without augmentation also truth, H x W uint8, the mask at its own size.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        sample, truth = load_sample(self.pairs[index], self.size)
        if self.augmentation:
            reseed(self.augmentation, np.random.SeedSequence([self.seed, epoch, index]))
            image, targets = np.ascontiguousarray(sample[..., :3]), np.ascontiguousarray(sample[..., 3:])
            augmented = self.augmentation(image=image, mask=targets)
            sample = np.dstack([augmented["image"], augmented["mask"]])
        image, mask, contour = np.split(np.ascontiguousarray(sample.transpose(2, 0, 1)), (3, 4))
        parts = {"image": image, "mask": mask, "contour": contour, "index": np.array(index)}
        return parts if self.augmentation else parts | {"truth": truth}


def stack(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch: each part stacked; truths, which may differ in size, as a list.

    Arrays leave a loader process through a pipe. Tensors would need shared memory, of which a container has 64 MB.
    """
    parts = {key: [sample[key] for sample in samples] for key in samples[0]}
    return {key: values if key == "truth" else np.stack(values) for key, values in parts.items()}


class EpochBatches(Sampler[list[Key]]):
    """Batches of an epoch, every index once, in an order that depends on (seed, epoch) alone.

    Indices from `length` on are those of extra images: each batch gets as many of them, in turn, all epochs through.
    Each process gets an equal share of every batch; where the last one is too small for that, images are repeated.

    Args:
        length: number of samples. batch_size: size of the whole batch, over all processes.
        rank, size: number of this process and how many there are.
        extra: number of extra images, and how many of each batch they are.
    """

    def __init__(
        self, length: int, batch_size: int, seed: int, rank: int = 0, size: int = 1, extra: tuple[int, int] = (0, 0)
    ):
        self.length, self.seed, self.rank, self.size = length, seed, rank, size
        self.extra, self.extra_per_batch = extra
        self.own_per_batch = batch_size - self.extra_per_batch
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.length // self.own_per_batch)

    def __iter__(self):
        order, number = self._shuffled(self.length, self.epoch), self.epoch * len(self) * self.extra_per_batch
        for start in range(0, self.length, self.own_per_batch):
            batch = [(self.epoch, index) for index in order[start : start + self.own_per_batch]]
            for _ in range(self.extra_per_batch):
                turn, place = divmod(number, self.extra)  # an extra image is augmented anew in each turn
                batch.append((turn, self.length + self._shuffled(self.extra, -1 - turn)[place]))
                number += 1
            share = -(-len(batch) // self.size)
            yield (batch * self.size)[: share * self.size][self.rank :: self.size]

    def _shuffled(self, length: int, number: int) -> list[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        return torch.randperm(length, generator=generator).tolist()


def as_floats(batch: dict[str, torch.Tensor], device: torch.device) -> tuple[torch.Tensor, ...]:
    """Image, mask and contour of a batch of Samples on a device, in [0, 1]; what is unknown lies between."""
    parts = (batch[key].to(device) for key in ("image", "mask", "contour"))
    return tuple(part.float() / 255 for part in parts)


class Loader(DataLoader):
    """A DataLoader whose processes end with it, and whose errors come without the stack trace that torch adds."""

    _end: weakref.finalize | None = None

    def __iter__(self):
        iterator = super().__iter__()
        if self.num_workers and not self._end:
            self._end = weakref.finalize(self, _end_processes, iterator)  # also at the end of the program
        try:
            for batch in iterator:
                yield {key: part if key == "truth" else torch.from_numpy(part) for key, part in batch.items()}
        except (ValueError, OSError) as error:
            kind = OSError if isinstance(error, OSError) else ValueError
            raise kind(str(error).rsplit(f"\n{type(error).__name__}: ", 1)[-1].strip()) from None


def _end_processes(iterator: Any) -> None:
    """Asks loader processes to end, and kills those that do not: they ignore the SIGTERM that Python would send."""
    iterator._shutdown_workers()
    for process in iterator._workers:
        process.kill()


def make_loader(dataset: Samples, workers: int, **options) -> DataLoader:
    """DataLoader whose processes outlive an epoch and leave Ctrl-C and SIGTERM to the main process.

    It has a random generator of its own: an iterator's start would draw from the global one, which a network with
    dropout needs in the same state after a resumption.
    """
    workers, context = min(workers, len(dataset)), None
    if workers:
        context = start_method()
        try:
            context.Lock()  # which every loader process needs, and a container may not allow
        except OSError as error:
            raise OSError(f"no loader process can start here ({error}); use --num_workers 0") from None
    return Loader(
        dataset,
        num_workers=workers,
        multiprocessing_context=context,
        persistent_workers=workers > 0,
        worker_init_fn=set_up,
        collate_fn=stack,
        generator=torch.Generator(),
        **options,
    )
