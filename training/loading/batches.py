"""What a step of training is given, on the device."""

from dataclasses import dataclass

from torch import Tensor

from training.augmentation.augment import Draws
from training.loading.arrays import Rows


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What one process computes at once: m samples."""

    crops_rgb_u8: Tensor
    """(m, 112, 112, 3) uint8."""
    crops: Tensor
    """(m, 3, 112, 112) float32 in [-1, 1], channels last: the same, changed as drawn."""
    labels: Tensor
    """(m,) int64."""
    round_labels: Tensor
    """(world_size * m,) int64: labels of all processes in this round, in the order of ranks."""
    draws: Draws
    """How the crops are to be changed."""
    rows: Rows
    """(m,): where the crops are in the data set. On the host."""


@dataclass(frozen=True, slots=True)
class StepBatch:
    """One process's part of an optimiser step."""

    step: int
    """From 0, over all epochs."""
    epoch: int
    """From 0."""
    labels: Tensor
    """(batch_size,) int64: labels of all processes, in the order of their places in the step."""
    micro: tuple[MicroBatch, ...]
    """What this process computes, one round after the other."""
