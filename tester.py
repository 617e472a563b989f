"""Tester: trained weights -> scores and maps."""

import dataclasses
import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from .data.check import glance, look, report, twins, warn_of_twins
from .data.images import write_image
from .data.layouts import Pair, find_sets
from .dataloader import Samples, make_loader, split_fold
from .evaluation.metrics import SetScore, score_image
from .evaluation.report import write_report
from .evaluation.scores import MethodScores, Pictures, write_scores
from .evaluation.scoring import in_processes
from .evaluation.tables import printed
from .predictor import SHIPPED, load_model
from .utils import distributed
from .utils.files import locked
from .utils.memory import explain_out_of_memory, peak_memory
from .utils.options import RunConfig, TestConfig, TrainConfig
from .utils.progress import bar, cores_of_process
from .utils.tool_options import ReportOptions
from .utils.weight_files import BEST, LAST, WEIGHTS, named


def sets_to_score(config: RunConfig) -> dict[str, list[Pair]]:
    """What is scored, by name: the test sets, or with --fold that part of each training set, as NAME_foldK."""
    sets = find_sets(config.data_path, "train" if config.fold else "test", config.datasets)
    if partial := [name for name, pairs in sets.items() if pairs[0].trimap]:
        raise ValueError(f"{', '.join(partial)}: a set with trimaps cannot be scored")
    if not config.fold:
        return sets
    return {f"{name}_fold{config.fold}": split_fold(pairs, config.fold)[1] for name, pairs in sets.items()}


def tested_weights(model_path: str) -> tuple[Path, str]:
    """What is tested, and a line that says so: what is named, else what train left in its own folder, else SHIPPED."""
    if model_path:
        weights = named(model_path)
        return weights, f"weights: {weights}"
    run = Path(TrainConfig().model_path)
    if (run / BEST).is_file():
        return run, f"weights: {run}, trained here (--model_path {SHIPPED} tests the repository's)"
    if (run / LAST).is_file():
        raise ValueError(f"{run} holds an unfinished training and no {BEST}: --resume it, or name --model_path")
    return SHIPPED, f"weights: {SHIPPED}, those of the repository, since {run} holds none (--model_path tests others)"


class Tester:
    """Scores trained weights on every test set found, and saves their maps.

    The output folder gets scores.json, scores.csv (a line an image), curves.csv; with report, report/ (see
    evaluation.report); with save_map, the maps as maps/SET/STEM.png. Scores are those of the 8-bit maps, so that the
    saved files score the same.

    Raises:
        FileNotFoundError, ValueError: no data, no weights, weights of something else.
    """

    def __init__(self, config: TestConfig):
        self.config = config
        self.sets = sets_to_score(config)
        weights, self.weights_line = tested_weights(config.model_path)
        self.predictor = load_model(weights, distributed.join(config.device), config.amp, config.compile)
        distributed.check_same("test pictures", [pair.name for pairs in self.sets.values() for pair in pairs])
        self.size = config.img_size or self.predictor.img_size
        trained_without = self.predictor.metadata["config"].get("fold", 0)
        if config.fold and config.fold != trained_without:
            raise ValueError(
                f"--fold {config.fold}: {weights} has seen these pictures, training did not leave them out"
            )
        run = weights.resolve().parent if weights.name == BEST else weights.resolve()
        self.name = config.name or (run.name if run.is_dir() else run.stem)
        self.batch_size = -(-config.batch_size // distributed.size())
        self.seconds: list[float] = []  # through the network, of each image
        self.unwritten: list[str] = []  # why maps could not be written
        self.warnings: list[str] = []  # about the test sets
        shipped = weights.resolve().parent == WEIGHTS.resolve()
        beside = Path("runs/shipped") / weights.stem if shipped else weights.with_suffix("")
        fold = f"fold{config.fold}" if config.fold else ""
        self.folder = Path(config.output or (weights if weights.is_dir() else beside) / fold)

    def test(self) -> None:
        """Scores all sets, writes the files and prints one table."""
        print(self.weights_line)
        maps = self.folder / ("maps" if self.config.save_map else ".maps")  # those of a report go with it
        with locked(self.folder, first=distributed.rank() == 0):
            if distributed.rank() == 0:
                self._look()
            try:
                with distributed.explain_lost_processes("start the test again"):
                    scores = [self._score(name, pairs, maps / name) for name, pairs in self.sets.items()]
                    unwritten = distributed.gather(self.unwritten)
                if distributed.rank() == 0:
                    if unwritten and not self.config.save_map:
                        shutil.rmtree(maps, ignore_errors=True)  # makes room for the scores
                    self._write(scores, unwritten)
            finally:
                if not self.config.save_map and distributed.rank() == 0:
                    shutil.rmtree(maps, ignore_errors=True)

    def _look(self) -> None:
        """Says what is odd about the test sets, and names their images among the training images of the folder."""
        looks = look([pair for pairs in self.sets.values() for pair in pairs])
        self.warnings = report(looks)
        if not self.config.fold:
            with suppress(FileNotFoundError, ValueError):  # no training set, or one with a fault, which stops no test
                training = find_sets(self.config.data_path, "train", [])
                shown = twins(glance([pair for pairs in training.values() for pair in pairs]), looks)
                self.warnings += warn_of_twins("test image(s) are among the training images", shown)

    def _write(self, scores: list[MethodScores], unwritten: list[str]) -> None:
        """Prints the scores, then writes them and the report; `unwritten` says why maps could not be written."""
        print(printed(scores), *self.warnings, sep="\n")
        for scored in scores:
            one_class = scored.totals["all_blurred"] + scored.totals["all_in_focus"]
            if one_class:
                print(f"{scored.dataset}: {one_class} image(s) have one class only; an F without positives counts as 0")
        print(
            f"{statistics.median(self.seconds):.3f} s an image through the network at {self.size} on "
            f"{self.predictor.device}"
        )
        sys.stdout.flush()
        kept = scores
        if not self.config.save_map or unwritten:
            kept = [dataclasses.replace(x, pictures=dataclasses.replace(x.pictures, maps="")) for x in scores]
        lost = [f"{first}; not written: {len(unwritten)} map(s)" for first in unwritten[:1]]
        peak = peak_memory(self.predictor.device)
        try:
            write_scores(self.folder, kept)
            saved = f", maps in {self.folder / 'maps'}" if self.config.save_map else ""
            print(f"scores in {self.folder / 'scores.json'}{saved}{'' if self.config.report else peak}")
        except OSError as error:
            lost.append(str(error))
        if lost:
            raise OSError("\n".join(lost + ["not written: the report"] * self.config.report))
        if self.config.report:
            shown = ReportOptions(output=str(self.folder / "report"))
            remarks = write_report(scores, shown)
            print(*remarks, f"report in {self.folder / 'report/index.html'}{peak}", sep="\n")

    def _score(self, name: str, pairs: list[Pair], folder: Path) -> MethodScores:
        """Scores of one set: each process makes and scores its share of the maps, and gets all scores."""
        own = pairs[distributed.rank() :: distributed.size()]
        results = in_processes(score_image, self._maps(own, folder), len(own), cores_of_process())
        whole = SetScore.of(bar(results, name, len(own), "image"))
        pictures = Pictures(str(pairs[0].image.parent), str(pairs[0].mask.parent), str(folder))
        trained = {key: value for key, value in self.predictor.metadata.items() if key != "scores"}
        about = {"trained": trained, "img_size": self.size, "device": str(self.predictor.device)}
        return MethodScores.of(self.name, name, whole.gathered(), pictures=pictures, about=about)

    def _maps(self, pairs: list[Pair], folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, 8-bit map and mask of each pair, in order; the maps are written where somebody will look at them."""
        loader = make_loader(Samples(pairs, self.size), self.config.num_workers, batch_size=self.batch_size)
        names = iter(pair.stem for pair in pairs)
        for batch in loader:
            images, masks = batch["image"], batch["truth"]
            start = time.perf_counter()
            with explain_out_of_memory(f"lower --batch_size (now {self.batch_size}) or --img_size (now {self.size})"):
                maps = self.predictor.maps(images, [mask.shape for mask in masks])
            self.seconds += [(time.perf_counter() - start) / len(maps)] * len(maps)
            for focus_map, mask in zip(maps, masks):
                name = next(names)
                if self.config.save_map or self.config.report:
                    try:
                        write_image(folder / f"{name}.png", focus_map)
                    except OSError as error:  # the scores do without
                        self.unwritten.append(str(error))
                yield name, focus_map, mask.numpy()
