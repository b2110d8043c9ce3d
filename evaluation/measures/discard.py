"""Error versus discard: does a quality figure find the photos that fail?

Genuine comparisons are discarded from the lowest quality up, while the threshold stays what it was
at the start. A figure that knows which comparisons fail makes the false non-match rate (FNMR) fall;
one that knows nothing leaves it flat. Stepwise, and with the partial area of Schlett et al.,
"Considerations on the Evaluation of Biometric Quality Assessment Algorithms" (2023).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DiscardCurve:
    """FNMR after each discarded group of comparisons of one quality."""

    discarded_shares: Floats
    """(k,), rising from 0; a step reaches to the next."""
    fnmrs: Floats
    """(k,), of the comparisons that are left."""
    threshold: float
    num_comparisons: int
    max_discard: float
    """Where the area ends."""

    @property
    def initial_fnmr(self) -> float:
        """With nothing discarded."""
        return float(self.fnmrs[0])

    def fnmr_at(self, discarded_share: float) -> float:
        """FNMR where a share is discarded: the last step at or before it, never in between."""
        at = np.searchsorted(self.discarded_shares, discarded_share, side="right") - 1
        return float(self.fnmrs[at])

    @property
    def partial_area(self) -> float:
        """Mean height over the discarded shares 0 to `max_discard`, above the ideal's.

        The ideal curve discards nothing but failures: max(0, initial FNMR - share).
        """
        ends = np.minimum(np.append(self.discarded_shares[1:], 1.0), self.max_discard)
        widths = np.maximum(ends - self.discarded_shares, 0.0)
        bound = min(self.initial_fnmr, self.max_discard)
        ideal = self.initial_fnmr * bound - bound**2 / 2
        return float((widths @ self.fnmrs - ideal) / self.max_discard)

    @property
    def relative_area(self) -> float:
        """`partial_area` over that of a flat curve: 0 is the ideal, 1 knows nothing, more harms."""
        bound = min(self.initial_fnmr, self.max_discard)
        ideal = self.initial_fnmr * bound - bound**2 / 2
        return self.partial_area * self.max_discard / (self.initial_fnmr * self.max_discard - ideal)


def error_versus_discard(
    genuine_scores: NDArray[np.floating],
    qualities: NDArray[np.floating],
    initial_fnmr: float,
    max_discard: float = 0.3,
) -> DiscardCurve:
    """Curve of one quality figure over genuine comparisons.

    `genuine_scores` (n,) are similarities, `qualities` (n,) the lower quality of both photos. The
    threshold is the one at which a share of at most `initial_fnmr` fails. Comparisons of one
    quality are discarded together, so their order is without influence. Raises `EvaluationError`
    where the arrays do not fit, hold NaN, or no comparison fails at `initial_fnmr`.
    """
    scores = np.asarray(genuine_scores, np.float64)
    values = np.asarray(qualities, np.float64)
    _check(scores, values, initial_fnmr, max_discard)
    total = len(scores)
    threshold = float(np.sort(scores)[int(initial_fnmr * total + 1e-9)])
    fails = scores < threshold
    if not fails.any():
        raise EvaluationError(
            f"none of {total:,} comparisons fails at an FNMR of {initial_fnmr:g};"
            " give more comparisons or a higher rate"
        )
    levels, counts = np.unique(values, return_counts=True)
    failures = np.bincount(np.searchsorted(levels, values), weights=fails, minlength=len(levels))
    gone = np.concatenate([[0], np.cumsum(counts)[:-1]])
    left_failing = fails.sum() - np.concatenate([[0.0], np.cumsum(failures)[:-1]])
    return DiscardCurve(gone / total, left_failing / (total - gone), threshold, total, max_discard)


def _check(scores: Floats, values: Floats, initial_fnmr: float, max_discard: float) -> None:
    if scores.ndim != 1 or scores.shape != values.shape or len(scores) == 0:
        raise EvaluationError(
            f"{scores.shape} scores and {values.shape} qualities; give one of each per comparison"
        )
    if not (np.isfinite(scores).all() and np.isfinite(values).all()):
        raise EvaluationError("scores or qualities are not finite; leave failed photos out")
    if not (0 < initial_fnmr < 1 and 0 < max_discard < 1):
        raise EvaluationError("initial_fnmr and max_discard are shares between 0 and 1")
