"""What an epoch was like, gathered without stopping the device at every step."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.errors import TrainingDivergedError

_CHECK_EVERY_STEPS: Final = 16


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """One row of the training curves. Means are over the crops of the epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy with the margin."""
    accuracy: float
    """Share of crops whose own class centre is the nearest, without the margin."""
    learning_rate: float
    """Of the last step."""
    samples_per_s: float
    """Crops trained on in a second, validation left out."""
    feature_norm: float
    """Mean length of the raw embeddings."""
    grad_norm: float
    """Mean length of the gradient before clipping."""
    validation_auc: float | None
    """AUC over all pairs of the people set aside; None in epochs without validation."""


@dataclass(frozen=True, slots=True)
class StepValues:
    """Four scalars of one step, still on the device."""

    loss: Tensor
    accuracy: Tensor
    feature_norm: Tensor
    grad_norm: Tensor


@dataclass(frozen=True, slots=True)
class EpochMeans:
    """Means over the steps of an epoch."""

    loss: float
    accuracy: float
    feature_norm: float
    grad_norm: float


class Meter:
    """Gathers the steps of one epoch, and looks at them now and then."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._steps: list[Tensor] = []
        self._num_checked = 0

    def add(self, values: StepValues) -> None:
        """Note a step. Raises `TrainingDivergedError` soon after a value is not finite."""
        row = (values.loss, values.accuracy, values.feature_norm, values.grad_norm)
        self._steps.append(torch.stack([value.detach().float() for value in row]))
        if len(self._steps) - self._num_checked >= _CHECK_EVERY_STEPS:
            self._check()

    def means(self) -> EpochMeans:
        """Means over all steps; raises `TrainingDivergedError` where a value is not finite."""
        self._check()
        return EpochMeans(*torch.stack(self._steps).mean(0).tolist())

    def _check(self) -> None:
        table = torch.stack(self._steps[self._num_checked :]).cpu()
        wrong = torch.nonzero(~torch.isfinite(table).all(1))[:, 0]
        if len(wrong):
            loss, _, _, grad_norm = table[wrong[0]].tolist()
            raise TrainingDivergedError(
                f"epoch {self._epoch}, step {self._num_checked + int(wrong[0]) + 1}: loss {loss:g},"
                f" gradient norm {grad_norm:g}; lower the learning rate or lengthen the warm-up"
            )
        self._num_checked = len(self._steps)
