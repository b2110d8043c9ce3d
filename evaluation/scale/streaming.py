"""Millions of comparisons in blocks, without ever holding their scores.

Every score is a float32 product of two unit embeddings, counted and forgotten. Where pairs lie
close enough it comes from a matrix product, elsewhere row by row, and its last bits depend on
which. See `evaluation.scale.streamed` for what is left.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import ScoresError
from evaluation.scale.streamed import (
    NUM_BINS,
    Compared,
    EveryPair,
    Histogram,
    ListedPairs,
    Streamed,
    bins_of,
    thresholds_of,
)
from evaluation.scores import Codes, Flags

Embeddings = NDArray[np.float32]
Rows = tuple[NDArray[np.integer], NDArray[np.integer]]
Block = tuple[NDArray[np.float32], Codes, Codes]
"""Scores (n,), -inf without a template, and the people on both sides."""

_BLOCK_ROWS: Final = 1024
_BLOCK_PAIRS: Final = 1 << 15
_LONG_BLOCK: Final = 1 << 20
_TILE_ROWS: Final = 2048
_DENSE_TILE: Final = 0.01
"""Share of a tile from which its whole product is quicker than single rows."""
_DENSE_CELLS: Final = 1 << 26
"""Up to so many couples of people are counted in a table, 512 MB; beyond, by sorting."""


def stream_all_pairs(
    embeddings: Embeddings, subjects: Codes, usable: Flags, thresholds: Sequence[float]
) -> Streamed:
    """Compare every row with every other one.

    `embeddings` (n, dim) are of unit length where `usable` (n,); `subjects` (n,) numbers people
    from 0. Errors are counted by person at the `thresholds`. Raises `ScoresError` where the sizes
    do not fit or a row is not of unit length.
    """
    _check(embeddings, subjects, usable)
    num = int(subjects.max(initial=-1)) + 1
    photos = np.bincount(subjects, minlength=num).astype(np.float64)
    return _gathered(_all_blocks(embeddings, subjects, usable), num, thresholds, EveryPair(photos))


def stream_listed(
    embeddings: Embeddings,
    subjects: Codes,
    usable: Flags,
    rows: Rows,
    thresholds: Sequence[float],
) -> Streamed:
    """Compare listed rows; `rows` are the left and the right ones (num_pairs,), or memory maps.

    A pair is genuine where both rows are of one person. Raises `ScoresError`.
    """
    _check(embeddings, subjects, usable)
    if len(rows[0]) != len(rows[1]):
        raise ScoresError(f"{len(rows[0])} left rows and {len(rows[1])} right ones; give pairs")
    num = int(subjects.max(initial=-1)) + 1
    compared = _listed(subjects, rows, num)
    return _gathered(_listed_blocks(embeddings, subjects, usable, rows), num, thresholds, compared)


def _check(embeddings: Embeddings, subjects: Codes, usable: Flags) -> None:
    if embeddings.ndim != 2 or not len(embeddings) == len(subjects) == len(usable):
        raise ScoresError(
            f"embeddings {embeddings.shape} for {len(subjects)} people and {len(usable)} flags"
        )
    lengths = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings))[usable]
    if not np.allclose(lengths, 1, atol=1e-3):
        raise ScoresError("an embedding is not of unit length; L2-normalise them first")


def _all_blocks(embeddings: Embeddings, subjects: Codes, usable: Flags) -> Iterator[Block]:
    """Upper triangle in squares, sorted by person so that genuine pairs lie on the diagonal."""
    order = np.argsort(subjects, kind="stable")
    people = subjects[order]
    for top in range(0, len(order), _BLOCK_ROWS):
        upper = slice(top, top + _BLOCK_ROWS)
        mine = embeddings[order[upper]]
        for start in range(top, len(order), _BLOCK_ROWS):
            other = slice(start, start + _BLOCK_ROWS)
            scores = mine @ embeddings[order[other]].T
            scores[~usable[order[upper]]] = -np.inf
            scores[:, ~usable[order[other]]] = -np.inf
            kept = np.triu(np.ones(scores.shape, bool), 1) if start == top else slice(None)
            left, right = np.broadcast_arrays(people[upper][:, None], people[other][None, :])
            yield scores[kept].ravel(), left[kept].ravel(), right[kept].ravel()


def _listed_blocks(
    embeddings: Embeddings, subjects: Codes, usable: Flags, rows: Rows
) -> Iterator[Block]:
    """Pairs tile by tile: one matrix product where a tile is full enough, else row by row."""
    for places in _by_tile(rows, len(embeddings)):
        dense = len(places) > _DENSE_TILE * _TILE_ROWS**2
        for start in range(0, len(places), len(places) if dense else _BLOCK_PAIRS):
            part = places[start : start + (len(places) if dense else _BLOCK_PAIRS)]
            left, right = (np.asarray(side[part], np.int64) for side in rows)
            scores = (_tile_scores if dense else _row_scores)(embeddings, left, right)
            scores[~(usable[left] & usable[right])] = -np.inf
            yield scores, subjects[left], subjects[right]


def _by_tile(rows: Rows, num_rows: int) -> Iterator[Codes]:
    """Places in the list of the pairs of each tile of the square of comparisons."""
    width = -(-num_rows // _TILE_ROWS)
    kind = np.int16 if width * width < 1 << 15 else np.int64  # short keys sort in linear time
    tile = np.empty(len(rows[0]), kind)
    for start in range(0, len(tile), _LONG_BLOCK):
        left, right = (side[start : start + _LONG_BLOCK] // _TILE_ROWS for side in rows)
        tile[start : start + _LONG_BLOCK] = left.astype(np.int64) * width + right
    order = np.argsort(tile, kind="stable")
    ends = np.flatnonzero(np.diff(tile[order], append=-1)) + 1
    yield from np.split(order, ends[:-1]) if len(order) else ()


def _tile_scores(embeddings: Embeddings, left: Codes, right: Codes) -> NDArray[np.float32]:
    top, start = (int(side[0]) // _TILE_ROWS * _TILE_ROWS for side in (left, right))
    tile = embeddings[top : top + _TILE_ROWS] @ embeddings[start : start + _TILE_ROWS].T
    return np.asarray(tile[left - top, right - start])


def _row_scores(embeddings: Embeddings, left: Codes, right: Codes) -> NDArray[np.float32]:
    return np.asarray(np.einsum("ij,ij->i", embeddings[left], embeddings[right]))


def _gathered(
    blocks: Iterator[Block], num: int, thresholds: Sequence[float], compared: Compared
) -> Streamed:
    levels = thresholds_of(np.asarray(thresholds, np.float64))
    counts = {kind: np.zeros(NUM_BINS, np.int64) for kind in (True, False)}
    failed = {True: 0, False: 0}
    totals, errors = np.zeros(num), np.zeros((len(levels), num))
    kept: list[Block] = []
    for scores, left, right in blocks:
        genuine = left == right
        lowest = min(levels, default=np.inf)
        for kind, part in _parts(scores, genuine):
            known = part[np.isfinite(part)]
            counts[kind] += np.bincount(bins_of(known), minlength=NUM_BINS)
            failed[kind] += len(part) - len(known)
        owners, own = left[genuine], scores[genuine]
        totals += np.bincount(owners, minlength=num)
        for level, threshold in enumerate(levels):
            errors[level] += np.bincount(owners[own < threshold], minlength=num)
        high = np.flatnonzero((scores >= lowest) & ~genuine)
        kept.append((scores[high], left[high], right[high]))
    empty = np.zeros(0, np.int64)
    kept.append((np.zeros(0, np.float32), empty, empty))  # for a list without any block
    found_scores, found_left, found_right = zip(*kept, strict=True)
    return Streamed(
        thresholds=levels,
        genuine=Histogram(counts[True], failed[True]),
        impostor=Histogram(counts[False], failed[False]),
        genuine_totals=totals,
        genuine_errors=errors,
        error_scores=np.concatenate(found_scores),
        error_left=np.concatenate(found_left),
        error_right=np.concatenate(found_right),
        compared=compared,
    )


def _parts(
    scores: NDArray[np.float32], genuine: Flags
) -> Iterator[tuple[bool, NDArray[np.float32]]]:
    if not genuine.any():  # most blocks of all pairs: spare the copy
        yield False, scores
        return
    yield True, scores[genuine]
    yield False, scores[~genuine]


def _listed(subjects: Codes, rows: Rows, num: int) -> ListedPairs:
    dense = num * num <= _DENSE_CELLS
    table = np.zeros(num * num if dense else 0, np.int64)
    parts: list[Codes] = []
    for start in range(0, len(rows[0]), _LONG_BLOCK):
        left, right = (subjects[side[start : start + _LONG_BLOCK]] for side in rows)
        cells = (np.minimum(left, right) * num + np.maximum(left, right))[left != right]
        if dense:
            np.add.at(table, cells, 1)
        else:
            parts.append(cells)
    if not dense:
        return ListedPairs(num, *np.unique(np.concatenate(parts), return_counts=True))
    found = np.flatnonzero(table)
    return ListedPairs(num, found, table[found])
