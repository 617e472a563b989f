"""Trainer: recipe -> trained weights."""

import dataclasses
import math
import signal
import time
from pathlib import Path

import torch
from tqdm import tqdm

from .dataloader import EpochBatches, Pair, TrainingSet, find_sets, make_loader, split_fold, split_validation
from .evaluation import metrics
from .imaging.augmentation import paper_augmentation, strong_augmentation, uncropped
from .imaging.dataset_check import doubled_pictures
from .imaging.pictures import read_mask
from .imaging.resizing import quantised, resize_map
from .model import RAN
from .model.losses import ran_loss
from .predictor import compiled, load_network
from .utils import distributed
from .utils.checkpoint import BEST, LAST, read_state, recipe, save_state, save_weights, state_to_resume
from .utils.device import hardware, mixed_precision, name_of
from .utils.files import locked, write_csv
from .utils.interruption import StopSignals
from .utils.log import Board, plot_history
from .utils.memory import deaths_told, shortage_told
from .utils.optimization import Optimization
from .utils.options import TrainConfig

SAVE_SECONDS = 300
# Steps between two looks at a training's numbers: a look waits for the device.
READ_EVERY = {"cpu": 1, "mps": 10, "cuda": 10}


class Diverged(Exception):
    """A loss or gradient that is no number any more."""


def warn_of_twins(sets: dict[str, list[Pair]]) -> None:
    """Names photographs that lie in two training sets."""
    twins = doubled_pictures({name: [pair.image for pair in pairs] for name, pairs in sets.items()})
    if twins:
        examples = "; ".join(f"{a} and {b}" for a, b in twins[:5])
        more = f" and {len(twins) - 5} more (`python main.py prepare --check` names all)" if twins[5:] else ""
        print(f"warning: {len(twins)} photograph(s) lie in two training sets, so that validation may hold the twin of "
              f"one that is trained on: {examples}{more}. --datasets takes one of the sets")  # fmt: skip


class Trainer:
    """Trains RAN by a recipe into a run folder, stoppable and resumable at any step.

    The folder gets best_model.safetensors (lowest validation MAE; the last epoch where nothing validates), last.pt
    (all that --resume needs), history.csv and curves.png. Under torchrun all processes share each batch and the
    validation images; the first writes the files.

    Raises:
        FileNotFoundError, ValueError: no data, a folder that already holds a run, a state that does not fit.
    """

    def __init__(self, config: TrainConfig):
        self.device = distributed.join(config.device)
        self.precision = mixed_precision(config.amp, self.device)
        # The state says what auto was, so that another device does not change it unnoticed.
        self.config = config = dataclasses.replace(config, amp=name_of(self.precision))
        self.folder = Path(config.model_path)
        last = state_to_resume(self.folder, config)
        tuned = load_network(config.weights) if config.weights and not last else None
        earlier = last["config"] if last else tuned[1]["config"] if tuned else {}
        self.config = config = config.with_sizes(earlier)
        torch.manual_seed(config.seed)
        torch.backends.cudnn.benchmark = True  # all batches have one size
        self._load_data()
        self.before: list[dict] = []  # the trainings behind --weights, the first one first
        self.network = self._build_network(last, tuned).to(self.device, memory_format=torch.channels_last)
        self.model = compiled(distributed.wrapped(self.network, self.device), config.compile, self.device)
        steps = config.epochs * len(self.batches)
        self.optimization = Optimization(self.network, config, steps, scaled=self.precision == torch.float16)
        # Where the run stands: all of it goes into last.pt. The sums are those of the unfinished epoch.
        self.epoch = self.step = 0
        self.sums = {"loss": 0.0, "mae": 0.0, "images": 0, "seconds": 0.0}
        self.history: list[dict] = []
        self.example = None  # photograph, truth and map of a validation picture, side by side
        self.stopped: signal.Signals | None = None
        self.retreat: dict = {}  # the epoch and step at which the training diverged and went back
        if last:
            self._restore(last)
        distributed.check_same(f"states in {self.folder}", [self.epoch, self.step])
        self._seed_dropout()

    def train(self) -> int:
        """Runs the epochs that are left. Returns the exit status: 0, or 128 + signal when stopped by one.

        Raises:
            ConnectionError, ChildProcessError: another process of the job, or a loader process, ended.
            OSError: the folder cannot be written to, or another run is at work there.
            ValueError: it diverged twice; not enough memory; a picture that cannot be read any more.
        """
        print(self._start_line())
        with (
            locked(self.folder, first=distributed.rank() == 0),
            StopSignals() as stop,
            distributed.losses_told(f"the last state in {self.folder} is whole: --resume goes on"),
            deaths_told(),
        ):
            self.board = Board(self.folder / "tensorboard", self.epoch + 1) if distributed.rank() == 0 else None
            self.saved_at = time.monotonic()
            if not self.history and not self.step:
                self._save_last()  # from now on the folder holds a run
            while not (reason := self._finished()) and not self.stopped:
                try:
                    ended = self._train_epoch(stop)
                except Diverged as error:
                    self._go_back(error)
                    continue
                if ended:
                    self._end_epoch()
                    self._agree_to_stop(*distributed.total([bool(stop.received)], self.device), stop)
        if not reason:
            print(f"{self.stopped.name}: saved in epoch {self.epoch + 1}, step {self.step}; --resume goes on")
            return 128 + self.stopped
        best = self._best()
        kept = f"best validation MAE {best['val_mae']:.4f} in epoch" if self.val_images else "kept is epoch"
        print(f"{reason}; {kept} {best['epoch']}: {self.folder / BEST}")
        return 0

    def _load_data(self) -> None:
        config, rank, size = self.config, distributed.rank(), distributed.size()
        if config.batch_size < size:
            raise ValueError(f"--batch_size {config.batch_size} is that of all {size} processes: give at least {size}")
        sets = find_sets(config.data_path, "train", config.datasets)
        pairs = [pair for one in sets.values() for pair in split_fold(one, config.fold)[0]]
        if config.limit:
            pairs = pairs[: config.limit]
        elif rank == 0 and not config.resume:
            warn_of_twins(sets)
        training, validation = split_validation(pairs, config.val_share, config.seed)
        self.set_names = sorted({pair.dataset for pair in pairs})
        self.names = [pair.name for pair in training]
        side, augmentation = config.img_size, paper_augmentation()
        if config.augmentation == "strong":
            side, augmentation = uncropped(side), strong_augmentation(side, config.defocus)
        data = TrainingSet(training, side, augmentation, config.seed, config.cache_mb)
        self.batches = EpochBatches(len(data), config.batch_size, config.seed, rank, size)
        self.train_loader = make_loader(data, config.num_workers, batch_sampler=self.batches)
        self.val_loader, self.val_images = None, len(validation)
        if validation:  # a process without a share of it has an empty loader
            side = config.test_size or config.img_size
            held_out = TrainingSet(validation[rank::size], side, None, config.seed, config.cache_mb)
            self.val_loader = make_loader(held_out, 0, batch_size=-(-config.batch_size // size))
        distributed.check_same("training and validation pictures", [pair.name for pair in training + validation])

    def _build_network(self, last: dict | None, tuned: tuple[RAN, dict] | None) -> RAN:
        config = self.config
        if last:
            return RAN(**last["model"])
        if tuned:
            network, metadata = tuned
            unused = [f"--{k} {getattr(config, k)} (it has {v})" for k, v in network.options.items()
                      if k != "encoder_norm" and v != getattr(config, k)]  # fmt: skip
            if unused:
                print(f"{config.weights} brings its own network; not used: {', '.join(unused)}")
            if config.fold and metadata["config"].get("fold", 0) != config.fold:
                raise ValueError(f"--fold {config.fold}: {config.weights} has seen these pictures")
            earlier = {key: value for key, value in metadata.items() if key not in ("before", "scores")}
            self.before = [*metadata.get("before", []), earlier]
            return network
        options = {"arch": config.arch, "attention": config.attention, "connectivity": config.connectivity,
                   "decoder": config.decoder}  # fmt: skip
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
        self.batches.epoch, self.batches.step = self.epoch, self.step
        total = self.step + len(self.train_loader)
        title = f"epoch {self.epoch + 1}/{self.config.epochs}"
        bar = tqdm(self.train_loader, title, total, initial=self.step, leave=False, unit="step")
        since, unread = time.monotonic(), []
        for batch in bar:
            with shortage_told(self._smaller()):
                unread.append((self.step, batch["index"], self._train_step(batch)))
            self.step += 1
            if len(unread) < READ_EVERY[self.device.type] and self.step < total:
                continue
            self._read(unread, stop)
            since, seconds, unread = time.monotonic(), time.monotonic() - since, []
            sums = self.sums
            sums["seconds"] += seconds
            bar.set_postfix(loss=f"{sums['loss'] / sums['images']:.4f}", mae=f"{sums['mae'] / sums['images']:.4f}")
            if self.stopped or since - self.saved_at > SAVE_SECONDS:
                self._save_last()
            if self.stopped:
                bar.close()
                return False
        return True

    def _train_step(self, batch: dict) -> torch.Tensor:
        """One step. Returns loss, MAE and gradient norm, on the device: to read them would be to wait for it."""
        image, mask, contour = self._batch(batch)
        self.network.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, self.precision, enabled=self.precision is not None):
            logits = self.model(image)
        logits = {head: values.float() for head, values in logits.items()}
        loss = ran_loss(logits, mask, contour, self.config.loss_weights)
        own, whole = self.batches.counts(self.step)
        # Gradients become means over processes: a share weighs as many images as it has.
        norm = self.optimization.step(loss * (own * distributed.size() / whole))
        mae = (logits["mask"].detach().sigmoid() - mask).abs().mean()
        return torch.stack([loss.detach(), mae, norm])

    def _read(self, unread: list[tuple], stop: StopSignals) -> None:
        """Reads the numbers of some steps into the epoch's sums, and learns whether any process was told to stop."""
        numbers = torch.stack([values for *_, values in unread]).tolist()
        sums, reason = [0.0, 0.0, float(bool(stop.received)), 0.0], "in another process"
        for (step, indices, _), (loss, mae, norm) in zip(unread, numbers):
            # With fp16 the scaler skips steps whose gradients overflow.
            if not (math.isfinite(loss) and (math.isfinite(norm) or self.precision == torch.float16)):
                names = ", ".join(self.names[i] for i in indices)
                reason = f"step {step + 1}: loss {loss}, gradient norm {norm}; here the images were {names}"
                sums[3] = 1.0
                break
            own, whole = self.batches.counts(step)
            sums[0] += loss * own
            sums[1] += mae * own
            self.sums["images"] += whole
        loss, mae, stopped, diverged = distributed.total(sums, self.device)
        if diverged:
            raise Diverged(f"epoch {self.epoch + 1}, {reason}")
        self.sums["loss"] += loss
        self.sums["mae"] += mae
        self._agree_to_stop(stopped, stop)

    def _go_back(self, reason: "Diverged") -> None:
        """Goes on from the last saved state with half the learning rate, once in a training.

        Raises:
            ValueError: it went back before.
        """
        if self.retreat:
            raise ValueError(
                f"{reason}. It went back once before; look at these pictures and masks, or start anew with a lower "
                "--lr. The last saved state is kept."
            )
        retreat = {"epoch": self.epoch + 1, "step": self.step}
        self._restore(read_state(self.folder / LAST))
        distributed.total([0.0], self.device)  # every process has read it before the first one writes it anew
        self._seed_dropout()
        self.retreat = retreat
        self.optimization.halve_rate()
        self._save_last()
        print(f"{reason}: back to epoch {self.epoch + 1}, step {self.step}, with half the learning rate")

    def _smaller(self) -> str:
        """What to try where memory was too short."""
        batch, side = self.config.batch_size, self.config.img_size
        can_halve = batch // 2 >= distributed.size()
        smaller = f"--batch_size {batch // 2}" if can_halve else f"--img_size {max(64, side // 43 * 32)}"
        return f"try {smaller} in another --model_path (now --batch_size {batch}, --img_size {side} on {self.device})"

    def _agree_to_stop(self, told: float, stop: StopSignals) -> None:
        """Notes the signal when any process was told to stop: all leave at the same step."""
        if told:
            self.stopped = stop.received or signal.SIGTERM

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Loss at the network's size, and the scores of `test`: 8-bit maps at the pictures' original size."""
        distributed.same_buffers(self.network)
        self.network.eval()
        scores, loss = [], 0.0
        pairs = self.val_loader.dataset.pairs
        for batch in tqdm(self.val_loader, "validation", leave=False):
            image, mask, contour = self._batch(batch)
            logits = self.network(image)
            loss += ran_loss(logits, mask, contour, self.config.loss_weights).item() * len(image)
            chosen = [pairs[i] for i in batch["index"]]
            masks = [read_mask(pair.mask) for pair in chosen]
            probabilities = logits["mask"].sigmoid()[:, 0].float().cpu().numpy()
            for pair, probability, truth in zip(chosen, probabilities, masks):
                focus_map = quantised(resize_map(probability, truth.shape))
                scores.append(metrics.score_image(pair.name, focus_map, truth))
            example = (image[-1], *(x[-1].expand(3, -1, -1) for x in (mask, logits["mask"].sigmoid())))
            self.example = torch.cat(example, -1)
        totals = metrics.totals(distributed.gather(scores))
        (loss,) = distributed.total([loss], self.device)
        return {"loss": loss / self.val_images} | {key: totals[key] for key in metrics.COLUMNS}

    def _end_epoch(self) -> None:
        """Validates, writes the epoch's line and the files, and moves on to the next epoch."""
        seen = self.sums["images"]
        training = {key: self.sums[key] / seen for key in ("loss", "mae")}
        start = time.monotonic()
        validation = self.validate() if self.val_images else {}
        seconds = self.sums["seconds"] + time.monotonic() - start
        row = {"epoch": self.epoch + 1, "lr": self.optimization.rate}
        row |= {f"train_{k}": v for k, v in training.items()} | {f"val_{k}": v for k, v in validation.items()}
        self.history.append(row | {"seconds": round(seconds, 1)})
        self.optimization.end_epoch((validation or training)["loss"])
        self.epoch, self.step = self.epoch + 1, 0
        self.sums = dict.fromkeys(self.sums, 0)
        is_best = self._best() is self.history[-1]
        mark = "  best" if is_best and validation else ""
        if distributed.rank() == 0:
            if is_best:
                save_weights(self.folder / BEST, self.network.state_dict(), self._metadata(self.history[-1]))
            write_csv(self.folder / "history.csv", self.history)
            plot_history(self.folder / "curves.png", self.history)
            self.board.add(self.history[-1], self.example)
        self._save_last()
        parts = ("train", "val") if validation else ("train",)
        losses = "  ".join(f"{k} loss {row[f'{k}_loss']:.4f} MAE {row[f'{k}_mae']:.4f}" for k in parts)
        print(f"epoch {row['epoch']:3d}  lr {row['lr']:.1e}  {losses}  {seconds:.0f} s{mark}")

    def _best(self) -> dict:
        """The epoch whose weights are kept: by validation MAE; the last one where nothing validates."""
        if not self.val_images:
            return self.history[-1]
        return min(self.history, key=lambda row: row["val_mae"])

    def _finished(self) -> str:
        """Why training is over, or an empty string."""
        can_stop = self.history and self.config.schedule == "plateau"  # one cycle is meant to be run to its end
        if can_stop and self.epoch - self._best()["epoch"] >= self.config.early_stop:
            return f"no better validation MAE for {self.config.early_stop} epochs"
        return f"{self.epoch} epochs done" if self.epoch >= self.config.epochs else ""

    def _metadata(self, row: dict) -> dict:
        config = recipe(self.config) | {k: v for k, v in self.network.options.items() if k != "encoder_norm"}
        return {"model": self.network.options, "config": config, "datasets": self.set_names, "torch": torch.__version__,
                "epoch": row["epoch"], "val_mae": row.get("val_mae"), "hardware": hardware(self.device),
                "seconds": round(sum(one["seconds"] for one in self.history)), "before": self.before,
                **({"diverged": self.retreat} if self.retreat else {})}  # fmt: skip

    def _save_last(self) -> None:
        self.saved_at = time.monotonic()
        if distributed.rank():
            return
        state = {
            "config": dataclasses.asdict(self.config),
            "model": self.network.options,
            "names": self.names,
            "before": self.before,
            "retreat": self.retreat,
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.sums,
            "history": self.history,
            "network": self.network.state_dict(),
            **self.optimization.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
        }
        save_state(self.folder / LAST, state)

    def _restore(self, last: dict) -> None:
        if last["names"] != self.names:
            raise ValueError(f"{self.folder / LAST} was trained on other images than {self.config.data_path} now holds")
        self.network.load_state_dict(last["network"])
        self.optimization.load_state_dict(last)
        self.epoch, self.step = last["epoch"], last["step"]
        self.sums, self.history, self.before = last["sums"], last["history"], last.get("before", [])
        self.retreat = last.get("retreat", {})
        torch.set_rng_state(last["random"])
        if last["random_cuda"] is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(last["random_cuda"])

    def _seed_dropout(self) -> None:
        """A network with dropout leaves out other units in each process."""
        if rank := distributed.rank():
            torch.manual_seed(self.config.seed + 1_000_003 * self.epoch + rank)

    def _start_line(self) -> str:
        parameters = sum(p.numel() for p in self.network.parameters()) / 1e6
        processes = f" x {distributed.size()} processes" if distributed.size() > 1 else ""
        position = f", from epoch {self.epoch + 1}, step {self.step}" if self.epoch or self.step else ""
        return (
            f"RAN {self.network.options['arch']} ({parameters:.1f} M parameters) on {self.device}{processes}: "
            f"{' + '.join(self.set_names)}, {len(self.names)} training and {self.val_images} validation images at "
            f"{self.config.img_size}, batch {self.config.batch_size}, at most {self.config.epochs} epochs "
            f"into {self.folder}{position}"
        )
