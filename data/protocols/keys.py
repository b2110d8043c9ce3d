"""Draws that depend on the names of what is drawn, not on its place in a table.

Adding people leaves the order among the others as it was.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from data.pairs import Rows
from data.split_mix import GOLDEN, Words, mix

Keys = Words


def name_keys(names: Sequence[str], seed: int) -> Keys:
    """Give each name (n,) a number that nobody can foretell, the same on every machine."""
    salt = f"{seed}:".encode()
    digests = b"".join(
        hashlib.blake2b(salt + name.encode(), digest_size=8).digest() for name in names
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def pair_keys(keys: Keys, left: Rows, right: Rows) -> Keys:
    """Give each pair of rows a number to order pairs by; which side is left does not matter."""
    return mix(keys[left] + keys[right])


def meetings(left: Rows, right: Rows, keys: Keys, per_row: int) -> tuple[Rows, Rows]:
    """Pair rows of one list with rows of another: all pairs, or about `per_row` for each of `left`.

    `left` (n,) and `right` (m,) are rows, `keys` the numbers of all rows. All pairs are made where
    `right` is at most twice as long as `per_row`; else partners are drawn, each pair once, so that
    memory grows with the pairs and not with n * m. A row is not paired with itself, and no pair
    comes twice, also not the other way round. Each pair comes back smaller row first.
    """
    if len(right) <= 2 * per_row:
        one, other = np.repeat(left, len(right)), np.tile(right, len(left))
    else:
        draws = np.arange(1, per_row + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        partners = mix(keys[left][:, None] + draws[None, :]) % np.uint64(len(right))
        one, other = np.repeat(left, per_row), right[partners.astype(np.int64).ravel()]
    first, second = np.minimum(one, other), np.maximum(one, other)
    different = first != second
    left_rows, right_rows = np.divmod(
        np.unique(first[different] * len(keys) + second[different]), max(len(keys), 1)
    )
    return left_rows, right_rows
