"""Optimiser and learning rate of a recipe, and a step with them."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

from .options import Recipe

WARM_UP = 0.1  # share of all steps in which the learning rate of one cycle rises


def build_optimizer(network: nn.Module, recipe: Recipe, steps: int) -> tuple[Optimizer, LRScheduler]:
    """Optimiser of a network's encoder and decoder (two groups), and the schedule of its learning rates.

    Args:
        network: has an `encoder`; what does not require gradients is left out.
        recipe: schedule, lr, encoder_lr, weight_decay, and for the plateau lr_factor and patience.
        steps: of the whole training.

    Returns:
        The optimiser and its schedule. "plateau" is stepped with the validation loss after every epoch, "onecycle"
        after every step but the last.

    Raises:
        ValueError: too few steps for one cycle.
    """
    parts: dict[str, list[nn.Parameter]] = {"encoder": [], "decoder": []}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            parts["encoder" if name.startswith("encoder.") else "decoder"].append(parameter)
    rates = [recipe.lr * recipe.encoder_lr, recipe.lr]
    groups = [{"params": parameters, "lr": lr} for parameters, lr in zip(parts.values(), rates)]
    fused = next(network.parameters()).device.type in ("cpu", "cuda")
    if recipe.schedule == "plateau":
        optimizer = Adam(groups, weight_decay=recipe.weight_decay, fused=fused)
        return optimizer, ReduceLROnPlateau(optimizer, factor=recipe.lr_factor, patience=recipe.patience)
    optimizer = AdamW(groups, weight_decay=recipe.weight_decay, fused=fused)
    if steps < 3:
        raise ValueError(f"--schedule onecycle needs three steps, this training has {steps}: more --epochs or images")
    warm_up = max(WARM_UP, 2 / steps)  # the scheduler cannot do with less than two steps
    return optimizer, OneCycleLR(optimizer, rates, total_steps=steps, pct_start=warm_up, cycle_momentum=False)


class Optimization:
    """What changes a network's weights, with one state: optimiser, schedule, and the scale of losses that fp16 needs.

    Args:
        network, recipe, steps: see build_optimizer; of the recipe also clip, the largest norm of the gradient.
        scaled: whether losses are scaled; a step whose gradients overflow is then left out.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, steps: int, scaled: bool):
        self.network, self.recipe = network, recipe
        self.optimizer, self.scheduler = build_optimizer(network, recipe, steps)
        self.scaler = torch.amp.GradScaler(next(network.parameters()).device.type, enabled=scaled)
        self.complete = True  # whether the gradient that the network holds was used

    @property
    def rate(self) -> float:
        """The decoder's learning rate."""
        return self.optimizer.param_groups[-1]["lr"]

    def step(self, loss: torch.Tensor, share: float = 1, last: bool = True) -> torch.Tensor:
        """Adds a loss's gradient to the network's; changes the weights with the last one of some batches.

        Args:
            loss: mean over a batch.
            share: of the batch in the gradient of one step.
            last: whether the step is complete.

        Returns:
            The norm of the network's gradient so far, before clipping.
        """
        if self.complete:
            self.network.zero_grad(set_to_none=True)
        self.scaler.scale(loss * share).backward()
        self.complete = last
        if not last:
            return torch.zeros((), device=loss.device)
        self.scaler.unscale_(self.optimizer)
        norm = clip_grad_norm_(self.network.parameters(), self.recipe.clip or float("inf"))
        self.scaler.step(self.optimizer)
        scheduler = self.scheduler
        if isinstance(scheduler, OneCycleLR) and scheduler.last_epoch + 1 < scheduler.total_steps:
            scheduler.step()
        self.scaler.update()
        return norm

    def end_epoch(self, loss: float) -> None:
        """Tells the plateau's schedule the loss that it watches."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(loss)

    def state_dict(self) -> dict[str, dict]:
        return {part: getattr(self, part).state_dict() for part in ("optimizer", "scheduler", "scaler")}

    def load_state_dict(self, state: dict[str, dict]) -> None:
        """Takes back what state_dict gave, from among other things."""
        for part in ("optimizer", "scheduler", "scaler"):
            getattr(self, part).load_state_dict(state[part])
