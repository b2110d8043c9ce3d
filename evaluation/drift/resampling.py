"""Windows as they would be without drift: the same rows, dealt out anew within each site.

Without drift, rows of one site are exchangeable between reference and window. So which of the
pooled rows of a site are "the window" is drawn again and again, as many from each site as the
window really has: every draw has the window's size and site mix. The reference is a sample too, and
dealing out both at once takes its error into account; drawing windows out of a reference held fixed
would not, and raises false alarms as soon as a window is not much smaller than its reference.

The reference is weighted to the site mix of the window, so that a busier site is no drift:
a reference row of site s weighs (n_s / n) / m_s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from evaluation.scores import Codes, Flags

_BLOCK_CELLS: Final = 1 << 21
Masks = NDArray[np.bool_]  # (num_draws, num_rows): which rows are the window


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows of reference and window together; the window's are the first `num_current`."""

    num_current: int
    sites: Codes
    """(num_rows,): the site of each row, counted from 0; every site has rows of both."""
    reference_weights: NDArray[np.float64]
    """(num_rows,): what a row weighs where it is drawn as the reference; sums to 1 there."""

    @classmethod
    def of(cls, current_sites: Codes, reference_sites: Codes) -> "Pool":
        """Pool rows by the codes of their sites; each site must have rows on both sides."""
        num_sites = int(max(current_sites.max(), reference_sites.max())) + 1
        current = np.bincount(current_sites, minlength=num_sites)
        reference = np.bincount(reference_sites, minlength=num_sites)
        weight_of = current / len(current_sites) / np.maximum(1, reference)
        sites = np.concatenate([current_sites, reference_sites])
        return cls(len(current_sites), sites, weight_of[sites])

    @property
    def observed(self) -> Flags:
        """(num_rows,): the window as it is."""
        return np.arange(len(self.sites)) < self.num_current

    @property
    def num_effective(self) -> float:
        """Reference rows of equal weight that would know as much: 1 / sum w^2."""
        return float(1 / np.square(self.reference_weights[self.num_current :]).sum())

    def masks(self, num_resamples: int, rng: np.random.Generator) -> Iterator[Masks]:
        """Yield the observed window and then `num_resamples` redrawn ones, in blocks."""
        yield self.observed[None]
        step = max(1, _BLOCK_CELLS // len(self.sites))
        for start in range(0, num_resamples, step):
            yield self._draw(min(step, num_resamples - start), rng)

    def _draw(self, num_draws: int, rng: np.random.Generator) -> Masks:
        masks = np.zeros((num_draws, len(self.sites)), dtype=bool)
        for site in np.unique(self.sites):
            rows = np.flatnonzero(self.sites == site)
            masks[:, rows] = rng.permuted(np.tile(self.observed[rows], (num_draws, 1)), axis=1)
        return masks
