"""What follows from the number of a step: learning rate and margin."""

import math

from training.config import Schedule, TrainConfig
from training.step import StepSettings


def settings_of(step: int, steps_per_epoch: int, config: TrainConfig) -> StepSettings:
    """Settings of a step counted from 0 over the whole run."""
    share = rate_share(
        step,
        config.epochs * steps_per_epoch,
        config.warmup_epochs * steps_per_epoch,
        config.schedule,
    )
    margin_steps = config.head.margin_warmup_epochs * steps_per_epoch
    return StepSettings(
        learning_rate=config.learning_rate * share,
        margin_share=min(1.0, step / margin_steps) if margin_steps else 1.0,
    )


def rate_share(step: int, num_steps: int, warmup_steps: float, schedule: Schedule) -> float:
    """Share of the highest learning rate at a step counted from 0: up to 1, then down to near 0.

    The rate falls over the steps after the warm-up; `poly` is arcface_torch's with power 1,
    `cosine` that of SGDR without restarts (Loshchilov and Hutter 2017).
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    done = (step - warmup_steps) / max(num_steps - warmup_steps, 1)
    return 1 - done if schedule == "poly" else (1 + math.cos(math.pi * done)) / 2
