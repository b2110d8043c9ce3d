"""SGD over the network, without decay where decay does harm. The head moves its own rows."""

import torch
from torch import nn

from training.config import TrainConfig


def build_optimiser(parameters: list[nn.Parameter], config: TrainConfig) -> torch.optim.SGD:
    """SGD with momentum, in one fused pass, which can leave out a step without the host knowing.

    Weight decay falls on matrices and kernels. What has one dimension is a norm's scale, a bias or
    a PReLU's slope, and stays free of it.
    """
    decayed = [p for p in parameters if p.ndim > 1]
    free = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.SGD(
        groups,
        lr=config.learning_rate,
        momentum=config.momentum,
        nesterov=config.nesterov and config.momentum > 0,
        fused=True,
    )
    if config.momentum > 0:
        # Buffers of zeros from the start: torch leaves them unwritten where the first step is left
        # out, and a checkpoint can be taken before it.
        for parameter in parameters:
            optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimiser


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group the same rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate
