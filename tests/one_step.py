"""Helper of test_distributed, run alone or by torchrun: the gradients of one step, written by the first process."""

import sys

import torch
from torch import nn

import main  # noqa: F401 (makes the folder above known as the package ran)
from ran.trainer import Trainer
from ran.utils import distributed
from ran.utils.command_line import parse
from ran.utils.options import TrainConfig


def step(output: str, *words: str) -> None:
    trainer = Trainer(parse(TrainConfig, list(words), "one_step"))
    trainer.network.train()
    for module in trainer.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # Gloo has no SyncBatchNorm: here only the gradients' own way is compared
    trainer.optimization.optimizer.step = lambda: None
    numbers = trainer.train_step(next(iter(trainer.data.train_loader)))
    gradients = {name: p.grad for name, p in trainer.network.named_parameters() if p.grad is not None}
    if distributed.rank() == 0:
        torch.save({"numbers": numbers, "gradients": gradients}, output)


if __name__ == "__main__":
    step(*sys.argv[1:])
