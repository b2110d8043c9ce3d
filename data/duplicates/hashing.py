"""A perceptual hash of 256 bits: what a photo looks like, whatever its size, format and mirroring.

After Zauner 2010 (pHash): the picture shrunk to 64 x 64 grey levels, its discrete cosine transform,
and one bit for the sign of each of the 16 x 16 lowest frequencies, without the constant ones. The
sign needs no threshold and makes mirroring exact: frequency u turns by (-1)^u, so the hash of the
mirrored picture is the same hash with all bits of odd columns turned.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from data.face import RgbU8

NUM_BITS: Final = 256
NUM_WORDS: Final = 4
"""Words of 64 bits; the first holds the 8 x 8 lowest frequencies, the classical pHash."""
MIRROR: Final = np.uint64(0xAAAA_AAAA_AAAA_AAAA)
"""Bits of odd horizontal frequencies, in each word."""

_SIDE: Final = 64
_BLOCK: Final = 8
_FLAT_SD: Final = 2.0

Words = NDArray[np.uint64]


def hash_picture(image_rgb_u8: RgbU8) -> Words | None:
    """Hash (4,) of a picture; None where it is too flat to look like anything.

    Flat means a standard deviation below 2 grey levels: a lens cap or a blank page, whose signs
    would be noise.
    """
    grey = cv2.cvtColor(image_rgb_u8, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < _FLAT_SD:
        return None
    frequencies = cv2.dct(small)[1 : 1 + 2 * _BLOCK, 1 : 1 + 2 * _BLOCK]
    blocks = (frequencies > 0).reshape(2, _BLOCK, 2, _BLOCK).transpose(0, 2, 1, 3)
    packed = np.packbits(blocks.reshape(NUM_WORDS, -1), axis=1)
    return np.ascontiguousarray(packed).view(np.uint64)[:, 0]


def distance(left: Words, right: Words) -> NDArray[np.int64]:
    """Bits that differ, row by row, between hashes (n, words)."""
    differing: NDArray[np.int64] = np.bitwise_count(left ^ right).sum(axis=-1, dtype=np.int64)
    return differing
