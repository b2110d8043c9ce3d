"""What is left of millions of comparisons once their scores are forgotten.

Two histograms of the scores give both rates at any threshold, rounded up to a whole bin so that
neither is ever understated. At thresholds that were named before, errors are counted exactly and by
person, so that the intervals are those of `evaluation.uncertainty.intervals`: of the sum over dyads

    sum r_ij^2 = sum k_ij^2 - 2 p sum k_ij n_ij + p^2 sum n_ij^2

only the first two need the errors, which are few, and the last is known from who was compared.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import ScoresError, TooFewComparisonsError
from evaluation.measures.rates import ErrorRates
from evaluation.scores import Codes, Scores
from evaluation.uncertainty.bootstrap import (
    Floats,
    SubjectBootstrap,
    Weights,
    dyad_sums,
    person_sums,
    shares,
)
from evaluation.uncertainty.intervals import (
    DEFAULT_CONFIDENCE,
    RateEstimate,
    effective_number,
    estimate_of,
    fnmr_of_counts,
    widened,
)

NUM_BINS: Final = 1 << 16
BIN_WIDTH: Final = 2 / NUM_BINS


class Compared(Protocol):
    """Who was compared with whom, and how often: impostor comparisons by dyad."""

    @property
    def by_subject(self) -> Floats:
        """(num_subjects,): impostor comparisons that each person takes part in."""

    @property
    def num_dyads(self) -> int:
        """Pairs of people with a comparison."""

    @property
    def sum_of_squares(self) -> float:
        """Sum of n_ij^2 over dyads."""

    def of(self, left: Codes, right: Codes) -> Floats:
        """n_ij of given dyads (n,)."""

    def resampled(self, weights: Weights) -> Floats:
        """Sum of w_i w_j n_ij for each replicate."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of one kind of comparison."""

    counts: NDArray[np.int64]
    """(NUM_BINS,) of equal width over -1..1; a score on an edge is in the upper bin."""
    num_failed: int
    """Comparisons without a template, in no bin."""

    @property
    def total(self) -> int:
        """All comparisons."""
        return int(self.counts.sum()) + self.num_failed

    def num_at_least(self, threshold: float, whole_bin: bool) -> int:
        """Scores from a threshold up; the bin that it cuts counts wholly, or not at all."""
        place = (threshold + 1) / BIN_WIDTH
        first = int(np.clip(np.floor(place), 0, NUM_BINS))
        if threshold >= 1:  # the last bin holds the score 1 itself
            first = NUM_BINS - 1 if threshold == 1 else NUM_BINS
        cut = first if whole_bin or threshold <= -1 else min(first + 1, NUM_BINS)
        return int(self.counts[cut:].sum())


@dataclass(frozen=True, slots=True)
class Streamed:
    """Counts of all comparisons, and of the errors at some thresholds by person."""

    thresholds: tuple[float, ...]
    genuine: Histogram
    impostor: Histogram
    genuine_totals: Floats
    """(num_subjects,)"""
    genuine_errors: Floats
    """(num_thresholds, num_subjects)"""
    error_left: Codes
    """(num_kept,): first person of the impostor comparisons from the lowest threshold up."""
    error_right: Codes
    error_scores: NDArray[np.float32]
    compared: Compared

    def fmr(self, threshold: float) -> float:
        """FMR at any threshold, overstated by less than a bin and never understated."""
        return self.impostor.num_at_least(threshold, whole_bin=True) / self._some(self.impostor)

    def fnmr(self, threshold: float) -> float:
        """FNMR at any threshold, overstated by less than a bin and never understated."""
        return 1 - self.genuine.num_at_least(threshold, whole_bin=False) / self._some(self.genuine)

    def threshold_at_fmr(self, target_fmr: float) -> float:
        """Lowest bin edge whose FMR is at most the target; the true threshold is a bin lower.

        Raises `TooFewComparisonsError` below 1 / target comparisons.
        """
        total = self._some(self.impostor)
        if total * target_fmr < 1:
            needed = int(np.ceil(1 / target_fmr))
            raise TooFewComparisonsError(f"FMR {target_fmr:g}", total, needed)
        above = np.cumsum(self.impostor.counts[::-1])[::-1] / total
        place = int(np.searchsorted(-above, -target_fmr, side="left"))
        return -1 + place * BIN_WIDTH

    def rates(
        self,
        threshold: float,
        confidence: float = DEFAULT_CONFIDENCE,
        bootstrap: SubjectBootstrap | None = None,
    ) -> ErrorRates:
        """Both rates with their intervals at one of `thresholds`, exact in every count.

        Raises `ScoresError` for another threshold.
        """
        if threshold not in self.thresholds:
            raise ScoresError(f"errors were not counted at {threshold}, only at {self.thresholds}")
        errors = self.genuine_errors[self.thresholds.index(threshold)]
        taking_part = self.genuine_totals > 0
        return ErrorRates(
            fmr=self._fmr_estimate(threshold, confidence, bootstrap),
            fnmr=fnmr_of_counts(
                errors[taking_part], self.genuine_totals[taking_part], confidence, bootstrap
            ),
        )

    def _fmr_estimate(
        self, threshold: float, confidence: float, bootstrap: SubjectBootstrap | None
    ) -> RateEstimate:
        kept = self.error_scores >= threshold
        left, right = self.error_left[kept], self.error_right[kept]
        people = int(np.count_nonzero(self.compared.by_subject))
        num_errors, num = len(left), self.impostor.total
        effective = self._effective(left, right)
        found = estimate_of(num_errors, num, people, effective, people // 2, confidence)
        if bootstrap is None or not 0 < num_errors < num:
            return found
        taking_part = self.compared.by_subject > 0
        weights = np.zeros((bootstrap.replicates, len(taking_part)), dtype=np.uint8)
        weights[:, taking_part] = bootstrap.weights(people)
        totals = self.compared.resampled(weights)
        return widened(found, shares(dyad_sums(weights, left, right), totals))

    def _effective(self, left: Codes, right: Codes) -> float:
        """n_eff of `evaluation.uncertainty.intervals`, from sums over dyads alone."""
        compared, num_dyads = self.compared, self.compared.num_dyads
        if num_dyads == 0:
            return 0.0
        people = len(compared.by_subject)
        cells = np.minimum(left, right) * people + np.maximum(left, right)
        dyads, errors = np.unique(cells, return_counts=True)
        totals = compared.of(*np.divmod(dyads, people))
        num_passing = num_dyads - int(np.count_nonzero(errors == totals))
        if min(len(dyads), num_passing) < 2:
            return float(num_dyads)
        num, rate = self.impostor.total, len(left) / self.impostor.total
        by_subject = np.bincount(left, minlength=people) + np.bincount(right, minlength=people)
        residuals = by_subject - rate * compared.by_subject
        within = float(np.square(errors).sum() - 2 * rate * (errors @ totals))
        within += rate**2 * compared.sum_of_squares
        variance = max(float(np.square(residuals).sum()) - within, within)
        return effective_number(rate, float(num), variance)

    @staticmethod
    def _some(histogram: Histogram) -> int:
        if histogram.total == 0:
            raise TooFewComparisonsError("streamed comparisons", 0, 1)
        return histogram.total


@dataclass(frozen=True, slots=True)
class EveryPair:
    """`Compared` where every photo was compared with every other one: n_ij = m_i m_j."""

    photos: Floats
    """(num_subjects,): photos of each person."""

    @property
    def by_subject(self) -> Floats:
        """(num_subjects,): impostor comparisons that each person takes part in."""
        return np.asarray(self.photos * (self.photos.sum() - self.photos))

    @property
    def num_dyads(self) -> int:
        """Pairs of people with a comparison."""
        people = int(np.count_nonzero(self.photos))
        return people * (people - 1) // 2

    @property
    def sum_of_squares(self) -> float:
        """Sum of n_ij^2 over dyads."""
        squares = np.square(self.photos)
        return float(squares.sum() ** 2 - np.square(squares).sum()) / 2

    def of(self, left: Codes, right: Codes) -> Floats:
        """n_ij of given dyads (n,)."""
        return np.asarray(self.photos[left] * self.photos[right])

    def resampled(self, weights: Weights) -> Floats:
        """Sum of w_i w_j n_ij for each replicate."""
        own = np.square(weights.astype(np.float64)) @ np.square(self.photos)
        return np.asarray((np.square(person_sums(weights, self.photos)) - own) / 2)


@dataclass(frozen=True, slots=True)
class ListedPairs:
    """`Compared` for a list of comparisons."""

    num_subjects: int
    cells: Codes
    """(num_dyads,): lower person * num_subjects + higher person, ascending."""
    counts: Codes
    """(num_dyads,)"""

    @property
    def by_subject(self) -> Floats:
        """(num_subjects,): impostor comparisons that each person takes part in."""
        sides = np.divmod(self.cells, self.num_subjects)
        low, high = (np.bincount(side, self.counts, self.num_subjects) for side in sides)
        return np.asarray(low + high)

    @property
    def num_dyads(self) -> int:
        """Pairs of people with a comparison."""
        return len(self.cells)

    @property
    def sum_of_squares(self) -> float:
        """Sum of n_ij^2 over dyads."""
        return float(np.square(self.counts.astype(np.float64)).sum())

    def of(self, left: Codes, right: Codes) -> Floats:
        """n_ij of given dyads (n,)."""
        cells = np.minimum(left, right) * self.num_subjects + np.maximum(left, right)
        return self.counts[np.searchsorted(self.cells, cells)].astype(np.float64)

    def resampled(self, weights: Weights) -> Floats:
        """Sum of w_i w_j n_ij for each replicate."""
        low, high = np.divmod(self.cells, self.num_subjects)
        return dyad_sums(weights, low, high, self.counts.astype(np.float64))


def bins_of(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Bin of each score; those a rounding error beyond -1 or 1 are in the outermost bins."""
    place = (scores.astype(np.float64) + 1) * (NUM_BINS / 2)
    return np.clip(place.astype(np.int64), 0, NUM_BINS - 1)


def thresholds_of(scores: Scores) -> tuple[float, ...]:
    """Thresholds as plain numbers, ascending and each once."""
    return tuple(np.unique(np.asarray(scores, np.float64)).tolist())
