"""Shuffle any number of things without a table: where position p of n goes is computed from p."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.split_mix import mix
from training.draws import epoch_key

_ROUNDS: Final = 8
_LEAST_BITS: Final = 6
"""With less, a handful of things is visibly not shuffled evenly; with more it takes longer."""
_DOMAIN: Final = np.uint64(0x6F72646572)
"""Sets the words drawn here apart from those that augmentation draws from the same key."""


class KeyedPermutation:
    """A shuffle of range(n) that follows from seed and epoch, in O(1) memory and random access.

    A Feistel network over the least number of bits that holds n, its round functions hashes of a
    key; what falls outside range(n) is sent through again until it is inside, which takes less than
    two passes on average (cycle walking; Black and Rogaway 2002, "Ciphers with arbitrary finite
    domains"). Any network of this kind is one to one, whatever its round functions are.
    """

    def __init__(self, n: int, seed: int, epoch: int) -> None:
        """Take n >= 1."""
        self._n = n
        num_bits = max(_LEAST_BITS, (n - 1).bit_length())
        self._widths = (num_bits // 2, num_bits - num_bits // 2)
        self._keys = mix(epoch_key(seed, epoch) ^ _DOMAIN + np.arange(_ROUNDS, dtype=np.uint64))

    def at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where positions (k,) in range(n) go: (k,) in range(n)."""
        words = self._passed(positions.astype(np.uint64))
        outside = np.flatnonzero(words >= self._n)
        while len(outside):
            words[outside] = self._passed(words[outside])
            outside = outside[words[outside] >= self._n]
        return words.astype(np.int64)

    def _passed(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Once through the network; the halves swap sides, and so widths, after each round."""
        low_bits, high_bits = self._widths
        for key in self._keys:
            low, high = words & _ones(low_bits), words >> np.uint64(low_bits)
            words = low << np.uint64(high_bits) | (high ^ mix(low ^ key)) & _ones(high_bits)
            low_bits, high_bits = high_bits, low_bits
        return words


def _ones(num_bits: int) -> np.uint64:
    return np.uint64((1 << num_bits) - 1)
