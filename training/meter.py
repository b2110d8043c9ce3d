"""What an epoch was like, gathered without stopping the device at every step."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.errors import TrainingDivergedError
from training.step import StepValues

LOSS, ACCURACY, FEATURE_NORM, GRAD_NORM, IS_HEALTHY = range(5)
_NUM_VALUES: Final = 5


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """One row of the training curves. Means are over the crops of the epoch."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy with the margin."""
    accuracy: float
    """Share of crops whose own class centre is the nearest of those looked at, without margin."""
    learning_rate: float
    """Of the last step."""
    samples_per_s: float
    """Crops trained on in a second by all processes, validation and saving left out."""
    feature_norm: float
    """Mean length of the raw embeddings."""
    grad_norm: float
    """Mean length of the gradient before clipping, of the steps that were taken."""
    skipped_steps: int
    """Steps that float16 left out because a gradient was not finite."""
    data_wait_share: float
    """Share of the main process's time in which it waited for crops."""
    mfu: float | None
    """Share of the peak arithmetic of all devices; None where the peak is not known."""
    peak_memory_bytes: int
    """Most memory of the main process's device so far."""
    train_s: float
    """Seconds of training, since the epoch began or was resumed."""
    validation_s: float
    """Seconds of validation."""
    validation_auc: float | None
    """AUC over all pairs of the people set aside; None in epochs without validation."""
    validation_tar: float | None
    """Share of their genuine pairs above a threshold that 1 in 1000 impostor pairs pass."""


class Meter:
    """Gathers the steps of one epoch on the device, and reads them now and then."""

    def __init__(self) -> None:
        self.sums = torch.zeros(_NUM_VALUES + 1, dtype=torch.float64)
        """Of the steps read, in the order above, then their number; a checkpoint keeps them."""
        self._waiting: list[Tensor] = []

    def add(self, values: StepValues) -> None:
        """Note a step, without looking at it."""
        row = (values.loss, values.accuracy, values.feature_norm, values.grad_norm)
        numbers = [value.detach().float() for value in (*row, values.is_healthy)]
        self._waiting.append(torch.stack(numbers))

    def read(self, next_step: int) -> Tensor:
        """Fetch the steps since the last reading, (n, 5) float64, of which `next_step` follows.

        Raises `TrainingDivergedError` with the first step whose values are not finite.
        """
        if not self._waiting:
            return torch.empty(0, _NUM_VALUES, dtype=torch.float64)
        table = torch.stack(self._waiting).cpu().double()
        self._waiting.clear()
        wrong = torch.nonzero(table[:, IS_HEALTHY] == 0)[:, 0]
        if len(wrong):
            row = int(wrong[0])
            raise TrainingDivergedError.at(
                next_step - len(table) + row, float(table[row, LOSS]), float(table[row, GRAD_NORM])
            )
        for values in table:  # one by one: then it does not matter when they are read
            taken = torch.isfinite(values[GRAD_NORM])
            self.sums[GRAD_NORM] += torch.where(taken, values[GRAD_NORM], 0.0)
            self.sums[:GRAD_NORM] += values[:GRAD_NORM]
            self.sums[IS_HEALTHY] += taken
            self.sums[-1] += 1
        return table

    @property
    def num_steps(self) -> int:
        """Steps read."""
        return int(self.sums[-1])

    @property
    def skipped_steps(self) -> int:
        """Those of them that were left out."""
        return self.num_steps - int(self.sums[IS_HEALTHY])

    def mean(self, value: int) -> float:
        """Mean of one of the values, named above, over the steps read."""
        count = self.sums[IS_HEALTHY] if value == GRAD_NORM else self.sums[-1]
        return float(self.sums[value] / count.clamp(min=1))
