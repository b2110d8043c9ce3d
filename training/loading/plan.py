"""How samples fall into steps, micro-batches and processes: arithmetic, no data.

A step takes `batch_size` samples of all processes together, in `accumulation` rounds; in a round
each of W processes takes `micro_batch_size` m. Round j gives process r the places
[j W m + r m, + m) of the step. So each group of m samples, which batch norm sees together, holds
the same samples for every W.
"""

import numpy as np

from training.errors import TrainingDataError
from training.loading.arrays import Rows


class StepPlan:
    """The steps of a run. A rest of an epoch that does not fill a batch is left out."""

    def __init__(
        self, num_samples: int, batch_size: int, micro_batch_size: int | None, world_size: int
    ) -> None:
        """Take the samples of an epoch; without a `micro_batch_size` a step is one round.

        A set smaller than `batch_size` makes one batch of as much of it as the processes can share.
        Raises `TrainingDataError` where the sizes do not go together, naming those that do.
        """
        _check_sizes(batch_size, micro_batch_size, world_size)
        self.num_samples = num_samples
        """In an epoch."""
        self.world_size = world_size
        """Processes that share a step."""
        fitting = min(batch_size, num_samples)
        self.micro_batch_size = micro_batch_size or fitting // world_size
        """Samples that one process computes at once."""
        if fitting < max(2, self.micro_batch_size) * world_size:
            raise TrainingDataError(
                f"{num_samples} crops to train on do not fill a step of {world_size} processes; it"
                f" takes {max(2, self.micro_batch_size) * world_size} at least"
            )
        self.accumulation = fitting // (self.micro_batch_size * world_size)
        """Rounds of a step."""
        self.batch_size = self.accumulation * self.micro_batch_size * world_size
        """Samples in a step, of all processes."""
        self.steps_per_epoch = num_samples // self.batch_size
        """Whole batches in an epoch."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """The places of a step in order, seen as (rounds, processes, samples at once)."""
        return self.accumulation, self.world_size, self.micro_batch_size

    def epoch_of(self, step: int) -> int:
        """Epoch, from 0, that a step, from 0, is in."""
        return step // self.steps_per_epoch

    def positions(self, step: int) -> Rows:
        """Positions (batch_size,) in its epoch of each sample of a step, in order of places."""
        first = step % self.steps_per_epoch * self.batch_size
        return np.arange(first, first + self.batch_size, dtype=np.int64)


def _check_sizes(batch_size: int, micro_batch_size: int | None, world_size: int) -> None:
    if micro_batch_size is not None and batch_size % micro_batch_size:
        raise TrainingDataError(
            f"batch_size {batch_size} is no multiple of micro_batch_size {micro_batch_size}"
        )
    least = micro_batch_size or 2
    if least < 2:
        raise TrainingDataError("micro_batch_size 1: batch norm needs at least 2 crops at once")
    unit = micro_batch_size or 1
    if batch_size % (unit * world_size) or batch_size < least * world_size:
        fitting = _fitting_worlds(batch_size, unit, least)
        raise TrainingDataError(
            f"batch_size {batch_size} cannot be shared by {world_size} processes in micro-batches"
            f" of {micro_batch_size or 'one size, 2 at least'}; it can by {fitting}"
        )


def _fitting_worlds(batch_size: int, unit: int, least: int) -> str:
    sizes = range(1, batch_size // least + 1)
    return ", ".join(str(size) for size in sizes if batch_size % (unit * size) == 0)
