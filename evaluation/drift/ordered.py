"""How far two samples of a number are apart: KS, Wasserstein and PSI, for many windows at once.

All of them are functions of the two distribution functions F (window) and G (reference) on the
pooled values, so the values are sorted once for all redrawn windows.

    KS           max |F - G|
    Wasserstein  integral of |F - G|, in standard deviations of the reference
    PSI          sum over bins of (p_b - q_b) ln(p_b / q_b), with shares p of the window and q of
                 the reference, zeros smoothed: p_b = (c_b + 1/2) / (n + B/2) (Jeffreys' prior)
    missing      |share of missing values of the window - that of the reference|

The bins of PSI are cut at quantiles of the reference alone, so values are comparable between
windows; bins cut from both samples, as is common, move with every window. Without drift
PSI is not 0 but about (B - 1) (1 / n + 1 / m) for n and m values: fixed limits such as 0.1 mean
something only for windows of thousands.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.drift.resampling import Masks, Pool
from evaluation.scores import Flags

Values = NDArray[np.float64]
_ROUNDING: Final = 1e-9


class OrderedColumn:
    """One column of numbers in a pool, NaN where a value is missing."""

    def __init__(self, values: Values, pool: Pool, num_bins: int) -> None:
        """Take the values (num_rows,) in the order of the pool."""
        self._pool = pool
        self._num_bins = num_bins
        self._given: Flags = np.isfinite(values)
        rows = np.flatnonzero(self._given)
        self._order = rows[np.argsort(values[rows], kind="stable")]
        ordered = values[self._order]
        is_last = np.append(np.diff(ordered) > 0, True) if len(ordered) else np.zeros(0, bool)
        self._ends = np.flatnonzero(is_last)  # ties count together
        self._gaps = np.diff(ordered[self._ends])
        self._sd = _sd(values[pool.num_current :])

    @property
    def names(self) -> tuple[str, ...]:
        """Statistics in the order of `statistics`; `missing` only where a value is."""
        return ("psi", "ks", "wasserstein", *(() if self._given.all() else ("missing",)))

    def statistics(self, masks: Masks) -> Values:
        """One row for each window, one column for each name; 0 where a side has no value."""
        return np.stack(list(self._statistics(masks)), axis=1)

    def expected_psi(self) -> float:
        """Mean of PSI without drift, (B - 1) (1 / n + 1 / m), to first order."""
        n, m = self._counts(self._pool.observed[None])
        bins = int(self._reached(self._distributions(self._pool.observed[None])[1]).sum())
        return float((bins - 1) * (1 / max(1.0, n[0]) + 1 / max(1.0, m[0])))

    def _statistics(self, masks: Masks) -> Iterator[Values]:
        current, reference = self._distributions(masks)
        apart = np.abs(current - reference)
        yield self._psi(masks, current, reference)
        yield apart.max(axis=1, initial=0)
        yield (apart[:, :-1] @ self._gaps if len(self._gaps) else np.zeros(len(masks))) / self._sd
        if not self._given.all():
            yield self._missing(masks)

    def _distributions(self, masks: Masks) -> tuple[Values, Values]:
        """F and G (num_windows, num_values) at the distinct values; 0 where there are none."""
        chosen = masks[:, self._order]
        weights = np.where(chosen, 0.0, self._pool.reference_weights[self._order])
        return self._cumulated(chosen.astype(np.float64)), self._cumulated(weights)

    def _cumulated(self, weights: Values) -> Values:
        sums = np.cumsum(weights, axis=1)
        total = sums[:, -1:] if sums.shape[1] else np.ones((len(sums), 1))
        return sums[:, self._ends] / np.where(total > 0, total, 1.0)

    def _psi(self, masks: Masks, current: Values, reference: Values) -> Values:
        n, m = self._counts(masks)
        p = _smoothed(self._bin_shares(current, reference), n)
        q = _smoothed(self._bin_shares(reference, reference), m)
        return np.asarray(((p - q) * np.log(p / q)).sum(axis=1))

    def _bin_shares(self, distribution: Values, reference: Values) -> Values:
        """Shares (num_windows, num_bins) in bins cut where the reference reaches b / B."""
        edges = self._edges(reference)
        padded = np.pad(distribution, ((0, 0), (1, 0)))
        return np.diff(np.take_along_axis(padded, edges, axis=1), axis=1)

    def _edges(self, reference: Values) -> NDArray[np.intp]:
        """Values (num_windows, num_bins + 1) below each cut, so many; one value is in one bin."""
        levels = np.arange(1, self._num_bins) / self._num_bins - _ROUNDING
        num_windows, num_values = reference.shape
        lift = 2.0 * np.arange(num_windows)[:, None]  # one sorted row behind the other
        found = np.searchsorted((reference + lift).ravel(), (levels + lift).ravel())
        inner = found.reshape(num_windows, -1) - num_values * np.arange(num_windows)[:, None] + 1
        return np.pad(
            np.minimum(inner, num_values),
            ((0, 0), (1, 1)),
            constant_values=((0, 0), (0, num_values)),
        )

    def _reached(self, reference: Values) -> Flags:
        """Bins that hold something of the reference; many equal values leave some empty."""
        return np.asarray(self._bin_shares(reference, reference)[0] > 0)

    def _counts(self, masks: Masks) -> tuple[Values, Values]:
        """Values of the window and effective values of the reference, (num_windows,) each."""
        chosen = masks[:, self._order]
        weights = np.where(chosen, 0.0, self._pool.reference_weights[self._order])
        squares = np.square(weights).sum(axis=1)
        effective = np.square(weights.sum(axis=1)) / np.where(squares > 0, squares, 1.0)
        return chosen.sum(axis=1).astype(np.float64), effective

    def _missing(self, masks: Masks) -> Values:
        current = (masks & ~self._given).sum(axis=1) / self._pool.num_current
        weights = np.where(self._given, 0.0, self._pool.reference_weights)
        return np.asarray(np.abs(current - (~masks) @ weights))


def _smoothed(shares: Values, counts: Values) -> Values:
    num_bins = shares.shape[1]
    return np.asarray(
        (shares * counts[:, None] + 0.5) / (counts[:, None] + 0.5 * num_bins), dtype=np.float64
    )


def _sd(values: Values) -> float:
    """Standard deviation of the values given; 1 where they do not vary."""
    known = values[np.isfinite(values)]
    return float(known.std()) or 1.0 if len(known) else 1.0
