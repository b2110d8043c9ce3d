"""SplitMix64 (Steele, Lea and Flood 2014): words from words, for draws that depend on names alone.

Numbers that are hashed from what they are drawn for are the same in any order and on any machine.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

GOLDEN: Final = 0x9E3779B97F4A7C15
"""The step between words: 2**64 over the golden ratio, made odd."""
FIRST_FACTOR: Final = 0xBF58476D1CE4E5B9
SECOND_FACTOR: Final = 0x94D049BB133111EB


def mix(words: Words) -> Words:
    """SplitMix64's step and finaliser: words to words, one to one, neighbours far apart."""
    words = words + np.uint64(GOLDEN)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(FIRST_FACTOR)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(SECOND_FACTOR)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed
