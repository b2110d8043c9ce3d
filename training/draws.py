"""Random numbers that depend on what is drawn for, not on who draws or in which order."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.split_mix import GOLDEN, mix

_WORD: Final = 2**64 - 1


def uniform(seed: int, epoch: int, rows: NDArray[np.int64], num_draws: int) -> NDArray[np.float64]:
    """Draw (len(rows), num_draws) numbers in [0, 1), each a hash of seed, epoch, row and column.

    The same row in the same epoch gets the same numbers in any batch, on any process. The hash is
    that of `data.split_mix`.
    """
    per_row = mix(epoch_key(seed, epoch) ^ mix(rows.astype(np.uint64)))
    steps = np.arange(1, num_draws + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    words = mix(per_row[:, None] + steps[None, :])
    # 53 bits are what a float64 holds.
    return (words >> np.uint64(11)).astype(np.float64) / 2.0**53


def epoch_key(seed: int, epoch: int) -> NDArray[np.uint64]:
    """One word (1,) that stands for a seed and an epoch from 0."""
    return mix(np.array([(seed * GOLDEN + epoch + 1) & _WORD], np.uint64))
