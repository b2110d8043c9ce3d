"""Which crop is seen at which place of an epoch: by computing, without a list of the epoch."""

from typing import Final

import numpy as np

from training.draws import epoch_key
from training.errors import TrainingDataError
from training.loading.arrays import Rows, Weights
from training.loading.permutation import KeyedPermutation

_WORD_BITS: Final = 62
"""What an int64 holds below its sign, less one bit for a carry."""


class SampleOrder:
    """The samples of every epoch, each at hand by its position.

    Without weights an epoch has every row once. With them it has as many samples as there are rows,
    each row as often as its weight says, rounded up or down by systematic sampling: one draw an
    epoch decides all roundings (Madow and Madow 1944). The order of an epoch is a shuffle that
    follows from seed and epoch.
    """

    def __init__(self, rows: Rows, num_rows: int, weights: Weights | None, seed: int) -> None:
        """Take the rows to draw from, out of a data set of `num_rows`, and its weights (num_rows,).

        Raises `TrainingDataError` below two rows, and where no row has a weight above 0.
        """
        if len(rows) < 2:
            raise TrainingDataError(f"{len(rows)} crops to train on; batch norm needs at least 2")
        self.seed = seed
        self._rows = rows
        self._num_rows = num_rows
        self._fraction_bits = _WORD_BITS - len(rows).bit_length()
        self._reached = None if weights is None else self._cumulated(weights[rows])

    def __len__(self) -> int:
        """Samples in an epoch."""
        return len(self._rows)

    def at(self, epoch: int, positions: Rows) -> tuple[Rows, Rows]:
        """Rows (k,) in the data set of positions (k,) of an epoch, and their keys (k,).

        Augmentation is keyed by the key: the row, or another number for each further copy of a row
        that an epoch draws several times.
        """
        places = KeyedPermutation(len(self), self.seed, epoch).at(positions)
        if self._reached is None:
            rows = self._rows[places]
            return rows, rows
        chosen, copies = self._drawn(self._reached, epoch, places)
        rows = self._rows[chosen]
        return rows, rows + copies * self._num_rows

    def _cumulated(self, weights: Weights) -> Rows:
        """Samples up to each row, before rounding: fixed-point numbers, so that sums are exact."""
        total = np.cumsum(weights)
        if not 0 < total[-1] < np.inf:
            raise TrainingDataError(
                f"the sampling weights of the training rows add up to {total[-1]}; give some of"
                " them a finite weight above 0"
            )
        whole = float(len(weights) << self._fraction_bits)
        # A sum over itself is 1 to the bit, and so the last row is reached in full.
        return np.asarray(total / total[-1] * whole, np.int64)

    def _drawn(self, reached: Rows, epoch: int, places: Rows) -> tuple[Rows, Rows]:
        """Which row stands at places (k,) of the unshuffled epoch, and which copy of it this is.

        Rounded by an offset u, row i ends at place floor(reached[i] + u).
        """
        bits = self._fraction_bits
        offset = int(epoch_key(self.seed, epoch)[0]) >> (64 - bits)
        chosen = np.searchsorted(reached, ((places + 1) << bits) - offset)
        before = np.where(chosen > 0, reached[chosen - 1], 0)
        return chosen, places - ((before + offset) >> bits)
