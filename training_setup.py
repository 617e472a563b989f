"""What a training starts from: its loaders, its network, and the recipe with all sizes said."""

import dataclasses
import hashlib
from contextlib import suppress
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from .data.augmentation import paper_augmentation, strong_augmentation, uncropped
from .data.check import glance, groups, look, report, twins, warn_of_twins
from .data.layouts import Pair, find_sets
from .dataloader import EpochBatches, Samples, make_loader, split_fold, split_validation
from .model import RAN, make_network
from .utils import distributed
from .utils.checkpoint import load_network, state_to_resume
from .utils.options import TrainConfig
from .utils.train_state import TrainState

PART = 2**15  # bytes at both ends of a file that tell it from others


class TrainingData:
    """Loaders of a recipe's training and validation images; under torchrun of this process's share.

    Args:
        config: the recipe.
        trained: names of the training images of a run that is resumed, extra ones too; the others validate.

    Attributes:
        names: of the training images, in order, extra ones last. sets: names of their data sets.
        files: a fingerprint of every image and mask, by name.
        train_images: how many an epoch sees, beside extra ones.
        batches: the order of the training images, see EpochBatches.
        train_loader: batches as Samples makes them.
        val_images: how many validate, over all processes; with none, val_loader is None. A process without a share of
            them has an empty val_loader.
        val_pairs: what val_loader reads, in order.

    Raises:
        FileNotFoundError, ValueError: no data, pairs that cannot be used, or fewer images in a batch than processes.
    """

    def __init__(self, config: TrainConfig, trained: list[str] | None = None):
        rank, size = distributed.rank(), distributed.size()
        if config.batch_size < size:
            raise ValueError(f"--batch_size {config.batch_size} is that of all {size} processes: give at least {size}")
        if config.extra_per_batch >= config.batch_size:
            raise ValueError(f"--extra_per_batch {config.extra_per_batch}: fewer than --batch_size {config.batch_size}")
        sets = find_sets(config.data_path, "train", config.datasets)
        extra_sets = find_sets(config.data_path, "train", config.extra) if config.extra else {}
        if both := sets.keys() & extra_sets.keys():
            raise ValueError(f"--extra {' '.join(sorted(both))}: already among --datasets, which names the main sets")
        pairs = [pair for found in sets.values() for pair in split_fold(found, config.fold)[0]]
        if config.limit:
            pairs = pairs[: config.limit]
        if config.val_share and any(pair.trimap for pair in pairs):
            raise ValueError("sets with trimaps cannot validate: name them by --extra, or give --val_share 0")
        extra = [pair for found in extra_sets.values() for pair in found]
        if trained is None:
            twin_of = look_at_data(config, pairs, extra)
            training, validation = split_validation(pairs, config.val_share, config.seed, twin_of)
        else:
            place = {name: number for number, name in enumerate(trained)}
            training = sorted((pair for pair in pairs if pair.name in place), key=lambda pair: place[pair.name])
            validation = [pair for pair in pairs if pair.name not in place]
        self.sets = sorted({pair.dataset for pair in pairs} | extra_sets.keys())
        self.files = {pair.name: fingerprint(pair) for pair in pairs + extra}
        self.train_images = len(training)
        self.names = [pair.name for pair in training + extra]
        side, augmentation = config.img_size, paper_augmentation()
        if config.augmentation == "strong":
            side, augmentation = uncropped(side), strong_augmentation(side)
        data = Samples(training + extra, side, True, augmentation, config.seed, config.cache_mb)
        of_extra = (len(extra), config.extra_per_batch)
        self.batches = EpochBatches(len(training), config.batch_size, config.seed, rank, size, of_extra)
        self.train_loader = make_loader(data, config.num_workers, batch_sampler=self.batches)
        self.val_loader: DataLoader | None = None
        self.val_pairs = validation[rank::size]
        self.val_images = len(validation)
        if validation:
            side = config.test_size or config.img_size
            held_out = Samples(self.val_pairs, side, cache_mb=config.cache_mb)
            self.val_loader = make_loader(held_out, 0, batch_size=-(-config.batch_size // size))
        distributed.check_same("training and validation images", self.names + [pair.name for pair in validation])


def look_at_data(config: TrainConfig, pairs: list[Pair], extra: list[Pair]) -> dict[str, str]:
    """Looks at all images of a fresh training, says what is odd, and names twins: an image's name, and its twin's.

    Raises:
        ValueError: pairs that cannot be used.
    """
    twin_of: dict[str, str] = {}
    if distributed.rank() == 0:
        looks = look(pairs + extra)
        report(looks)
        main = looks[: len(pairs)]
        warn_of_twins("image(s) show the same photograph as another training image", twins(main))
        for group in groups(looks):
            first = next((found for found in group if found in extra), group[0])  # extra images train in any case
            twin_of |= {found.name: first.name for found in group if found is not first}
        with suppress(FileNotFoundError, ValueError):  # no test set, or one with a fault, which stops no training
            tests = find_sets(config.data_path, "test", [])
            shown = twins(looks, glance([pair for found in tests.values() for pair in found]))
            warn_of_twins("test image(s) are among the training images", shown)
    return dict(distributed.gather([*twin_of.items()]))


def fingerprint(pair: Pair) -> str:
    """A hash of the sizes of an image file and its mask, and of the first and last 32 KB of each."""
    digest = hashlib.blake2b(digest_size=8)
    for path in (pair.image, pair.mask):
        if path.exists() and not path.is_file():
            raise ValueError(f"{path}: a folder, a pipe or the like")
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            digest.update(str(size).encode())
            for place in (0, max(0, size - PART)):
                file.seek(place)
                digest.update(file.read(PART))
    return digest.hexdigest()


class Start:
    """A training's first moment: fresh, from other weights, or from where it was.

    Attributes:
        config: with the sizes that were not given.
        last: the state to go on from, or None.
        before: metadata of the trainings behind --weights, the first one first.

    Raises:
        FileNotFoundError, ValueError: a folder that already holds a run, a state or weights that do not fit.
    """

    def __init__(self, config: TrainConfig):
        self.last = state_to_resume(Path(config.model_path), config)
        self._tuned: RAN | None = None
        metadata: dict = {}
        if config.weights and not self.last:
            self._tuned, metadata = load_network(config.weights)
        self.config = config.with_sizes((self.last or metadata).get("config", {}))
        self.before: list[dict] = []
        if self._tuned:
            if config.fold and metadata["config"].get("fold", 0) != config.fold:
                raise ValueError(f"--fold {config.fold}: {config.weights} has seen these pictures")
            latest = {key: value for key, value in metadata.items() if key not in ("before", "scores")}
            self.before = [*metadata.get("before", []), latest]

    def network(self) -> RAN:
        """The network to train: a fresh one draws its weights from torch's random state."""
        config = self.config
        if self.last:
            return make_network(**self.last["model"])
        if self._tuned:
            self._name_unused(self._tuned)
            return self._tuned
        options = {key: getattr(config, key) for key in ("arch", "attention", "connectivity", "decoder")}
        if config.pretrained == "none":
            return make_network(encoder_norm="group", **options)
        network = make_network(encoder_norm="frozen", **options)
        if lacking := network.encoder.load_pretrained(config.pretrained):
            print(f"{config.pretrained} lacks {', '.join(lacking)}: these layers start fresh")
        return network

    def _name_unused(self, network: RAN) -> None:
        given = dataclasses.asdict(self.config)
        unused = [
            f"--{key} {given[key]} (it has {value})"
            for key, value in network.options.items()
            if key in given and given[key] != value
        ]
        if unused:
            print(f"{self.config.weights} brings its own network; not used: {', '.join(unused)}")


def seed_dropout(config: TrainConfig, epoch: int) -> None:
    """A network with dropout leaves out other units in each process."""
    if rank := distributed.rank():
        torch.manual_seed(config.seed + 1_000_003 * epoch + rank)


def start_line(config: TrainConfig, network: RAN, data: TrainingData, state: TrainState, device: torch.device) -> str:
    """What is about to be trained, on what, and from where on."""
    parameters = sum(p.numel() for p in network.parameters()) / 1e6
    processes = f" x {distributed.size()} processes" if distributed.size() > 1 else ""
    position = f", from {state.position()}" if state.epoch or state.step else ""
    extra = f" ({len(data.names) - data.train_images} extra)" if config.extra else ""
    return (
        f"RAN {network.options['arch']} ({parameters:.1f} M parameters) on {device}{processes}: "
        f"{' + '.join(data.sets)}, {data.train_images} training{extra} and {data.val_images} validation images at "
        f"{config.img_size}, batch {config.batch_size}, at most {config.epochs} epochs "
        f"into {config.model_path}{position}"
    )


def smaller(config: TrainConfig, device: torch.device) -> str:
    """What to try where memory was too short."""
    batch, side = config.batch_size, config.img_size
    can_halve = batch // 2 >= distributed.size()
    options = f"--batch_size {batch // 2}" if can_halve else f"--img_size {max(64, side // 43 * 32)}"
    return f"try {options} in another --model_path (now --batch_size {batch}, --img_size {side} on {device})"
