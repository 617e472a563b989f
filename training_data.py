"""Which images train, which validate, and their loaders."""

from contextlib import suppress

from .data.augmentation import paper_augmentation, strong_augmentation, uncropped
from .data.check import glance, groups, look, report, twins, warn_of_twins
from .data.layouts import Pair, find_sets
from .dataloader import EpochBatches, Samples, make_loader
from .utils import distributed
from .utils.files import fingerprint
from .utils.options import FOLDS, TrainConfig


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
        raise ValueError(f"--fold {fold}: there are folds 1 to {FOLDS}, of at least {FOLDS} images; 0 takes all")
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
        raise ValueError(f"{len(free)} training image(s): validation needs one of at least two (or --val_share 0)")
    _, held_out = train_test_split(free, test_size=max(1, round(share * len(free))), random_state=seed)
    parts: tuple[list[Pair], list[Pair]] = [], []
    for pair, group in zip(pairs, groups):
        parts[group in held_out].append(pair)
    return parts


def chosen_pairs(config: TrainConfig) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Pairs of the main, the extra and the validation sets that a recipe names.

    Raises:
        FileNotFoundError, ValueError: no such set, or one named twice, or one that cannot validate.
    """
    sets = find_sets(config.data_path, "train", config.datasets)
    extra = find_sets(config.data_path, "train", config.extra) if config.extra else {}
    val = find_sets(config.data_path, "train", [config.val]) if config.val else {}
    if not config.datasets:  # all that are there
        sets = {name: pairs for name, pairs in sets.items() if name not in val}
    if twice := sets.keys() & extra.keys() | (sets.keys() | extra.keys()) & val.keys():
        raise ValueError(f"{', '.join(sorted(twice))}: named twice by --datasets, --extra and --val")
    pairs = [pair for found in sets.values() for pair in split_fold(found, config.fold)[0]]
    pairs = pairs[: config.limit or None]
    held_out = [pair for found in val.values() for pair in found]
    if any(pair.trimap for pair in held_out or pairs * bool(config.val_share)):
        raise ValueError("sets with trimaps cannot validate: name them by --extra, or give --val_share 0")
    return pairs, [pair for found in extra.values() for pair in found], held_out


def look_at_data(pairs: list[Pair], extra: list[Pair], val: list[Pair], data_path: str) -> dict[str, str]:
    """Looks at all images of a fresh training, says what is odd, and names twins: an image's name, and its twin's.

    Raises:
        ValueError: pairs that cannot be used.
    """
    twin_of: dict[str, str] = {}
    if distributed.rank() == 0:
        looks = look(pairs + extra + val)
        report(looks)
        main, training = looks[: len(pairs)], looks[: len(pairs + extra)]
        warn_of_twins("image(s) show the same photograph as another training image", twins(main))
        warn_of_twins("validation image(s) are among the training images", twins(training, looks[len(training) :]))
        for group in groups(training):
            first = next((found for found in group if found in extra), group[0])  # extra images train in any case
            twin_of |= {found.name: first.name for found in group if found is not first}
        with suppress(FileNotFoundError, ValueError):  # no test set, or one with a fault, which stops no training
            tests = find_sets(data_path, "test", [])
            shown = twins(looks, glance([pair for found in tests.values() for pair in found]))
            warn_of_twins("test image(s) are among the training images", shown)
    return dict(distributed.gather([*twin_of.items()]))


def check_unchanged(files: dict[str, str], stored: dict[str, str], source: str) -> None:
    """Compares fingerprints of images and masks with those of a run that is resumed.

    Raises:
        ValueError: other images, or changed files, which it names.
    """
    if files.keys() != stored.keys():
        raise ValueError(f"{source}: it was trained on other images than are there now")
    if changed := [name for name in sorted(files) if files[name] != stored[name]]:
        shown = f"{', '.join(changed[:5])}{' ...' if changed[5:] else ''}"
        advice = "put the old files back, or start anew from its weights by --weights and another --model_path"
        raise ValueError(f"{source}: {len(changed)} pair(s) have changed since then: {shown}; {advice}")


class TrainingData:
    """Loaders of a recipe's training and validation images; under torchrun of this process's share.

    Args:
        config: the recipe.
        last: state of a run that is resumed, or None. trained: metadata of the weights that it starts from, or empty.

    Attributes:
        names: of the training images, in order, extra ones last. sets: names of their data sets.
        files: a fingerprint of every image and mask, by name.
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
        pairs, extra, val = chosen_pairs(config)
        earlier = set((last or trained).get("validation", ()))
        kept = [pair for pair in pairs if pair.name in earlier and config.val_share]
        twin_of = {} if last else look_at_data(pairs, extra, val, config.data_path)
        self.files = {pair.name: fingerprint(pair.image, pair.mask) for pair in pairs + extra + val}
        if last:
            check_unchanged(self.files, last["files"], f"{config.model_path}, with {config.data_path}")
        if val or kept:
            self.validation = val or kept
            training = [pair for pair in pairs if pair not in kept]
        else:
            training, self.validation = split_validation(pairs, config.val_share, config.seed, twin_of)
        if trained and kept:
            print(f"the {len(kept)} validation images are those of {config.weights}")
        elif trained and {pair.dataset for pair in self.validation} & set(trained.get("datasets", ())):
            advice = "--val NAME validates on a set of its own"
            print(f"WARNING: {config.weights} may have been trained on the validation images; {advice}")
        self.sets = sorted({pair.dataset for pair in pairs + extra})
        self.names = [pair.name for pair in training + extra]
        distributed.check_same("training and validation images", self.names + [pair.name for pair in self.validation])
        side, augmentation = config.img_size, paper_augmentation()
        if config.augmentation == "strong":
            side, augmentation = uncropped(side), strong_augmentation(side)
        data = Samples(training + extra, side, True, augmentation, config.seed, config.cache_mb)
        of_extra = (len(extra), config.extra_per_batch if extra else 0)
        self.batches = EpochBatches(len(training), config.batch_size, config.seed, rank, size, of_extra)
        self.train_loader = make_loader(data, config.num_workers, batch_sampler=self.batches)
        self.val_pairs = self.validation[rank::size]
        held_out = Samples(self.val_pairs, config.test_size or config.img_size, cache_mb=config.cache_mb)
        self.val_loader = make_loader(held_out, 0, batch_size=config.batch_size // size)
