"""SGD over body and head, without decay where decay does harm."""

from collections.abc import Iterable

import torch
from torch import nn

from training.config import TrainConfig


def trainable(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """Every parameter that is trained, in a fixed order."""
    return [p for module in modules for p in module.parameters() if p.requires_grad]


def build_optimiser(parameters: list[nn.Parameter], config: TrainConfig) -> torch.optim.SGD:
    """SGD with Nesterov momentum.

    Weight decay falls on matrices and kernels. What has one dimension is a norm's scale, a bias or
    a PReLU's slope, and stays free of it.
    """
    decayed = [p for p in parameters if p.ndim > 1]
    free = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups,
        lr=config.learning_rate,
        momentum=config.momentum,
        nesterov=config.momentum > 0,
        foreach=True,
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the same rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate
