"""Trainer: recipe -> trained weights."""

import dataclasses
import math
import time
from pathlib import Path

import torch

from .data.resizing import focus_maps
from .dataloader import as_floats
from .evaluation import metrics
from .model.losses import WEIGHTS, is_known, ran_loss
from .training_setup import Start, TrainingData, seed_dropout, smaller, start_line
from .utils import checkpoint, distributed
from .utils.device import compiled, mixed_precision, name_of
from .utils.files import locked
from .utils.interruption import StopSignals
from .utils.log import RunLog
from .utils.memory import explain_out_of_memory, peak_memory
from .utils.optimization import Optimization
from .utils.options import TrainConfig
from .utils.progress import bar
from .utils.train_state import Diverged, StepReader, TrainState

SAVE_SECONDS = 300
VALIDATED = ("P0", "P1", "P3", "P5")  # protocols that need the histogram of a map alone


class Trainer:
    """Trains RAN by a recipe into a run folder, stoppable and resumable at any step.

    The folder gets best_model.safetensors (lowest validation MAE; the last epoch where nothing validates), last.pt
    (all that --resume needs), history.csv and curves.png. Under torchrun all processes share each batch and the
    validation images; the first writes the files.

    Raises:
        FileNotFoundError, ValueError: no data, a folder that already holds a run, a state that does not fit.
        OSError: the folder cannot be written to, or another run is at work there.
    """

    def __init__(self, config: TrainConfig):
        self.device = distributed.join(config.device)
        # Also here: pictures take long to read, and the state is not to change behind it.
        with locked(Path(config.model_path), distributed.rank() == 0):
            self.precision = mixed_precision(config.amp, self.device)
            torch.backends.cudnn.allow_tf32 = self.precision is not None  # full precision means all 32 bits
            # The state says what auto was, so that another device does not change it unnoticed.
            start = Start(dataclasses.replace(config, amp=name_of(self.precision)))
            self.config, self.folder = start.config, Path(config.model_path)
            torch.manual_seed(config.seed)
            torch.backends.cudnn.benchmark = True  # all batches have one size
            self.data = TrainingData(self.config, start.last["names"] if start.last else None)
            self.loss_weights = WEIGHTS | dict(zip(WEIGHTS, self.config.loss_weights))
            self.network = start.network().to(self.device).to(memory_format=torch.channels_last)
            self.model = compiled(distributed.wrapped(self.network, self.device), config.compile, self.device)
            steps, scaled = config.epochs * len(self.data.batches), self.precision == torch.float16
            self.optimization = Optimization(self.network, self.config, steps, scaled)
            self.state = TrainState(self.data.names, self.data.files, start.before)
            self.example: torch.Tensor | None = None  # photograph, truth and map of a validation picture, side by side
            if start.last:
                self._restore(start.last)
            distributed.check_same(f"states in {self.folder}", [self.state.epoch, self.state.step])
            seed_dropout(self.config, self.state.epoch)

    def train(self) -> int:
        """Runs the epochs that are left. Returns the exit status: 0, or 128 + signal when stopped by one.

        Raises:
            ConnectionError, ChildProcessError: another process of the job, or a loader process, ended.
            OSError: the folder cannot be written to, or another run is at work there.
            ValueError: it diverged twice; not enough memory; a picture that cannot be read any more.
        """
        print(start_line(self.config, self.network, self.data, self.state, self.device), flush=True)
        first, advice = distributed.rank() == 0, f"the last state in {self.folder} is whole: --resume goes on"
        with locked(self.folder, first), StopSignals() as stop, distributed.explain_lost_processes(advice):
            self.log = RunLog(self.folder, self.state.epoch + 1) if first else None
            self.saved_at = time.monotonic()
            if not self.state.history and not self.state.step:
                self._save()  # from now on the folder holds a run
            while not (reason := self.state.over(self.config)) and not stop.agreed:
                try:
                    self.train_epoch(stop)
                except Diverged as error:
                    self._go_back(error)
        if stop.agreed and not reason:
            print(f"{stop.agreed.name}: saved in {self.state.position()}; --resume goes on")
            return 128 + stop.agreed
        print(f"{reason}; {self.state.kept()}: {self.folder / checkpoint.BEST}{peak_memory(self.device)}")
        return 0

    def train_epoch(self, stop: StopSignals) -> None:
        """Trains from the current step to the epoch's end, validates and saves; a signal saves and cuts it short."""
        self.network.train()
        state, loader, batches = self.state, self.data.train_loader, self.data.batches
        batches.epoch, batches.step = state.epoch, state.step
        steps = state.step + len(loader)
        reader = StepReader(state, batches.counts, self.device, self.precision == torch.float16)
        title, all_steps = f"epoch {state.epoch + 1}/{self.config.epochs}", self.config.epochs * steps
        # Of the whole training: so is the time that is left.
        with bar(loader, title, all_steps, "step", initial=state.epoch * steps + state.step) as shown:
            for batch in shown:
                with explain_out_of_memory(smaller(self.config, self.device)):
                    reader.add(batch["index"], self.train_step(batch))
                state.step += 1
                if not reader.is_due() and state.step < steps:
                    continue
                reader.read(stop)
                shown.set_postfix({key: f"{mean:.4f}" for key, mean in state.means().items()}, refresh=False)
                if stop.agreed or time.monotonic() - self.saved_at > SAVE_SECONDS:
                    self._save()
                if stop.agreed:
                    return
        self._end_epoch()
        stop.agree(*distributed.total([stop.count], self.device))

    def train_step(self, batch: dict) -> torch.Tensor:
        """One step. Returns loss, MAE and gradient norm, on the device: to read them would be to wait for it."""
        image, mask, contour = as_floats(batch, self.device)
        self.network.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, self.precision, enabled=self.precision is not None):
            logits = self.model(image)
        logits = {head: values.float() for head, values in logits.items()}
        loss = ran_loss(logits, mask, contour, self.loss_weights)
        own, whole = self.data.batches.counts(self.state.step)
        # Gradients become means over processes: a share weighs as many images as it has.
        norm = self.optimization.step(loss * (own * distributed.size() / whole))
        known = is_known(mask)
        mae = ((logits["mask"].detach().sigmoid() - mask).abs() * known).sum() / known.sum().clamp(min=1)
        return torch.stack([loss.detach(), mae, norm])

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Loss at the network's size, and the scores of `test`: 8-bit maps at the pictures' original size."""
        distributed.same_buffers(self.network)
        self.network.eval()
        scores, loss, columns = metrics.SetScore(), 0.0, metrics.columns_of(VALIDATED)
        loader, pairs = self.data.val_loader, self.data.val_pairs
        assert loader is not None  # only called where something validates
        for batch in bar(loader, "validation", unit="batch"):
            image, mask, contour = as_floats(batch, self.device)
            logits = self.network(image)
            loss += ran_loss(logits, mask, contour, self.loss_weights).item() * len(image)
            probabilities = logits["mask"].sigmoid()
            truths = [truth.numpy() for truth in batch["truth"]]
            maps = focus_maps(probabilities[:, 0].float().cpu().numpy(), [truth.shape for truth in truths])
            for index, focus_map, truth in zip(batch["index"], maps, truths):
                scores.add(metrics.score_image(pairs[index].name, focus_map, truth, columns))
            self.example = torch.cat([image[-1], *(x[-1].expand(3, -1, -1) for x in (mask, probabilities))], -1)
        totals = metrics.totals(scores.gathered())
        (loss,) = distributed.total([loss], self.device)
        return {"loss": loss / self.data.val_images} | {key: totals[key] for key in columns}

    def _end_epoch(self) -> None:
        """Validates, writes the epoch's line and the files, and moves on to the next epoch."""
        state, training, start = self.state, self.state.means(), time.monotonic()
        validation = self.validate() if self.data.val_images else {}
        if not math.isfinite(validation.get("loss", 0)):  # its map may score well by chance: it is never kept
            advice = "last.pt and best_model.safetensors stay those before; start anew with a lower --lr"
            raise ValueError(f"epoch {state.epoch + 1}: the validation loss is {validation['loss']}; {advice}")
        row = {"epoch": state.epoch + 1, "lr": self.optimization.rate}
        row |= {f"train_{k}": v for k, v in training.items()} | {f"val_{k}": v for k, v in validation.items()}
        self.optimization.end_epoch((validation or training)["loss"])
        state.end_epoch(row | {"seconds": round(state.sums["seconds"] + time.monotonic() - start, 1)})
        if self.log:
            if state.best() is state.history[-1]:
                model, sets = self.network.options, self.data.sets
                metadata = checkpoint.training_metadata(self.config, model, state, sets, self.device)
                checkpoint.save_weights(self.folder / checkpoint.BEST, self.network.state_dict(), metadata)
            self.log.add(state.history, state.best(), self.example)
        self._save()

    def _save(self) -> None:
        """Writes all that --resume needs."""
        self.saved_at = time.monotonic()
        if self.log:
            options = {"config": dataclasses.asdict(self.config), "model": self.network.options}
            weights = {"network": self.network.state_dict()} | self.optimization.state_dict()
            parts = (options, weights, self.state.state_dict(), checkpoint.random_state(self.device))
            checkpoint.save_state(self.folder / checkpoint.LAST, *parts)

    def _restore(self, last: dict) -> None:
        self.state.load_state_dict(last, f"{self.folder / checkpoint.LAST}, with {self.config.data_path}")
        self.network.load_state_dict(last["network"])
        self.optimization.load_state_dict(last)
        checkpoint.set_random_state(last, self.device)

    def _go_back(self, reason: Diverged) -> None:
        """Goes on from the last saved state with half the learning rate, once in a training.

        Raises:
            ValueError: it went back before.
        """
        if self.state.retreat:
            advice = "look at these pictures and masks, or start anew with a lower --lr; the last state is kept"
            raise ValueError(f"{reason}. It went back once before; {advice}")
        retreat = {"epoch": self.state.epoch + 1, "step": self.state.step}
        self._restore(checkpoint.read_state(self.folder / checkpoint.LAST))
        distributed.total([0.0], self.device)  # every process has read it before the first one writes it anew
        seed_dropout(self.config, self.state.epoch)
        self.state.retreat = retreat
        self.optimization.halve_rate()
        self._save()
        print(f"{reason}: back to {self.state.position()}, with half the learning rate")
