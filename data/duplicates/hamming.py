"""All pairs of hashes within a few bits of each other, exactly, without comparing all with all.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): cut 64 bits into 4 bands of 16. Two hashes
that differ in at most 7 bits differ in at most 1 bit of some band, because 4 x 2 is already 8. So
only hashes whose band is equal, or one bit off, are compared: 17 buckets a band, no pair is missed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import TooManyDuplicatesError

MAX_DISTANCE: Final = 7
"""The largest distance that the bands find without a miss."""

_BANDS: Final = 4
_BAND_BITS: Final = 16
_CHUNK: Final = 200_000
"""Pairs compared at once; as many as a core's cache holds, and the bound of the memory."""

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class _Band:
    """One side's hashes, sorted by 16 of their bits."""

    rows: Rows
    """Rows of the hashes in sorted order."""
    hashes: Hashes
    """The hashes in sorted order, so that a bucket is read from one place."""
    keys: NDArray[np.int64]
    """The 16 bits of each, sorted."""
    starts: NDArray[np.int32]
    """(2**16 + 1,) where each key begins in `rows`."""


def near_pairs(left: Hashes, right: Hashes, max_distance: int, max_pairs: int) -> tuple[Rows, Rows]:
    """Rows i < j with at most `max_distance` bits between `left[i]` and `right[j]`, sorted.

    `left` and `right` are the same photos (n,): equal arrays, or `right` mirrored. Raises
    `ValueError` for a distance above 7, and `TooManyDuplicatesError` above `max_pairs`.
    """
    if not 0 <= max_distance <= MAX_DISTANCE:
        raise ValueError(f"max_distance is {max_distance}; the bands find 0 to {MAX_DISTANCE}")
    # Neighbouring frequencies are alike in many photos; shuffled, no bucket holds most of them.
    is_same = left is right
    left, right = _shuffled(left), _shuffled(right)
    cells = np.zeros(0, np.int64)
    for band in range(_BANDS):
        one = _sorted_band(left, band)
        other = one if is_same else _sorted_band(right, band)
        found = [cells]
        for rows, others in _near_in_band(one, other, max_distance, half=is_same):
            ahead = rows < others
            found.append(rows[ahead] * len(left) + others[ahead])
            _check_count(sum(map(len, found)), _BANDS * max_pairs, max_pairs)
        cells = np.unique(np.concatenate(found))
    _check_count(len(cells), max_pairs, max_pairs)
    return np.divmod(cells, max(len(left), 1))


def _shuffled(hashes: Hashes) -> Hashes:
    """Deal the bits out to the bands in turn: bit b goes to band b mod 4."""
    bits = np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1)
    dealt = bits.reshape(-1, _BAND_BITS, _BANDS).transpose(0, 2, 1).reshape(-1, 64)
    return np.packbits(dealt, axis=1).view(np.uint64)[:, 0]


def _sorted_band(hashes: Hashes, band: int) -> _Band:
    keys = (hashes >> np.uint64(band * _BAND_BITS)).astype(np.uint16)
    rows = np.argsort(keys, kind="stable")
    ordered = keys[rows].astype(np.int64)
    starts = np.searchsorted(ordered, np.arange(2**_BAND_BITS + 1)).astype(np.int32)
    return _Band(rows, hashes[rows], ordered, starts)


def _near_in_band(
    left: _Band, right: _Band, max_distance: int, half: bool
) -> Iterator[tuple[Rows, Rows]]:
    """Rows of both sides whose band is equal or one bit off, and whose hashes are near.

    With `half` both sides are the same: a pair of buckets is looked at from one of them only, and
    its rows come in both orders.
    """
    for flip in _flips(max_distance // _BANDS):
        wanted = np.flatnonzero((left.keys & flip) == 0) if half else np.arange(len(left.keys))
        keys = left.keys[wanted] ^ flip
        begins = right.starts[keys]
        counts = right.starts[keys + 1] - begins
        for chunk in _chunks(counts):
            one, other = _bucket_pairs(begins[chunk], counts[chunk])
            differing = left.hashes[wanted[chunk]][one] ^ right.hashes[other]
            near = np.flatnonzero(np.bitwise_count(differing) <= max_distance)
            rows, others = left.rows[wanted[chunk][one[near]]], right.rows[other[near]]
            yield rows, others
            if half and flip:
                yield others, rows


def _flips(reach: int) -> list[int]:
    return [0, *(1 << bit for bit in range(_BAND_BITS if reach else 0))]


def _bucket_pairs(
    begins: NDArray[np.int32], counts: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Row k of the chunk with `begins[k]` .. `begins[k] + counts[k] - 1`, for every k."""
    ends = np.cumsum(counts, dtype=np.int32)
    shift = begins - (ends - counts)
    one = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return one, np.arange(len(one), dtype=np.int32) + shift[one]


def _chunks(counts: NDArray[np.int32]) -> Iterator[slice]:
    """Slices of rows that have about `_CHUNK` candidates each; a single row may have more."""
    ends = np.cumsum(counts, dtype=np.int64)
    start = 0
    while start < len(counts):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _CHUNK, side="right")))
        yield slice(start, stop)
        start = stop


def _check_count(found: int, limit: int, max_pairs: int) -> None:
    if found > limit:
        raise TooManyDuplicatesError(
            f"more than {max_pairs:,} pairs of photos look alike; these may be frames of videos, or"
            " curate.review.duplicates.search_distance is too large"
        )
