"""What can go wrong in training, as types.

TrainingError
├── TrainingDataError        crops or labels that cannot be trained on
├── TrainingDivergedError    the loss or a gradient is no longer finite
├── TrainingInterruptedError the run was asked to stop, and what it had done is saved
├── WorldError               the processes that train together lost each other
└── CheckpointError          a checkpoint is missing, damaged or of another shape
"""

from typing import Self


class TrainingError(Exception):
    """Base of all errors of the `training` package."""


class TrainingDataError(TrainingError):
    """Crops or labels that cannot be trained on."""


class TrainingDivergedError(TrainingError):
    """The loss or a gradient is no longer finite; the weights are worth nothing."""

    step: int | None = None
    """Number of the step, from 0, where it is known."""

    @classmethod
    def at(cls, step: int, loss: float, grad_norm: float) -> Self:
        """Name the step, counted from 1 as people do."""
        error = cls(f"step {step + 1}: loss {loss:g}, gradient norm {grad_norm:g}")
        error.step = step
        return error


class TrainingInterruptedError(TrainingError):
    """The run was asked to stop; what it had done is saved."""


class CheckpointError(TrainingError):
    """A checkpoint is missing, damaged, or does not fit the network it describes."""


class WorldError(TrainingError):
    """The processes that train together did not find, or have lost, each other."""
