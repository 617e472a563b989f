"""Which images train, which validate, and their loaders."""

from contextlib import suppress
from typing import NamedTuple

from .data.augmentation import paper_augmentation, strong_augmentation, uncropped
from .data.check import glance, groups, look, report, twins, warn_of_twins
from .data.layouts import Pair, find_sets
from .dataloader import EpochBatches, Samples, make_loader
from .utils import distributed
from .utils.files import fingerprint
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
    if fold > FOLDS or len(pairs) < FOLDS:
        raise ValueError(f"--fold {fold}: expected 1 to {FOLDS}, with at least {FOLDS} images, or 0 for all")
    stay, out = list(KFold(FOLDS, shuffle=True, random_state=42).split(pairs))[fold - 1]
    return [pairs[i] for i in stay], [pairs[i] for i in out]


def split_validation(
    pairs: list[Pair], share: float, seed: int, twin_of: dict[str, str] | None = None
) -> tuple[list[Pair], list[Pair]]:
    """Splits pairs into training and validation, each in their order; at least one validates when share > 0.

    Args:
        twin_of: for an image that shows the same photograph as another one, its name and that of the other one: both
            come to the same side, and to training where the other one is none of the pairs.
    """
    from sklearn.model_selection import train_test_split

    if share == 0:
        return pairs, []
    groups = [(twin_of or {}).get(pair.name, pair.name) for pair in pairs]
    free = [pair.name for pair, group in zip(pairs, groups) if pair.name == group]
    if len(free) < 2:
        raise ValueError(f"{len(free)} training image(s): validation needs one of at least two; or use --val_share 0")
    _, held_out = train_test_split(
        free, test_size=min(max(1, round(share * len(free))), len(free) - 1), random_state=seed
    )
    parts: tuple[list[Pair], list[Pair]] = [], []
    for pair, group in zip(pairs, groups):
        parts[group in held_out].append(pair)
    return parts


class Chosen(NamedTuple):
    """Pairs that a recipe names: main, extra and validation sets, and what --fold leaves out."""

    main: list[Pair]
    extra: list[Pair]
    val: list[Pair]
    left_out: list[Pair]


def chosen_pairs(config: TrainConfig) -> Chosen:
    """Finds the sets of a recipe.

    Raises:
        FileNotFoundError, ValueError: no such set, or one named twice, or one that cannot validate.
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
    chosen = Chosen(main, sum(extra.values(), []), sum(val.values(), []), left_out)
    if any(pair.trimap for pair in chosen.val or chosen.main * bool(config.val_share)):
        raise ValueError(
            "sets with trimaps cannot validate: name them by extra in a recipe file, or give --val_share 0"
        )
    return chosen


def look_at_data(chosen: Chosen, data_path: str) -> dict[str, str]:
    """Looks at all images of a fresh training, says what is odd, and names twins: an image's name, and its twin's.

    Raises:
        ValueError: pairs that cannot be used.
    """
    twin_of: dict[str, str] = {}
    if distributed.rank() == 0:
        looks = look(chosen.main + chosen.extra + chosen.val)
        remarks = report(looks)
        main, training = looks[: len(chosen.main)], looks[: len(chosen.main + chosen.extra)]
        remarks += warn_of_twins("training image(s) are copies of another one", twins(main))
        same = twins(training, looks[len(training) :])
        remarks += warn_of_twins("validation image(s) are among the training images", same)
        for group in groups(training):
            first = next((x for x in group if x in chosen.extra), group[0])  # extra images train in any case
            twin_of |= {found.name: first.name for found in group if found is not first}
        with suppress(FileNotFoundError, ValueError):  # no test set, or one with a fault, which stops no training
            tests = find_sets(data_path, "test", [])
            same = twins(looks, glance([pair for found in tests.values() for pair in found]))
            remarks += warn_of_twins("test image(s) are among the training images", same)
        say(remarks)
    return dict(distributed.gather([*twin_of.items()]))


def check_unchanged(files: dict[str, str], stored: dict[str, str], source: str) -> None:
    """Compares fingerprints of images and masks with those of a run that is resumed.

    Raises:
        ValueError: other images, or changed files, which it names.
    """
    if files.keys() != stored.keys():
        raise ValueError(f"{source}: it was trained on other images")
    if changed := [name for name in sorted(files) if files[name] != stored[name]]:
        shown = f"{', '.join(changed[:5])}{' ...' if changed[5:] else ''}"
        advice = "restore the old files, or start from its weights with --weights and another --model_path"
        raise ValueError(f"{source}: {len(changed)} pair(s) have changed since then: {shown}; {advice}")


def divide(
    config: TrainConfig, chosen: Chosen, last: dict | None, trained: dict, twin_of: dict[str, str]
) -> tuple[list[Pair], list[Pair]]:
    """Which pairs of the main sets train, and which pairs validate.

    A set of its own validates, or the images that did so before: those of the run that is resumed, or with --weights
    those of the training before, each with its twins. Else a share is split off.

    Args:
        last, trained, twin_of: see TrainingData and look_at_data.
    """
    if chosen.val or not config.val_share:
        return chosen.main, chosen.val
    groups = {pair.name: twin_of.get(pair.name, pair.name) for pair in chosen.main}
    earlier = {groups[name] for name in (last or trained).get("validation", ()) if name in groups}
    if not earlier:
        return split_validation(chosen.main, config.val_share, config.seed, twin_of)
    parts: tuple[list[Pair], list[Pair]] = [], []
    for pair in chosen.main:
        parts[groups[pair.name] in earlier].append(pair)
    return parts


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
        files: a fingerprint of every image, mask and contour, by name.
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
        chosen = chosen_pairs(config)
        twin_of = {} if last else look_at_data(chosen, config.data_path)
        everything = chosen.main + chosen.extra + chosen.val
        self.files = {x.name: fingerprint(*filter(None, (x.image, x.mask, x.contour))) for x in everything}
        if last:
            check_unchanged(self.files, last["files"], f"{config.model_path}, with {config.data_path}")
        training, self.validation = divide(config, chosen, last, trained, twin_of)
        if trained and (seen := [pair for pair in self.validation if may_have_seen(trained, pair)]):
            count = f"{len(seen)} of {len(self.validation)} validation images may be among the training images of"
            print(f"WARNING: {count} {config.weights}; --val NAME validates on another set")
        self.sets = sorted({pair.dataset for pair in chosen.main + chosen.extra})
        self.names = [pair.name for pair in training + chosen.extra]
        self.left_out = [pair.name for pair in chosen.left_out]
        distributed.check_same("training and validation images", self.names + [pair.name for pair in self.validation])
        side, augmentation = config.img_size, paper_augmentation()
        if config.augmentation == "strong":
            side, augmentation = uncropped(side), strong_augmentation(side)
        data = Samples(training + chosen.extra, side, True, augmentation, config.seed)
        of_extra = (len(chosen.extra), config.extra_per_batch if chosen.extra else 0)
        self.batches = EpochBatches(len(training), config.batch_size, config.seed, rank, size, of_extra)
        self.train_loader = make_loader(data, config.num_workers, batch_sampler=self.batches)
        self.val_pairs = self.validation[rank::size]
        held_out = Samples(self.val_pairs, config.test_size or config.img_size)
        self.val_loader = make_loader(held_out, config.num_workers, batch_size=config.batch_size // size)
