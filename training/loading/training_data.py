"""What a run is trained on, checked before anything is done with it."""

from dataclasses import dataclass

import numpy as np

from training.errors import TrainingDataError
from training.loading.arrays import Labels, Weights
from training.loading.crop_sources import CropSource


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A data set: n crops, whose they are, and how often each is drawn."""

    crops: CropSource
    labels: Labels
    """(n,): class of each crop, from 0; -1 leaves a crop out."""
    weights: Weights | None = None
    """(n,), relative to each other; None draws each crop once an epoch."""

    def check(self) -> None:
        """Raise `TrainingDataError` where labels or weights do not go with the crops.

        Pixels are bytes and cannot be other than finite.
        """
        check_labels(self.labels, len(self.crops))
        if self.weights is not None:
            check_weights(self.weights, len(self.crops))


def check_labels(labels: Labels, num_crops: int) -> None:
    """Raise `TrainingDataError` unless labels are a class or -1 for each crop."""
    if labels.shape != (num_crops,) or not np.issubdtype(labels.dtype, np.integer):
        raise TrainingDataError(
            f"labels {labels.dtype} {labels.shape} do not go with {num_crops} crops; give one whole"
            " number for each"
        )
    if labels.size and labels.min() < -1:
        row = int(labels.argmin())
        raise TrainingDataError(
            f"label {labels[row]} of crop {row}: classes start at 0, -1 leaves a crop out"
        )


def check_weights(weights: Weights, num_crops: int) -> None:
    """Raise `TrainingDataError` unless weights are a finite number >= 0 for each crop."""
    if weights.shape != (num_crops,) or not np.issubdtype(weights.dtype, np.floating):
        raise TrainingDataError(
            f"sampling weights {weights.dtype} {weights.shape} do not go with {num_crops} crops;"
            " give one number for each (`dvc repro curate`)"
        )
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise TrainingDataError(
            f"sampling weight {weights[wrong[0]]} of crop {wrong[0]}, one of {len(wrong)} that are"
            " no finite number >= 0; `dvc repro curate`"
        )
