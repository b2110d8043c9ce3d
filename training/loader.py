"""Crops from a memory-mapped file to batches, in an order that seed and epoch decide."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.face import CROP_SIZE_PX
from training.errors import TrainingDataError

CropsU8 = NDArray[np.uint8]  # (n, 112, 112, 3), RGB
Labels = NDArray[np.int64]  # (n,), class of each crop, -1 for a crop that is not to be trained on
Rows = NDArray[np.int64]
Weights = NDArray[np.float64]  # (n,), how often each crop is drawn, relative to the others


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step sees."""

    crops_rgb_u8: CropsU8
    labels: Labels
    rows: Rows
    """Where the crops are in the data set."""
    keys: Rows
    """What augmentation is keyed by: the row, or another number for each further copy of a row that
    an epoch draws several times."""


def open_crops(path: Path) -> CropsU8:
    """Map a `.npy` file of crops (n, 112, 112, 3) into memory without reading it.

    Raises `TrainingDataError` where it is missing, damaged or holds something else.
    """
    try:
        crops: CropsU8 = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TrainingDataError(
            f"{path}: cannot be read as crops ({error}); run the align stage again"
        ) from error
    check_crops(crops, str(path))
    return crops


def check_crops(crops: CropsU8, name: str) -> None:
    """Raise `TrainingDataError` unless these are uint8 crops (n, 112, 112, 3)."""
    if crops.dtype != np.uint8 or crops.shape[1:] != (CROP_SIZE_PX, CROP_SIZE_PX, 3):
        raise TrainingDataError(
            f"{name}: {crops.dtype} {crops.shape} are no crops; they are uint8"
            f" (n, {CROP_SIZE_PX}, {CROP_SIZE_PX}, 3)"
        )


class CropLoader:
    """Batches of some rows of a data set. The last, short batch of an epoch is left out."""

    def __init__(
        self,
        crops_rgb_u8: CropsU8,
        labels: Labels,
        rows: Rows,
        batch_size: int,
        seed: int,
        weights: Weights | None = None,
    ) -> None:
        """Take all crops and labels, and the rows to draw from.

        Without weights (n,) an epoch takes every row once. With them it takes as many rows in all,
        each as often as its weight says, rounded up or down. A set smaller than `batch_size` makes
        one batch. Raises `TrainingDataError` below two rows, and for weights that are no such.
        """
        if len(rows) < 2:
            raise TrainingDataError(f"{len(rows)} crops to train on; batch norm needs at least 2")
        self._crops = crops_rgb_u8
        self._labels = labels
        self._rows = rows
        self._batch_size = min(batch_size, len(rows))
        self._seed = seed
        self._weights = None if weights is None else _checked(weights, len(labels))[rows]
        if self._weights is not None and not self._weights.sum() > 0:
            raise TrainingDataError("all sampling weights of the training rows are 0")

    @property
    def num_batches(self) -> int:
        """Batches in an epoch."""
        return len(self._rows) // self._batch_size

    @property
    def batch_size(self) -> int:
        """Crops in each batch."""
        return self._batch_size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, counted from 0; the same again for the same epoch."""
        rng = np.random.default_rng([self._seed, epoch])
        rows, keys = self._drawn(rng)
        order = rng.permutation(len(rows))
        for start in range(0, self.num_batches * self._batch_size, self._batch_size):
            chosen = order[start : start + self._batch_size]
            batch = rows[chosen]
            yield Batch(np.asarray(self._crops[batch]), self._labels[batch], batch, keys[chosen])

    def _drawn(self, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows of an epoch and their keys. Systematic sampling: one draw decides all roundings."""
        if self._weights is None:
            return self._rows, self._rows
        share = np.cumsum(self._weights) / self._weights.sum()
        reached = np.floor(share * len(self._rows) + rng.random()).astype(np.int64)
        reached[-1] = len(self._rows)  # where the sum of the shares misses 1 by a rounding error
        copies = np.diff(reached, prepend=0)
        rows = np.repeat(self._rows, copies)
        copy = np.arange(len(rows)) - np.repeat(np.cumsum(copies) - copies, copies)
        return rows, rows + copy * len(self._labels)


def _checked(weights: Weights, num_rows: int) -> Weights:
    fits = weights.shape == (num_rows,) and np.isfinite(weights).all() and (weights >= 0).all()
    if not fits:
        raise TrainingDataError(
            f"sampling weights {weights.shape} are not one finite number >= 0 for each of"
            f" {num_rows} crops; `dvc repro curate`"
        )
    return weights
