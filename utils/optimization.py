"""Optimiser and learning rate of a recipe, and a step with them."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, AdamW
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from .options import TrainConfig

WARM_UP = 0.1  # share of all steps in which the learning rate of one cycle rises


class Optimization:
    """What changes a network's weights: an optimiser with two groups, encoder and decoder, and its schedule.

    The schedule "plateau" (Adam) follows the validation loss after every epoch, "onecycle" (AdamW) steps after every
    step but the last.

    Args:
        network: has an `encoder`; what does not require gradients is left out.
        recipe: schedule, lr, encoder_lr, weight_decay, clip, and for the plateau lr_factor and patience.
        steps: number of steps of the whole training.

    Raises:
        ValueError: too few steps for one cycle.
    """

    def __init__(self, network: nn.Module, recipe: TrainConfig, steps: int):
        self.network, self.recipe = network, recipe
        learned = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
        encoder = [parameter for name, parameter in learned if name.startswith("encoder.")]
        decoder = [parameter for name, parameter in learned if not name.startswith("encoder.")]
        rates = [recipe.lr * recipe.encoder_lr, recipe.lr]
        groups = [{"params": encoder, "lr": rates[0]}, {"params": decoder, "lr": rates[1]}]
        fused = decoder[0].device.type in ("cpu", "cuda")
        kind = Adam if recipe.schedule == "plateau" else AdamW
        self.optimizer = kind(groups, weight_decay=recipe.weight_decay, fused=fused)
        self.scheduler: LRScheduler
        if recipe.schedule == "plateau":
            self.scheduler = ReduceLROnPlateau(self.optimizer, factor=recipe.lr_factor, patience=recipe.patience)
        elif steps < 3:
            raise ValueError(f"schedule onecycle needs three steps, this training has {steps}: more --epochs or images")
        else:
            warm_up = max(WARM_UP, 2 / steps)  # the scheduler cannot do with less than two steps
            self.scheduler = OneCycleLR(self.optimizer, rates, steps, pct_start=warm_up, cycle_momentum=False)

    def step(self, loss: torch.Tensor, share: float = 1, last: bool = True) -> torch.Tensor:
        """Adds the gradient of a batch's mean loss; with the last one of some batches changes the weights.

        `share` is that of the batch in the gradient of the step. Returns the norm of the gradient before clipping; 0
        where the step is not complete.
        """
        (loss * share).backward()
        if not last:
            return torch.zeros((), device=loss.device)
        norm = clip_grad_norm_(self.network.parameters(), self.recipe.clip or float("inf"))
        self.optimizer.step()
        self.optimizer.zero_grad()
        scheduler = self.scheduler
        if isinstance(scheduler, OneCycleLR) and scheduler.last_epoch + 1 < scheduler.total_steps:
            scheduler.step()
        return norm

    def end_epoch(self, loss: float) -> None:
        """Tells the plateau's schedule the loss that it watches."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(loss)

    def state_dict(self) -> dict[str, dict]:
        return {part: getattr(self, part).state_dict() for part in ("optimizer", "scheduler")}

    def load_state_dict(self, state: dict[str, dict]) -> None:
        """Takes back what state_dict gave, from among other things."""
        for part in ("optimizer", "scheduler"):
            getattr(self, part).load_state_dict(state[part])
