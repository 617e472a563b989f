"""Which images train, which validate, and their loaders."""

import hashlib
from contextlib import suppress

from .data.augmentation import paper_augmentation, strong_augmentation, uncropped
from .data.check import look, report, twins, warn_of_twins
from .data.layouts import Pair, find_sets
from .data.names import listing
from .dataloader import EpochBatches, Samples, make_loader
from .utils import distributed
from .utils.options import FOLDS, TrainConfig
from .utils.progress import say


def split_fold(pairs: list[Pair], fold: int) -> tuple[list[Pair], list[Pair]]:
    """Splits a set's training pairs into those that stay and one of five fixed parts; fold 0 leaves out none.

    The parts depend on the pairs' order alone: recipes are compared on the same images.

    Raises:
        ValueError: no such part, or fewer pairs than parts.
    """
    from sklearn.model_selection import KFold

    if fold == 0:
        return pairs, []
    if not 1 <= fold <= FOLDS or len(pairs) < FOLDS:
        raise ValueError(f"--fold {fold}: expected 1 to {FOLDS}, with at least {FOLDS} images, or 0 for all")
    stay, out = list(KFold(FOLDS, shuffle=True, random_state=42).split(pairs))[fold - 1]
    return [pairs[i] for i in stay], [pairs[i] for i in out]


def split_validation(
    pairs: list[Pair], share: float, seed: int, earlier: list[str], twin_of: dict[str, str]
) -> tuple[list[Pair], list[Pair]]:
    """Splits pairs into training and validation, each in their order; an image and its twins come to the same side.

    Args:
        share: of the pairs, for validation; at least one pair.
        earlier: names of the images that validated before: if some of them are here, they validate again, else a
            share is drawn.
        twin_of: see look_at_data. Twins of images that are none of the pairs train.

    Raises:
        ValueError: too few pairs.
    """
    from sklearn.model_selection import train_test_split

    original = {pair.name: twin_of.get(pair.name, pair.name) for pair in pairs}
    held_out = {original[name] for name in earlier if name in original} & original.keys()
    if not held_out:
        free = [name for name, first in original.items() if name == first]
        count = min(max(1, round(share * len(free))), len(free) - 1)
        if count < 1:
            raise ValueError(
                f"{len(free)} training image(s): validation needs one of at least two; or use --val_share 0"
            )
        _, held_out = train_test_split(free, test_size=count, random_state=seed)
    training = [pair for pair in pairs if original[pair.name] not in held_out]
    return training, [pair for pair in pairs if original[pair.name] in held_out]


def chosen_pairs(config: TrainConfig) -> tuple[list[Pair], list[Pair], list[Pair], list[Pair]]:
    """Pairs that a recipe names: main, extra and validation sets, and what --fold leaves out.
    Raises FileNotFoundError or ValueError: sets that are missing, named twice, or cannot validate.
    """
    sets = find_sets(config.data_path, "train", config.datasets)
    extra = find_sets(config.data_path, "train", config.extra) if config.extra else {}
    val = find_sets(config.data_path, "train", [config.val]) if config.val else {}
    if not config.datasets:  # all others that are there
        sets = {name: pairs for name, pairs in sets.items() if name not in val and name not in extra}
    if twice := sets.keys() & extra.keys() | (sets.keys() | extra.keys()) & val.keys():
        raise ValueError(f"{', '.join(sorted(twice))}: named twice by datasets, extra and val")
    if not sets:
        raise ValueError(f"{config.data_path}: no training set beside those of extra and val")
    parts = [split_fold(found, config.fold) for found in sets.values()]
    main, left_out = ([pair for part in side for pair in part] for side in zip(*parts))
    validating = sum(val.values(), [])
    if any(pair.trimap for pair in validating or main * bool(config.val_share)):
        raise ValueError("sets with trimaps cannot validate: name them by extra in a recipe, or use --val_share 0")
    return main, sum(extra.values(), []), validating, left_out


def look_at_data(data_path: str, *parts: list[Pair]) -> dict[str, str]:
    """Looks at main, extra and validation pairs, and says what is odd; returns the name of each twin's original.
    Raises ValueError: pairs that cannot be used.
    """
    twin_of: dict[str, str] = {}
    if distributed.rank() == 0:
        main, extra, val = map(look, parts)
        say(report(main + extra + val))
        say(warn_of_twins("training image(s) are copies of another one", twins(main)))
        say(warn_of_twins("validation image(s) are among the training images", twins(main + extra, val)))
        for original, copy in twins(extra + main):  # extra images train in any case: they are the originals
            twin_of[copy.pair.name] = twin_of.get(original.pair.name, original.pair.name)
        with suppress(FileNotFoundError, ValueError):  # no test set, or one with a fault, which stops no training
            tests = find_sets(data_path, "test", [])
            same = twins(main + extra + val, look([pair for found in tests.values() for pair in found], masks=False))
            say(warn_of_twins("test image(s) are among the training images", same))
    return dict(distributed.gather([*twin_of.items()]))


def fingerprint(pair: Pair) -> str:
    """A hash of what the files of a pair hold."""
    return hashlib.blake2b(pair.image.read_bytes() + pair.mask.read_bytes(), digest_size=8).hexdigest()


def may_have_seen(trained: dict, pair: Pair) -> bool:
    """Whether one of the trainings behind weights, by their metadata, may have seen the image of a pair."""
    stages = [trained, *trained.get("before", ()), *trained.get("averaged", ())]
    return any(pair.dataset in x.get("datasets", ()) and pair.name not in x.get("validation", ()) for x in stages)


class TrainingData:
    """Loaders of a recipe's training and validation images; under torchrun of this process's share.

    Args:
        config: the recipe.
        last: state of a run that is resumed, or None. trained: metadata of the weights that it starts from, or empty.

    Attributes:
        names: those of the training images, in order, extra ones last. sets: names of their data sets.
        left_out: names of the images that --fold leaves out.
        files: a fingerprint of every pair, by name.
        batches: the order of the training images, see EpochBatches.
        train_loader: batches as Samples makes them.
        validation: pairs that validate. val_pairs: this process's share of them, which val_loader reads in order.

    Raises:
        FileNotFoundError, ValueError: no data, pairs that cannot be used or have changed, or a batch that the processes
            cannot share.
    """

    def __init__(self, config: TrainConfig, last: dict | None, trained: dict):
        rank, size = distributed.rank(), distributed.size()
        if config.batch_size % size:
            raise ValueError(f"--batch_size {config.batch_size}: must be a multiple of the {size} processes")
        training, extra, self.validation, left_out = chosen_pairs(config)
        twin_of = {} if last else look_at_data(config.data_path, training, extra, self.validation)
        self.files = {pair.name: fingerprint(pair) for pair in training + extra + self.validation}
        if last and (changed := sorted({name for name, _ in self.files.items() ^ last["files"].items()})):
            where = f"{config.model_path} was trained on other images than {config.data_path} has"
            advice = "restore the old files, or start from its weights with --weights and another --model_path"
            raise ValueError(f"{where}, {len(changed)} pair(s): {listing(changed)}; {advice}")
        self.sets = sorted({pair.dataset for pair in training + extra})
        if config.val_share and not self.validation:
            earlier = (last or trained).get("validation", [])
            training, self.validation = split_validation(training, config.val_share, config.seed, earlier, twin_of)
        if trained and (seen := [pair for pair in self.validation if may_have_seen(trained, pair)]):
            count = f"{len(seen)} of {len(self.validation)} validation images may be among the training images of"
            print(f"WARNING: {count} {config.weights}; --val NAME validates on another set")
        self.names = [pair.name for pair in training + extra]
        self.left_out = [pair.name for pair in left_out]
        distributed.check_same("training and validation images", self.names + [pair.name for pair in self.validation])
        side, augmentation = config.img_size, paper_augmentation()
        if config.augmentation == "strong":
            side, augmentation = uncropped(side), strong_augmentation(side)
        data = Samples(training + extra, side, augmentation, config.seed)
        of_extra = (len(extra), config.extra_per_batch if extra else 0)
        self.batches = EpochBatches(len(training), config.batch_size, config.seed, rank, size, of_extra)
        self.train_loader = make_loader(data, config.num_workers, batch_sampler=self.batches)
        self.val_pairs = self.validation[rank::size]
        held_out = Samples(self.val_pairs, config.test_size or config.img_size)
        self.val_loader = make_loader(held_out, config.num_workers, batch_size=config.batch_size // size)
