"""Look-alikes: the strangers that several frozen embedders put nearest to a photo.

One model alone would fill the set with its own mistakes, and a model that is later judged by the
set must not have chosen it. So at least two models vote with the mean of their ranks, and both are
named in the index.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import ProtocolError
from data.pairs import Rows
from data.protocols.config import MiningConfig

Embeddings = NDArray[np.float32]  # (n, dim), L2-normalised, zero where there is no usable face
Allowed = Callable[[Rows, Rows], NDArray[np.bool_]]
"""Whether rows (b, 1) and rows (1, n) may be compared, as (b, n)."""

_BLOCK_BYTES: Final = 64 * 2**20  # of one similarity matrix; six times that are in use at once


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Directed: each pair says that `neighbour` is among the nearest strangers of `query`."""

    query: Rows
    neighbour: Rows
    rank: Rows
    """1 for the nearest."""
    mean_rank: NDArray[np.float64]
    """Mean over the models of the rank among all allowed strangers."""


def look_alikes(
    embeddings: Mapping[str, Embeddings], rows: Rows, allowed: Allowed, config: MiningConfig
) -> LookAlikes:
    """Find the `top_k` look-alikes of each of some rows among the others of them.

    A model's rank of a stranger counts up to `depth`; what lies beyond has the rank `depth` + 1.
    Of equal mean ranks the smaller row comes first. A row whose embedding is zero in any model
    neither has nor is a neighbour. Memory is bounded by blocks, whatever the number of rows.
    Raises `ProtocolError` for fewer than two models.
    """
    if len(embeddings) < 2:
        raise ProtocolError(
            f"look-alikes are to be mined with {list(embeddings) or 'no model'}; it takes at least"
            " two frozen models that are not under test: set curate.mining.models"
        )
    matrices = [found[rows] for found in embeddings.values()]
    usable = np.all([np.abs(found).max(axis=1, initial=0) > 0 for found in matrices], axis=0)
    if not usable.all():  # else a copy of everything
        rows, matrices = rows[usable], [found[usable] for found in matrices]
    size = max(1, _BLOCK_BYTES // max(4 * len(rows), 1))
    blocks = [
        _block(matrices, rows, slice(start, start + size), allowed, config)
        for start in range(0, len(rows), size)
    ]
    none = (np.zeros(0, np.int64),) * 3 + (np.zeros(0),)
    return LookAlikes(*(np.concatenate(parts) for parts in zip(none, *blocks, strict=True)))


def _block(
    matrices: list[Embeddings], rows: Rows, block: slice, allowed: Allowed, config: MiningConfig
) -> tuple[Rows, Rows, Rows, NDArray[np.float64]]:
    """Look-alikes of some queries: query, neighbour, rank and mean rank, each (num_found,)."""
    queries = rows[block]
    forbidden = ~allowed(queries[:, None], rows[None, :])
    depth = min(config.depth, len(rows))
    total = np.full(forbidden.shape, len(matrices) * (depth + 1), dtype=np.int32)
    for matrix in matrices:
        similarity = matrix[block] @ matrix.T
        similarity[forbidden] = -np.inf
        nearest = _nearest(similarity, depth)
        lead = np.arange(depth, 0, -1, dtype=np.int32)  # depth + 1 - rank
        np.put_along_axis(total, nearest, np.take_along_axis(total, nearest, axis=1) - lead, axis=1)
    total[forbidden] = np.iinfo(np.int32).max
    return _first(total, queries, rows, len(matrices), depth, config.top_k)


def _nearest(similarity: Embeddings, depth: int) -> NDArray[np.int64]:
    """Columns of the `depth` largest values of each row, the largest first."""
    found = np.argpartition(-similarity, depth - 1, axis=1)[:, :depth]
    found.sort(axis=1)  # so that equal values come in the order of their columns
    order = np.argsort(-np.take_along_axis(similarity, found, axis=1), axis=1, kind="stable")
    nearest: NDArray[np.int64] = np.take_along_axis(found, order, axis=1)
    return nearest


def _first(
    total: NDArray[np.int32], queries: Rows, rows: Rows, num_models: int, depth: int, top_k: int
) -> tuple[Rows, Rows, Rows, NDArray[np.float64]]:
    """The `top_k` smallest rank sums of each query, where any model had the stranger in depth."""
    num_columns = total.shape[1]
    # Sums are often equal, so the column decides, and no two keys are.
    keys = total.astype(np.int64) * num_columns + np.arange(num_columns)
    top = min(top_k, num_columns)
    smallest = np.sort(np.partition(keys, top - 1, axis=1)[:, :top], axis=1)
    sums, columns = np.divmod(smallest, num_columns)
    query, place = np.nonzero(sums < num_models * (depth + 1))
    neighbour = rows[columns[query, place]]
    return queries[query], neighbour, place + 1, sums[query, place] / num_models
