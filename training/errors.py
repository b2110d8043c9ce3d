"""What can go wrong in training, as types.

TrainingError
├── TrainingDataError        crops or labels that cannot be trained on
├── TrainingDivergedError    the loss or a gradient is no longer finite
└── CheckpointError          a checkpoint is missing, damaged or of another shape
"""


class TrainingError(Exception):
    """Base of all errors of the `training` package."""


class TrainingDataError(TrainingError):
    """Crops or labels that cannot be trained on."""


class TrainingDivergedError(TrainingError):
    """The loss or a gradient is no longer finite; the weights are worth nothing."""


class CheckpointError(TrainingError):
    """A checkpoint is missing, damaged, or does not fit the network it describes."""
