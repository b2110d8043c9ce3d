"""Subject bootstrap: how an error rate would come out with other people.

Each replicate draws as many people as there are, with replacement; w_i says how often person i was
drawn, so a row of weights is multinomial. A genuine comparison then counts w_i times, an impostor
comparison of i and j w_i w_j times (the vertex or "double-or-nothing" bootstrap: Owen and Eckles
2012; Fogliato, Patil and Perona, IJCV 2024):

    FNMR* = sum_i w_i k_i / sum_i w_i n_i        FMR* = sum_ij w_i w_j k_ij / sum_ij w_i w_j n_ij

The interval is that of the percentiles of the replicates. Without any error every replicate is 0,
and without any correct answer 1: then the bootstrap says nothing, and none is given.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

Weights = NDArray[np.uint8]  # (replicates, num_subjects)
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

_BLOCK_CELLS: Final = 1 << 24
"""Numbers held at once beyond the weights: 64 MB of float32."""
_DENSE_SHARE: Final = 1 / 16
"""From this share of cells on a dense product is quicker than a sparse one."""
_DENSE_FROM: Final = 256
"""Below this many people a product is too small to be worth the threads of a dense one."""
_EXACT_FLOAT32: Final = float(1 << 24)
"""Whole numbers below it are exact, so that no order of summing changes a result."""


class SubjectBootstrap(BaseModel):
    """How often people are drawn anew, and by which seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicates: int = Field(default=1000, ge=100)
    """Draws; the ends of a 95 % interval rest on the outermost 2.5 % of them."""
    seed: int = Field(default=0, ge=0)
    """Of the draws. The same number of people is always drawn alike."""

    def weights(self, num_subjects: int) -> Weights:
        """Return how often each person was drawn: (replicates, num_subjects)."""
        rng = np.random.default_rng([self.seed, num_subjects])
        found = np.zeros((self.replicates, num_subjects), dtype=np.uint8)
        step = max(1, _BLOCK_CELLS // max(1, num_subjects))
        for start in range(0, self.replicates if num_subjects else 0, step):
            part = found[start : start + step]
            drawn = rng.integers(0, num_subjects, part.shape)
            drawn += np.arange(len(part))[:, None] * num_subjects
            part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
        return found


@dataclass(frozen=True, slots=True)
class ResampledDyads:
    """Draws of people over some impostor comparisons; serves any number of thresholds."""

    weights: Weights
    totals: Floats
    """(replicates,): weighted comparisons."""

    @classmethod
    def of(
        cls, left: Codes, right: Codes, num_subjects: int, bootstrap: SubjectBootstrap
    ) -> "ResampledDyads":
        """Draw people over comparisons whose sides are numbered from 0 without gaps."""
        weights = bootstrap.weights(num_subjects)
        return cls(weights, dyad_sums(weights, left, right))

    def rates(self, left: Codes, right: Codes) -> Floats:
        """FMR of each replicate from the two sides of the errors; NaN where nothing was drawn."""
        return shares(dyad_sums(self.weights, left, right), self.totals)


def person_sums(weights: Weights, counts: NDArray[np.float64]) -> Floats:
    """Sum of w_i counts_i: (replicates,) or (replicates, k) for counts (num_subjects[, k])."""
    found = np.empty((len(weights), *counts.shape[1:]))
    step = max(1, _BLOCK_CELLS // (2 * max(1, weights.shape[1])))
    for start in range(0, len(weights), step):
        found[start : start + step] = weights[start : start + step].astype(np.float64) @ counts
    return found


def dyad_sums(weights: Weights, left: Codes, right: Codes, amounts: Floats | None = None) -> Floats:
    """Sum of w_left w_right over comparisons, for each replicate: (replicates,).

    `left` and `right` (n,) number the people of the comparisons, `amounts` (n,) says how much each
    of them counts, as whole numbers, else 1. The sums are exact while they are below 2^53.
    """
    return dyad_level_sums(weights, left, right, np.zeros_like(left), 1, amounts)[:, 0]


def dyad_level_sums(
    weights: Weights,
    left: Codes,
    right: Codes,
    level: Codes,
    num_levels: int,
    amounts: Floats | None = None,
) -> Floats:
    """`dyad_sums` for each level that a comparison may have: (replicates, num_levels)."""
    num = weights.shape[1]
    values = np.ones(len(left)) if amounts is None else amounts
    places = level * num + np.minimum(left, right), np.maximum(left, right)
    cells = sparse.csr_array((values, places), shape=(num_levels * num, num))
    rows = np.flatnonzero(np.diff(cells.indptr))
    cells = cells[rows]
    largest = float(cells.sum(axis=1).max(initial=0)) * float(weights.max(initial=0))
    cells = cells.astype(np.float32 if largest < _EXACT_FLOAT32 else np.float64)
    found = np.zeros((num_levels, len(weights)))
    step = max(1, _BLOCK_CELLS // (2 * max(1, num)))
    for start in range(0, len(weights), step):
        part = np.ascontiguousarray(weights[start : start + step].T, dtype=cells.dtype)
        _add_products(found[:, start : start + step], cells, rows, part)
    return found.T


def shares(hits: Floats, totals: Floats) -> Floats:
    """Return hits / totals, NaN where a replicate drew nothing to count."""
    unknown = np.full(np.shape(hits), np.nan)
    return np.asarray(np.divide(hits, totals, out=unknown, where=totals > 0))


def percentile_interval(replicates: Floats, confidence: float) -> tuple[float, float] | None:
    """Central share of the replicates (n,); None where they say nothing, being all alike."""
    known = replicates[np.isfinite(replicates)]
    if len(known) == 0 or known.min() == known.max():
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _add_products(
    found: Floats, cells: sparse.csr_array, rows: Codes, weights: NDArray[np.floating]
) -> None:
    """Add w_i w_j cells_ij to the level of each row i; `weights` (num_subjects, replicates)."""
    num = len(weights)
    levels, people = np.divmod(rows, max(1, num))
    dense = num >= _DENSE_FROM and cells.nnz > _DENSE_SHARE * len(rows) * num
    step = max(1, _BLOCK_CELLS // (4 * max(weights.shape)))
    for start in range(0, len(rows), step):
        part, here = cells[start : start + step], slice(start, start + step)
        product = ((part.toarray() if dense else part) @ weights).astype(np.float64)
        product *= weights[people[here]]
        first = np.flatnonzero(np.diff(levels[here], prepend=-1))
        found[levels[here][first]] += np.add.reduceat(product, first, axis=0)
