"""Random numbers that depend on what is drawn for, not on who draws or in which order."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_GOLDEN: Final = 0x9E3779B97F4A7C15
_WORD: Final = 2**64 - 1


def uniform(seed: int, epoch: int, rows: NDArray[np.int64], num_draws: int) -> NDArray[np.float64]:
    """Draw (len(rows), num_draws) numbers in [0, 1), each a hash of seed, epoch, row and column.

    The same row in the same epoch gets the same numbers in any batch, on any process. The hash is
    the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    per_row = mix(epoch_key(seed, epoch) ^ mix(rows.astype(np.uint64)))
    steps = np.arange(1, num_draws + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    words = mix(per_row[:, None] + steps[None, :])
    # 53 bits are what a float64 holds.
    return (words >> np.uint64(11)).astype(np.float64) / 2.0**53


def epoch_key(seed: int, epoch: int) -> NDArray[np.uint64]:
    """One word (1,) that stands for a seed and an epoch from 0."""
    return mix(np.array([(seed * _GOLDEN + epoch + 1) & _WORD], np.uint64))


def mix(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's step and finaliser: words to words, one to one, neighbours far apart."""
    word = word + np.uint64(_GOLDEN)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))
