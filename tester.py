"""Tester: trained weights -> scores and maps."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from .data.check import look, report, twins, warn_of_twins
from .data.images import write_image
from .data.layouts import Pair, find_sets
from .dataloader import Samples, make_loader
from .evaluation.metrics import SetScore, score_image
from .evaluation.report import write_report
from .evaluation.scores import MethodScores, write_scores
from .evaluation.tables import printed
from .predictor import SHIPPED, load_model
from .training_data import split_fold
from .utils import distributed
from .utils.files import locked
from .utils.options import RunConfig, TestConfig, TrainConfig
from .utils.progress import bar, cores_of_process, in_order, say
from .utils.weight_files import BEST, LAST, is_own, named


def run(config: TestConfig) -> None:
    """`test`: see Tester."""
    Tester(config).test()


def sets_to_score(config: RunConfig) -> dict[str, list[Pair]]:
    """What is scored, by name: the test sets, or with --fold that part of each training set, as NAME_foldK."""
    sets = find_sets(config.data_path, "train" if config.fold else "test", config.datasets)
    if partial := [name for name, pairs in sets.items() if pairs[0].trimap]:
        raise ValueError(f"{', '.join(partial)}: a set with trimaps cannot be scored")
    if not config.fold:
        return sets
    return {f"{name}_fold{config.fold}": split_fold(pairs, config.fold)[1] for name, pairs in sets.items()}


def tested_weights(model_path: str) -> tuple[Path, str]:
    """What is tested, and why: what is named, else what train left in its own folder, else SHIPPED."""
    run = Path(TrainConfig().model_path)
    if model_path:
        return named(model_path), ""
    if (run / BEST).is_file():
        return run, f", trained here (--model_path {SHIPPED} tests the repository's)"
    if (run / LAST).is_file():
        raise ValueError(f"{run} holds an unfinished training and no {BEST}: use --resume, or name --model_path")
    return SHIPPED, f", those of the repository, since {run} holds none (--model_path tests others)"


class Tester:
    """Scores trained weights on every test set, by their 8-bit maps, so that saved maps score the same.

    The output folder gets what write_scores writes; with report, report/; with save_map, the maps as maps/SET/STEM.png.

    Raises FileNotFoundError, ValueError: no data, no weights, weights of something else.
    """

    def __init__(self, config: TestConfig):
        self.config = config
        self.sets = sets_to_score(config)
        weights, why = tested_weights(config.model_path)
        weights = weights.parent if weights.name == BEST else weights
        print(f"weights: {weights}{why}")
        self.predictor = load_model(weights, distributed.join(config.device))
        distributed.check_same("test images", [pair.name for pairs in self.sets.values() for pair in pairs])
        self.size = config.img_size or self.predictor.img_size
        if config.fold:
            left_out = set(self.predictor.metadata.get("left_out", ()))
            self.sets = {name: of for name, of in self.sets.items() if left_out & {pair.name for pair in of}}
            if not self.sets or any(pair.name not in left_out for of in self.sets.values() for pair in of):
                raise ValueError(f"--fold {config.fold}: {weights} was trained on some of these images")
        path = weights.resolve()
        self.name = path.name if path.is_dir() else path.stem
        own = weights if path.is_dir() else weights.with_suffix("")
        own = own if is_own(path) else Path("runs/shipped", self.name)
        self.folder = Path(config.output or own / (f"fold{config.fold}" if config.fold else ""))
        self.maps = self.folder / ("maps" if config.save_map else ".maps")  # those of a report go with it

    def test(self) -> None:
        """Scores all sets, prints one table of them, and writes the files."""
        first = distributed.rank() == 0  # it alone looks and writes
        with locked(self.folder) if first else nullcontext():
            if first:
                self._look()
            try:
                scores = [self._score(name, pairs) for name, pairs in self.sets.items()]
                if first:
                    self._write(scores)
            finally:
                if first and not self.config.save_map:
                    shutil.rmtree(self.maps, ignore_errors=True)

    def _look(self) -> None:
        """Says what is odd about the test sets, also images that training has."""
        looks = look([pair for pairs in self.sets.values() for pair in pairs])
        say(report(looks))
        if not self.config.fold:
            with suppress(FileNotFoundError, ValueError):  # no training set, or one with a fault, which stops no test
                training = find_sets(self.config.data_path, "train", [])
                shown = twins(look([pair for pairs in training.values() for pair in pairs], masks=False), looks)
                say(warn_of_twins("test image(s) are among the training images", shown))

    def _write(self, scores: list[MethodScores]) -> None:
        """Prints the scores, then writes them and the report."""
        print(printed(scores), flush=True)
        kept = ("images", "masks", "maps") if self.config.save_map else ("images", "masks")
        write_scores(self.folder, [replace(x, folders={key: x.folders[key] for key in kept}) for x in scores])
        print(f"scores in {self.folder / 'scores.json'}", *[f"maps in {self.maps}"] * self.config.save_map, sep=", ")
        if self.config.report:
            page = self.folder / "report/index.html"
            print(*write_report(scores, page.parent), f"report in {page}", sep="\n")

    def _score(self, name: str, pairs: list[Pair]) -> MethodScores:
        """Scores of one set: each process makes and scores its share of the maps, and gets all scores."""
        own = pairs[distributed.rank() :: distributed.size()]
        with ThreadPoolExecutor(threads := cores_of_process()) as pool:
            results = in_order(pool, score_image, self._maps(own, self.maps / name), 2 * threads)
            scores = list(bar(results, name, len(own), "image"))
        whole = SetScore(distributed.gather(scores))
        paths = (pairs[0].image.parent, pairs[0].mask.parent, self.maps / name)
        folders = dict(zip(("images", "masks", "maps"), map(str, paths)))
        trained = {key: value for key, value in self.predictor.metadata.items() if key != "scores"}
        about = {"trained": trained, "img_size": self.size, "device": str(self.predictor.device)}
        return MethodScores.of(self.name, name, whole, folders=folders, about=about)

    def _maps(self, pairs: list[Pair], folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, 8-bit map and mask of each pair, in order; writes the maps where somebody will look at them."""
        batch_size = -(-self.config.batch_size // distributed.size())
        names = iter(pair.stem for pair in pairs)
        for batch in make_loader(Samples(pairs, self.size), self.config.num_workers, batch_size=batch_size):
            maps = self.predictor.maps(batch["image"], [mask.shape for mask in batch["truth"]])
            for focus_map, mask, name in zip(maps, batch["truth"], names):
                if self.config.save_map or self.config.report:
                    write_image(folder / f"{name}.png", focus_map)
                yield name, focus_map, mask
