"""Where a training stands, and the numbers of its steps on their way into it."""

import math
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch

from . import distributed
from .interruption import StopSignals
from .options import TrainConfig

# Steps between two readings of a training's numbers: to read them is to wait for the device.
READ_EVERY = {"cpu": 1, "mps": 10, "cuda": 10}


class Diverged(Exception):
    """A loss or gradient that is no number any more."""


@dataclass
class TrainState:
    """What a checkpoint holds of a training beside weights, optimiser and random state.

    Attributes:
        names: training images, in order.
        files: a fingerprint of each image and its mask, by name.
        before: metadata of the trainings behind --weights, the first one first.
        epoch, step: how many are done, steps of the unfinished epoch.
        sums: of loss, mae, images and seconds in the unfinished epoch.
        history: a row an epoch: epoch, lr, train_..., val_... (where something validates), seconds.
        retreat: the epoch and step at which the training diverged and went back; empty if it never did.
    """

    names: list[str]
    files: dict[str, str]
    before: list[dict]
    epoch: int = 0
    step: int = 0
    sums: dict[str, float] = field(default_factory=lambda: {"loss": 0.0, "mae": 0.0, "images": 0, "seconds": 0.0})
    history: list[dict] = field(default_factory=list)
    retreat: dict = field(default_factory=dict)

    def means(self) -> dict[str, float]:
        """Loss and MAE of the unfinished epoch, means over its images so far."""
        return {key: self.sums[key] / self.sums["images"] for key in ("loss", "mae")}

    def position(self) -> str:
        return f"epoch {self.epoch + 1}, step {self.step}"

    def best(self) -> dict:
        """The epoch whose weights are kept: by validation MAE; the last one where nothing validates."""
        last = self.history[-1]
        return min(self.history, key=lambda row: row["val_mae"]) if "val_mae" in last else last

    def kept(self) -> str:
        """Which epoch's weights are kept, and why."""
        best = self.best()
        why = f"best validation MAE {best['val_mae']:.4f} in epoch" if "val_mae" in best else "kept is epoch"
        return f"{why} {best['epoch']}"

    def over(self, config: TrainConfig) -> str:
        """Why training is over, or an empty string."""
        can_stop = self.history and config.schedule == "plateau"  # one cycle is meant to be run to its end
        if can_stop and self.epoch - self.best()["epoch"] >= config.early_stop:
            return f"no better validation MAE for {config.early_stop} epochs"
        return f"{self.epoch} epochs done" if self.epoch >= config.epochs else ""

    def end_epoch(self, row: dict) -> None:
        """Adds an epoch's row and moves on to the next epoch."""
        self.history.append(row)
        self.epoch, self.step = self.epoch + 1, 0
        self.sums = dict.fromkeys(self.sums, 0)

    def state_dict(self) -> dict[str, Any]:
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any], source: str = "the state") -> None:
        """Takes back what state_dict gave, from among other things; older states lack the newest parts.

        Raises:
            ValueError: it was trained on other pictures, with its source.
        """
        if state["names"] != self.names:
            raise ValueError(f"{source}: it was trained on other images than are there now")
        stored = state.get("files", self.files)
        names = sorted(stored.keys() | self.files.keys())
        if changed := [name for name in names if stored.get(name) != self.files.get(name)]:
            files = f"{', '.join(changed[:5])}{' ...' if changed[5:] else ''}"
            advice = "put the old files back, or start anew from its weights by --weights and another --model_path"
            raise ValueError(f"{source}: {len(changed)} pair(s) have changed since then: {files}; {advice}")
        for part in fields(self):
            if part.name in state:
                setattr(self, part.name, state[part.name])


class StepReader:
    """Reads the numbers of some steps at a time into a TrainState, and learns whether any process should stop.

    Args:
        state: gets the sums.
        counts: images of this process's share of a step, and of the whole step.
        device: where the numbers are.
        steps_may_be_skipped: whether a gradient that is no number is no fault: with fp16 the scaler leaves such steps
            out.
    """

    def __init__(self, state: TrainState, counts, device: torch.device, steps_may_be_skipped: bool):
        self.state, self.counts, self.device = state, counts, device
        self.steps_may_be_skipped = steps_may_be_skipped
        self.unread: list[tuple[int, torch.Tensor, torch.Tensor]] = []
        self.since = time.monotonic()

    def add(self, indices: torch.Tensor, numbers: torch.Tensor) -> None:
        """Notes a step: its images, and its loss, MAE and gradient norm, still on the device."""
        self.unread.append((self.state.step, indices, numbers))

    def is_due(self) -> bool:
        return len(self.unread) >= READ_EVERY[self.device.type]

    def read(self, stop: StopSignals) -> None:
        """Waits for the device, adds up, and agrees with the other processes.

        Raises:
            Diverged: a number is none any more, in this process or another one.
        """
        loss = mae = diverged = 0.0
        reason = "in another process"
        numbers = torch.stack([values for *_, values in self.unread]).tolist()
        for (step, indices, _), (step_loss, step_mae, norm) in zip(self.unread, numbers):
            if not (math.isfinite(step_loss) and (math.isfinite(norm) or self.steps_may_be_skipped)):
                names = ", ".join(self.state.names[i] for i in indices)
                reason = f"step {step + 1}: loss {step_loss}, gradient norm {norm}; here the images were {names}"
                diverged = 1.0
                break
            own, whole = self.counts(step)
            loss += step_loss * own
            mae += step_mae * own
            self.state.sums["images"] += whole
        self.unread = []
        loss, mae, signals, diverged = distributed.total([loss, mae, stop.count, diverged], self.device)
        if diverged:
            raise Diverged(f"epoch {self.state.epoch + 1}, {reason}")
        now = time.monotonic()
        for key, value in (("loss", loss), ("mae", mae), ("seconds", now - self.since)):
            self.state.sums[key] += value
        self.since = now
        stop.agree(signals)
