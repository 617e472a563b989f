"""Trainer: recipe -> trained weights. Set-up, loop, validation and checkpoint, in this order."""

import dataclasses
import math
import signal
import time
from contextlib import nullcontext
from pathlib import Path

import torch

from .data.resizing import focus_maps
from .dataloader import as_floats
from .evaluation import metrics
from .model import make_network
from .model.losses import WEIGHTS, is_known, ran_loss
from .training_data import TrainingData
from .utils import checkpoint, distributed
from .utils.device import hardware, is_mixed
from .utils.files import locked
from .utils.log import RunLog
from .utils.optimization import Optimization
from .utils.options import TrainConfig
from .utils.processes import handled
from .utils.progress import bar

VALIDATED = ("P0", "P1", "P3", "P5")  # protocols that need the histogram of a map alone
KEEP = {"mae": ("val_mae", min), "f": ("val_p0_f", max), "loss": ("val_loss", min)}


def run(config: TrainConfig) -> int:
    """`train`: see Trainer. One run at a time writes into a folder."""
    distributed.join(config.device)
    with locked(Path(config.model_path)) if distributed.rank() == 0 else nullcontext():
        return Trainer(config).train()


class Trainer:
    """Trains RAN by a recipe into a run folder.

    After each epoch the folder has best_model.safetensors (the epoch that config.keep names; the last one without
    validation), last.pt (all that --resume needs), history.csv and curves.png. Under torchrun all processes share each
    batch and the validation images; the first writes the files.

    Attributes:
        history: a row an epoch: epoch, lr, train_..., val_... (with validation), seconds.

    Raises:
        FileNotFoundError, ValueError: no data, a folder that already holds a run, a state that does not fit.
    """

    def __init__(self, config: TrainConfig):
        self.device = distributed.join(config.device)
        self.mixed = is_mixed(config.amp, self.device)
        torch.backends.cudnn.allow_tf32 = self.mixed  # full precision means all 32 bits
        torch.backends.cudnn.benchmark = True  # all batches have one size
        config = dataclasses.replace(config, amp="bf16" if self.mixed else "off")  # no auto: --resume goes on elsewhere
        self.folder = Path(config.model_path)
        last = checkpoint.state_to_resume(self.folder, config)
        tuned, trained = checkpoint.network_to_tune(config) if config.weights and not last else (None, {})
        if config.fold and tuned and trained["config"].get("fold", 0) != config.fold:
            raise ValueError(f"--fold {config.fold}: {config.weights} was trained on these images")
        self.config = config = config.with_sizes((last or trained).get("config", {}))
        self.data = TrainingData(config, last, trained)
        torch.manual_seed(config.seed)
        network = make_network(**last["model"]) if last else tuned or checkpoint.fresh_network(config)
        self.network = network.to(self.device).to(memory_format=torch.channels_last)
        self.model = distributed.wrapped(self.network, self.device)
        self.loss_weights = WEIGHTS | dict(zip(WEIGHTS, config.loss_weights))
        steps = config.epochs * -(-len(self.data.batches) // config.accumulate)
        self.optimization = Optimization(self.network, config, steps)
        self.history: list[dict] = []
        latest = {key: value for key, value in trained.items() if key not in ("before", "scores")}
        self.before = [*trained.get("before", []), latest] if tuned else []
        self.example: torch.Tensor | None = None  # a validation image, its mask and its map side by side
        if last:
            self.history, self.before = last["history"], last["before"]
            self.network.load_state_dict(last["network"])
            self.optimization.load_state_dict(last)
        distributed.check_same(f"states in {self.folder}", len(self.history))

    def train(self) -> int:
        """Runs the epochs that are left. Returns the exit status: 0, or 128 + signal after SIGTERM or SIGUSR1.

        Raises:
            OSError: the folder cannot be written to.
            ValueError: a loss that is no number; an image that cannot be read any more.
        """
        print(self._start_line(), flush=True)
        self.log = RunLog(self.folder, len(self.history) + 1) if distributed.rank() == 0 else None
        signals: list[int] = []
        with handled(lambda number, _: signals.append(number)):
            while not (reason := self._over()):
                self.train_epoch()
                if (received := distributed.gather(signals)) and not self._over():
                    name = signal.Signals(received[0]).name
                    print(f"{name}: saved after epoch {len(self.history)}; --resume continues")
                    return 128 + received[0]
        best = self.best()
        why = f"best {self.config.keep} in epoch" if "val_loss" in best else "kept epoch"
        print(f"{reason}; {why} {best['epoch']}: {self.folder / checkpoint.BEST}")
        return 0

    def train_epoch(self) -> None:
        """Trains for one epoch, validates, and saves."""
        self.network.train()
        epoch, steps, start = len(self.history), len(self.data.batches), time.monotonic()
        # For dropout: other units in each process, the same ones when the epoch is repeated.
        torch.manual_seed(self.config.seed + 1_000_003 * epoch + distributed.rank())
        self.data.batches.epoch = epoch
        sums = [0.0, 0.0, 0]  # of loss and MAE over images, and how many
        names: list[str] = []  # images since the last step of the optimiser
        title, all_steps = f"epoch {epoch + 1}/{self.config.epochs}", self.config.epochs * steps
        # The bar is that of the whole training, and so is the time that is left.
        with bar(self.data.train_loader, title, all_steps, "step", initial=epoch * steps) as shown:
            for step, batch in enumerate(shown):
                names = names * bool(step % self.config.accumulate) + [self.data.names[i] for i in batch["index"]]
                step_loss, step_mae, norm = self.train_step(batch, step)
                if not (math.isfinite(step_loss) and math.isfinite(norm)):
                    numbers = f"loss {step_loss}, gradient norm {norm}, images {', '.join(names)}"
                    raise self._diverged(f"step {step + 1}: {numbers}. Look at them and their masks, or")
                sums = [total + value * len(batch["index"]) for total, value in zip(sums, (step_loss, step_mae, 1))]
                shown.set_postfix(loss=sums[0] / sums[2], mae=sums[1] / sums[2], refresh=False)
        loss, mae, images = distributed.total(*sums)
        self._end_epoch({"loss": loss / images, "mae": mae / images}, start)

    def train_step(self, batch: dict, step: int = 0) -> list[float]:
        """Forward, loss, backward, and with the last of config.accumulate batches an optimiser step.

        Returns:
            Loss, MAE and the norm of the gradient.
        """
        image, mask, contour = as_floats(batch, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            logits = self.model(image)
        logits = {head: values.float() for head, values in logits.items()}
        loss = ran_loss(logits, mask, contour, self.loss_weights)
        size, steps = self.config.accumulate, len(self.data.batches)
        group = min(size, steps - step // size * size)  # the last one of an epoch may be smaller
        norm = self.optimization.step(loss, 1 / group, (step + 1) % size == 0 or step + 1 == steps)
        known = is_known(mask)
        mae = ((logits["mask"].detach().sigmoid() - mask).abs() * known).sum() / known.sum().clamp(min=1)
        return torch.stack([loss.detach(), mae, norm]).tolist()

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Loss at the network's size, and the scores of `test`: 8-bit maps at the images' original size."""
        distributed.same_buffers(self.network)
        self.network.eval()
        scores, loss, columns = [], 0.0, metrics.columns_of(VALIDATED)
        for batch in bar(self.data.val_loader, "validation", unit="batch"):
            image, mask, contour = as_floats(batch, self.device)
            logits = self.network(image)
            loss += ran_loss(logits, mask, contour, self.loss_weights).item() * len(image)
            probabilities = logits["mask"].sigmoid()
            maps = focus_maps(probabilities[:, 0].float().cpu().numpy(), [truth.shape for truth in batch["truth"]])
            for index, focus_map, truth in zip(batch["index"], maps, batch["truth"]):
                scores.append(metrics.score_image(self.data.val_pairs[index].name, focus_map, truth, columns))
            self.example = torch.cat([image[-1], *(x[-1].expand(3, -1, -1) for x in (mask, probabilities))], -1)
        totals = metrics.SetScore(distributed.gather(scores)).totals()
        (loss,) = distributed.total(loss)
        return {"loss": loss / len(self.data.validation)} | {key: totals[key] for key in columns}

    def best(self) -> dict:
        """The row of the epoch that is kept; without validation, that of the last one."""
        column, choose = KEEP[self.config.keep]
        return choose(self.history, key=lambda row: row[column]) if self.data.validation else self.history[-1]

    def _diverged(self, what: str) -> ValueError:
        kept = f"; {checkpoint.LAST} and {checkpoint.BEST} are those of the epochs before" if self.history else ""
        return ValueError(f"epoch {len(self.history) + 1}, {what} start again with a lower --lr{kept}")

    def _over(self) -> str:
        """Why training is over, or an empty string."""
        done, patience = len(self.history), self.config.early_stop
        # One cycle is meant to be run to its end.
        if done and self.config.schedule == "plateau" and done - self.best()["epoch"] >= patience:
            return f"no better validation for {patience} epochs"
        return f"{done} epochs done" if done >= self.config.epochs else ""

    def _end_epoch(self, training: dict[str, float], start: float) -> None:
        """Validates, writes the epoch's line and the files."""
        epoch, validation = len(self.history) + 1, self.validate() if self.data.validation else {}
        if not math.isfinite(validation.get("loss", 0)):  # its map may score well by chance: it is never kept
            raise self._diverged(f"validation: loss {validation['loss']};")
        row = {"epoch": epoch, "lr": self.optimization.optimizer.param_groups[-1]["lr"]}  # the decoder's
        row |= {f"train_{k}": v for k, v in training.items()} | {f"val_{k}": v for k, v in validation.items()}
        self.optimization.end_epoch((validation or training)["loss"])
        self.history.append(row | {"seconds": round(time.monotonic() - start, 1)})
        if self.log:
            if self.best() is self.history[-1]:
                checkpoint.save_weights(self.folder / checkpoint.BEST, self.network.state_dict(), self._metadata())
            self.log.add(self.history, self.best(), self.example)
            checkpoint.save_state(self.folder / checkpoint.LAST, self._state())

    def _metadata(self) -> dict:
        """What is stored with the weights, see checkpoint.read_weights."""
        model, last = self.network.options, self.history[-1]
        return {
            "model": model,
            "config": checkpoint.recipe(self.config) | {k: v for k, v in model.items() if k != "encoder_norm"},
            "datasets": self.data.sets,
            "validation": [pair.name for pair in self.data.validation],
            "left_out": self.data.left_out,
            "torch": torch.__version__,
            "epoch": last["epoch"],
            "val_mae": last.get("val_mae"),
            "hardware": hardware(self.device),
            "seconds": round(sum(row["seconds"] for row in self.history)),
            "before": self.before,
        }

    def _state(self) -> dict:
        """All that --resume needs."""
        return {
            "config": dataclasses.asdict(self.config),
            "model": self.network.options,
            "validation": [pair.name for pair in self.data.validation],
            "files": self.data.files,
            "before": self.before,
            "history": self.history,
            "network": self.network.state_dict(),
            **self.optimization.state_dict(),
        }

    def _start_line(self) -> str:
        """What is trained, on what, and from where on."""
        config, data = self.config, self.data
        processes = f" x {distributed.size()} processes" if distributed.size() > 1 else ""
        position = ", a fresh start: nothing to resume there" * config.resume
        position = f", from epoch {len(self.history) + 1} on" if self.history else position
        return (
            f"RAN {self.network.options['arch']} on {self.device}{processes}: {' + '.join(data.sets)}, "
            f"{len(data.names)} training and {len(data.validation)} validation images at {config.img_size}, "
            f"batch {config.batch_size}, at most {config.epochs} epochs into {config.model_path}{position}"
        )
