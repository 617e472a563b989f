"""Trainer: recipe -> trained weights. Tester: trained weights -> scores and maps."""

import dataclasses
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import ReduceLROnPlateau
from tqdm import tqdm

from dataloader import (
    EpochSampler,
    Pair,
    TestSet,
    TrainingSet,
    find_sets,
    make_loader,
    paper_augmentation,
    split_validation,
    stack_images,
)
from model import RAN
from predictor import load_model, load_network, to_maps
from utils import metrics
from utils.checkpoint import BEST, LAST, recipe, save_state, save_weights, state_to_resume
from utils.config import TestConfig, TrainConfig
from utils.device import choose_device
from utils.files import write_csv
from utils.history import Board, plot_history
from utils.losses import ran_loss
from utils.pictures import read_mask, write_png
from utils.report import write_report
from utils.report.tables import printed
from utils.scores import MethodScores, Pictures, write_scores
from utils.stopping import StopSignals

SAVE_SECONDS = 300


class Trainer:
    """Trains RAN by a recipe into a run folder, stoppable and resumable at any step.

    The folder gets best_model.safetensors (lowest validation MAE), last.pt (all that --resume needs), history.csv and
    curves.png.

    Raises:
        FileNotFoundError, ValueError: no data, a folder that already holds a run, a state that does not fit.
    """

    def __init__(self, config: TrainConfig):
        self.config = config
        self.folder = Path(config.model_path)
        self.device = choose_device(config.device)
        last = state_to_resume(self.folder, dataclasses.asdict(config))
        torch.manual_seed(config.seed)
        self._load_data()
        self.network = self._build_network(last).to(self.device, memory_format=torch.channels_last)
        learned = [p for p in self.network.parameters() if p.requires_grad]
        fused = self.device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.Adam(learned, lr=config.lr, weight_decay=config.weight_decay, fused=fused)
        self.scheduler = ReduceLROnPlateau(self.optimizer, factor=config.lr_factor, patience=config.patience)
        # Where the run stands: all of it goes into last.pt. The sums are those of the unfinished epoch.
        self.epoch = self.step = 0
        self.sums = {"loss": 0.0, "mae": 0.0, "images": 0, "seconds": 0.0}
        self.history: list[dict] = []
        self.example = None  # photograph, truth and map of a validation picture, side by side
        if last:
            self._restore(last)

    def train(self) -> int:
        """Runs the epochs that are left. Returns the exit status: 0, or 128 + signal when stopped by one."""
        print(self._start_line())
        self.board = Board(self.folder / "tensorboard", self.epoch + 1)
        with StopSignals() as stop:
            self.saved_at = time.monotonic()
            if not self.history and not self.step:
                self._save_last()  # from now on the folder holds a run
            while not (reason := self._finished()) and not stop.received:
                if self._train_epoch(stop):
                    self._end_epoch()
        if not reason:
            print(f"{stop.received.name}: saved in epoch {self.epoch + 1}, step {self.step}; --resume goes on")
            return 128 + stop.received
        best = self._best()
        print(f"{reason}; best validation MAE {best['val_mae']:.4f} in epoch {best['epoch']}: {self.folder / BEST}")
        return 0

    def _load_data(self) -> None:
        config = self.config
        sets = find_sets(config.data_path, "train", config.datasets)
        pairs = [pair for one in sets.values() for pair in one]
        if config.limit:
            pairs = pairs[: config.limit]
        training, validation = split_validation(pairs, config.val_share, config.seed)
        self.set_names = sorted({pair.dataset for pair in pairs})
        self.names = [pair.name for pair in training]
        data = TrainingSet(training, config.img_size, paper_augmentation(), config.seed, config.cache_mb)
        self.sampler = EpochSampler(len(data), config.seed)
        self.train_loader = make_loader(data, config.batch_size, config.num_workers, sampler=self.sampler)
        self.val_loader = None
        if validation:
            held_out = TrainingSet(validation, config.img_size, None, config.seed, config.cache_mb)
            self.val_loader = make_loader(held_out, config.batch_size, 0)

    def _build_network(self, last: dict | None) -> RAN:
        config = self.config
        if last:
            return RAN(**last["model"])
        if config.weights:
            return load_network(config.weights)[0]
        options = {"arch": config.arch, "attention": config.attention, "connectivity": config.connectivity}
        if config.pretrained == "none":
            return RAN(encoder_norm="group", **options)
        network = RAN(encoder_norm="frozen", **options)
        lacking = network.encoder.load_pretrained(config.pretrained)
        if lacking:
            print(f"{config.pretrained} lacks {', '.join(lacking)}: these layers start fresh")
        return network

    def _batch(self, batch: dict) -> tuple[torch.Tensor, ...]:
        """Image, mask and contour of a batch as floats in [0, 1] on the device."""
        parts = (batch[key].to(self.device, non_blocking=True) for key in ("image", "mask", "contour"))
        return tuple(part.float() / 255 for part in parts)

    def _train_epoch(self, stop: StopSignals) -> bool:
        """Trains from the current step to the epoch's end; False when a signal cut it short (its state is saved)."""
        self.network.train()
        self.sampler.epoch, self.sampler.position = self.epoch, self.step * self.config.batch_size
        total = self.step + len(self.train_loader)
        title = f"epoch {self.epoch + 1}/{self.config.epochs}"
        bar = tqdm(self.train_loader, title, total, initial=self.step, leave=False, unit="step")
        since = time.monotonic()
        for batch in bar:
            loss, mae = self._train_step(batch)
            images = len(batch["index"])
            since, seconds = time.monotonic(), time.monotonic() - since
            sums, self.step = self.sums, self.step + 1
            for key, value in zip(sums, (loss * images, mae * images, images, seconds)):
                sums[key] += value
            bar.set_postfix(loss=f"{sums['loss'] / sums['images']:.4f}", mae=f"{sums['mae'] / sums['images']:.4f}")
            if stop.received or since - self.saved_at > SAVE_SECONDS:
                self._save_last()
            if stop.received:
                bar.close()
                return False
        return True

    def _train_step(self, batch: dict) -> tuple[float, float]:
        image, mask, contour = self._batch(batch)
        logits = self.network(image)
        loss = ran_loss(logits, mask, contour)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = clip_grad_norm_(self.network.parameters(), self.config.clip or float("inf"))
        if not torch.isfinite(loss + norm):
            names = ", ".join(self.names[i] for i in batch["index"])
            raise ValueError(
                f"epoch {self.epoch + 1}, step {self.step + 1}: loss {loss.item()}, gradient norm {norm.item()} with "
                f"the images {names}; look at these pictures and masks, or lower --lr. The last saved state is kept."
            )
        self.optimizer.step()
        mae = (logits["mask"].detach().sigmoid() - mask).abs().mean()
        return loss.item(), mae.item()

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Loss at the network's size, and the scores of `test`: 8-bit maps at the pictures' original size."""
        self.network.eval()
        scores, loss = [], 0.0
        pairs = self.val_loader.dataset.pairs
        for batch in tqdm(self.val_loader, "validation", leave=False):
            image, mask, contour = self._batch(batch)
            logits = self.network(image)
            loss += ran_loss(logits, mask, contour).item() * len(image)
            chosen = [pairs[i] for i in batch["index"]]
            masks = [read_mask(pair.mask) for pair in chosen]
            for pair, focus_map, truth in zip(chosen, to_maps(logits, [m.shape for m in masks]), masks):
                scores.append(metrics.score_image(pair.name, focus_map, truth))
        self.example = torch.cat([image[-1], *(x[-1].expand(3, -1, -1) for x in (mask, logits["mask"].sigmoid()))], -1)
        totals = metrics.totals(scores)
        return {"loss": loss / len(pairs)} | {key: totals[key] for key in metrics.COLUMNS}

    def _end_epoch(self) -> None:
        """Validates, writes the epoch's line and the files, and moves on to the next epoch."""
        seen = self.sums["images"]
        training = {key: self.sums[key] / seen for key in ("loss", "mae")}
        start = time.monotonic()
        validation = self.validate() if self.val_loader else training
        seconds = self.sums["seconds"] + time.monotonic() - start
        row = {"epoch": self.epoch + 1, "lr": self.optimizer.param_groups[0]["lr"]}
        row |= {f"train_{k}": v for k, v in training.items()} | {f"val_{k}": v for k, v in validation.items()}
        self.history.append(row | {"seconds": round(seconds, 1)})
        self.scheduler.step(validation["loss"])
        self.epoch, self.step = self.epoch + 1, 0
        self.sums = dict.fromkeys(self.sums, 0)
        is_best = self._best() is self.history[-1]
        if is_best:
            save_weights(self.folder / BEST, self.network.state_dict(), self._metadata(self.history[-1]))
        write_csv(self.folder / "history.csv", self.history)
        plot_history(self.folder / "curves.png", self.history)
        self.board.add(self.history[-1], self.example)
        self._save_last()
        losses = "  ".join(f"{k} loss {row[f'{k}_loss']:.4f} MAE {row[f'{k}_mae']:.4f}" for k in ("train", "val"))
        print(f"epoch {row['epoch']:3d}  lr {row['lr']:.1e}  {losses}  {seconds:.0f} s{'  best' * is_best}")

    def _best(self) -> dict:
        return min(self.history, key=lambda row: row["val_mae"])

    def _finished(self) -> str:
        """Why training is over, or an empty string."""
        if self.history and self.epoch - self._best()["epoch"] >= self.config.early_stop:
            return f"no better validation MAE for {self.config.early_stop} epochs"
        return f"{self.epoch} epochs done" if self.epoch >= self.config.epochs else ""

    def _metadata(self, row: dict) -> dict:
        config = recipe(self.config) | {k: v for k, v in self.network.options.items() if k != "encoder_norm"}
        return {"model": self.network.options, "config": config, "datasets": self.set_names, "torch": torch.__version__,
                "epoch": row["epoch"], "val_mae": row["val_mae"]}  # fmt: skip

    def _save_last(self) -> None:
        self.saved_at = time.monotonic()
        state = {
            "config": dataclasses.asdict(self.config),
            "model": self.network.options,
            "names": self.names,
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.sums,
            "history": self.history,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
        }
        save_state(self.folder / LAST, state)

    def _restore(self, last: dict) -> None:
        if last["names"] != self.names:
            raise ValueError(f"{self.folder / LAST} was trained on other images than {self.config.data_path} now holds")
        self.network.load_state_dict(last["network"])
        self.optimizer.load_state_dict(last["optimizer"])
        self.scheduler.load_state_dict(last["scheduler"])
        self.epoch, self.step = last["epoch"], last["step"]
        self.sums, self.history = last["sums"], last["history"]
        torch.set_rng_state(last["random"])
        if last["random_cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(last["random_cuda"])

    def _start_line(self) -> str:
        parameters = sum(p.numel() for p in self.network.parameters()) / 1e6
        held_out = len(self.val_loader.dataset) if self.val_loader else 0
        position = f", from epoch {self.epoch + 1}, step {self.step}" if self.epoch or self.step else ""
        return (
            f"RAN {self.network.options['arch']} ({parameters:.1f} M parameters) on {self.device}: "
            f"{' + '.join(self.set_names)}, {len(self.names)} training and {held_out} validation images at "
            f"{self.config.img_size}, batch {self.config.batch_size}, at most {self.config.epochs} epochs "
            f"into {self.folder}{position}"
        )


class Tester:
    """Scores trained weights on every test set found, and saves their maps.

    The output folder gets scores.json, scores.csv (a line an image), curves.csv; with report, report/ (see
    utils.report); with save_map, the maps as maps/SET/STEM.png. Scores are those of the 8-bit maps, so that the saved
    files score the same.

    Raises:
        FileNotFoundError, ValueError: no data, no weights, weights of something else.
    """

    def __init__(self, config: TestConfig):
        self.config = config
        self.sets = find_sets(config.data_path, "test", config.datasets)
        self.predictor = load_model(config.model_path, config.device)
        self.size = config.img_size or self.predictor.img_size
        weights = Path(config.model_path)
        self.name = weights.resolve().stem if weights.is_file() else weights.resolve().name
        self.folder = Path(config.output or (weights if weights.is_dir() else weights.with_suffix("")))

    def test(self) -> None:
        """Scores all sets, writes the files and prints one table."""
        with TemporaryDirectory() as temporary:  # the report shows the maps, saved or not
            maps = self.folder / "maps" if self.config.save_map else Path(temporary)
            self.seconds = []
            scores = [self._score(name, pairs, maps / name) for name, pairs in self.sets.items()]
            remarks = []
            if self.config.report:
                remarks = write_report(scores, self.folder / "report", title=f"Focus maps of {self.name}")
        if not self.config.save_map:
            for one in scores:
                one.pictures.maps = ""
        write_scores(self.folder, scores)
        print(printed(scores))
        for one in scores:
            one_class = one.totals["all_blurred"] + one.totals["all_in_focus"]
            if one_class:
                remarks.append(f"{one.dataset}: {one_class} image(s) with one class only, where an F without positives "
                               "counts as 0")  # fmt: skip
        print(*remarks, sep="\n", end="\n" if remarks else "")
        seconds = sum(self.seconds) / sum(len(pairs) for pairs in self.sets.values())
        print(f"{seconds:.3f} s an image through the network at {self.size} on {self.predictor.device}")
        report = f", report in {self.folder / 'report/index.html'}" if self.config.report else ""
        saved = f", maps in {self.folder / 'maps'}" if self.config.save_map else ""
        print(f"scores in {self.folder / 'scores.json'}{report}{saved}")

    def _score(self, name: str, pairs: list[Pair], maps_folder: Path) -> MethodScores:
        """Scores one set and saves its maps; adds the seconds that the network took."""
        loader = make_loader(TestSet(pairs, self.size), self.config.batch_size, self.config.num_workers,
                             collate_fn=stack_images)  # fmt: skip
        scores = []
        with tqdm(total=len(pairs), desc=name, unit="image", leave=False) as bar:
            for images, masks, indices in loader:
                start = time.perf_counter()
                maps = self.predictor.maps(images, [mask.shape for mask in masks])
                self.seconds.append(time.perf_counter() - start)
                for focus_map, mask, index in zip(maps, masks, indices):
                    stem = pairs[index].stem
                    write_png(maps_folder / f"{stem}.png", focus_map)
                    scores.append(metrics.score_image(stem, focus_map, mask.numpy()))
                bar.update(len(maps))
        pictures = Pictures(str(pairs[0].image.parent), str(pairs[0].mask.parent), str(maps_folder))
        about = {"trained": self.predictor.metadata, "img_size": self.size, "device": str(self.predictor.device)}
        return MethodScores.of(self.name, name, scores, pictures=pictures, about=about)
