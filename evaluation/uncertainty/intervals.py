"""Intervals for error rates whose comparisons share people.

Comparisons of one person succeed or fail together, so counting each as independent makes intervals
too narrow: a nominal 95 % covers 70 to 87 %. Here the variance of the rate p = k / n is estimated
between people and Wilson's interval is taken at the number of independent comparisons that would
have the same variance, n_eff = p (1 - p) / V, at most n.

FNMR, one cluster for each person i:       V = sum_i (k_i - p n_i)^2 / n^2
FMR, an impostor pair belongs to two people (dyadic):
    r_ij = k_ij - p n_ij,  R_i = sum_j r_ij,
    V = (sum_i R_i^2 - sum_{i<j} r_ij^2) / n^2,  and at least  sum_{i<j} r_ij^2 / n^2
(Fogliato, Patil and Perona, IJCV 2024; Aronow, Samii and Assenova 2015 for dyads.)

Where errors, or correct answers, come from fewer than two clusters there is no variance between
clusters to see. Then n_eff is what the design guarantees: the number of people (FNMR) or of pairs
of people (FMR). With no error at all the bound is the exact binomial one at that n_eff, about
3.7 / n_eff for 95 %, and `high_disjoint` says how it would be if no person counted twice.

Where more than single people differ from sample to sample, such as families of look-alikes, this
interval is too narrow and the subject bootstrap of `evaluation.uncertainty.bootstrap` still covers.
So `low` and `high` are the wider of both, and each is kept beside.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from evaluation.scores import Codes, Flags
from evaluation.uncertainty.bootstrap import (
    ResampledDyads,
    SubjectBootstrap,
    percentile_interval,
    person_sums,
    shares,
)

DEFAULT_CONFIDENCE = 0.95


class Interval(BaseModel):
    """Both ends of an interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: float
    high: float


class RateEstimate(BaseModel):
    """An error rate with its interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    rate: float | None
    """None where there was no comparison."""
    num_errors: int
    num_comparisons: int
    num_subjects: int
    """People who take part."""
    low: float
    """Ends of the interval: the wider of `wilson` and `bootstrap` on either side."""
    high: float
    num_effective: float
    """Independent comparisons that would know as much."""
    confidence: float = Field(gt=0, lt=1)
    """Of the two-sided interval; each side alone is off with half of the rest."""
    high_disjoint: float | None = None
    """Without any error: the upper bound from pairs that share nobody. Gross, and safe."""
    wilson: Interval | None = None
    """The clustered Wilson interval, or the exact bound where there is no error, or nothing else.
    None in reports of before there was more than one interval."""
    bootstrap: Interval | None = None
    """The subject bootstrap. None where it was not made, or has nothing to say: without errors."""


@dataclass(frozen=True, slots=True)
class Dyads:
    """Impostor comparisons grouped by the two people; serves any number of thresholds."""

    left: Codes
    """(num_comparisons,): first person, counted from 0 without gaps."""
    right: Codes
    dyad: Codes
    """(num_comparisons,): the unordered pair of people, counted from 0 without gaps."""
    num_subjects: int
    num_dyads: int
    resampled: ResampledDyads | None = None
    """Draws for the subject bootstrap, where one is wanted."""

    @classmethod
    def of(
        cls, left_subjects: Codes, right_subjects: Codes, bootstrap: SubjectBootstrap | None = None
    ) -> "Dyads":
        """Group comparisons by the codes of the people on their two sides."""
        people, num_subjects = _without_gaps(np.concatenate([left_subjects, right_subjects]))
        left, right = np.split(people, 2)
        cells = np.minimum(left, right) * num_subjects + np.maximum(left, right)
        dyad, num_dyads = _without_gaps(cells)
        if bootstrap is None:
            return cls(left, right, dyad, num_subjects, num_dyads)
        resampled = ResampledDyads.of(left, right, num_subjects, bootstrap)
        return cls(left, right, dyad, num_subjects, num_dyads, resampled)


def fnmr_estimate(
    errors: Flags,
    subjects: Codes,
    confidence: float = DEFAULT_CONFIDENCE,
    bootstrap: SubjectBootstrap | None = None,
) -> RateEstimate:
    """FNMR with the wider of its subject-clustered Wilson interval and its subject bootstrap.

    `errors` and `subjects` are (num_genuine,): whether the pair was refused, and whose it is.
    """
    people, num_subjects = _without_gaps(subjects)
    counts = _counts(people, num_subjects, errors)
    return fnmr_of_counts(counts.errors, counts.total, confidence, bootstrap)


def fnmr_of_counts(
    errors: NDArray[np.float64],
    totals: NDArray[np.float64],
    confidence: float = DEFAULT_CONFIDENCE,
    bootstrap: SubjectBootstrap | None = None,
) -> RateEstimate:
    """`fnmr_estimate` from errors and comparisons of each person (num_subjects,), all above 0."""
    counts = _Counts(errors, totals)
    num_effective = _effective(counts, _clustered_square(counts))
    num_errors, num, people = int(errors.sum()), int(totals.sum()), len(totals)
    found = estimate_of(num_errors, num, people, num_effective, people, confidence)
    if bootstrap is None or not 0 < num_errors < num:
        return found
    weights = bootstrap.weights(people)
    return widened(found, shares(person_sums(weights, errors), person_sums(weights, totals)))


def fmr_estimate(
    errors: Flags, dyads: Dyads, confidence: float = DEFAULT_CONFIDENCE
) -> RateEstimate:
    """FMR with its dyadic-clustered Wilson interval, or the subject bootstrap where that is wider.

    `errors` (num_impostor,): whether the pair was accepted; `dyads` says who is in it, and holds
    the draws where a bootstrap is wanted.
    """
    counts = _counts(dyads.dyad, dyads.num_dyads, errors)
    num_effective = _effective(counts, _dyadic_square(errors, dyads, counts))
    num_errors, num = int(np.count_nonzero(errors)), len(errors)
    people = dyads.num_subjects
    found = estimate_of(num_errors, num, people, num_effective, people // 2, confidence)
    if dyads.resampled is None or not 0 < num_errors < num:
        return found
    return widened(found, dyads.resampled.rates(dyads.left[errors], dyads.right[errors]))


def estimate_of(
    num_errors: int,
    num: int,
    num_subjects: int,
    num_effective: float,
    num_disjoint: int,
    confidence: float,
) -> RateEstimate:
    """Wilson's interval at `num_effective` comparisons, exact at its ends.

    `num_disjoint` is how many comparisons there could be if they shared nobody.
    """
    rate = num_errors / num if num else None
    low, high = naive_wilson((rate or 0.0) * num_effective, num_effective, confidence)
    if num and num_errors == 0:
        low, high = 0.0, zero_error_bound(num_effective, confidence)
    if num and num_errors == num:
        low, high = 1 - zero_error_bound(num_effective, confidence), 1.0
    return RateEstimate(
        rate=rate,
        num_errors=num_errors,
        num_comparisons=num,
        num_subjects=num_subjects,
        low=low,
        high=high,
        wilson=Interval(low=low, high=high),
        num_effective=num_effective,
        confidence=confidence,
        high_disjoint=zero_error_bound(num_disjoint, confidence)
        if num and num_errors == 0
        else None,
    )


def effective_number(rate: float, num: float, variance_times_n2: float) -> float:
    """Independent comparisons with the same variance: p (1 - p) / V, at most `num`."""
    spread = rate * (1 - rate) * num * num
    return num if variance_times_n2 * num <= spread else spread / variance_times_n2


def widened(found: RateEstimate, rates: NDArray[np.float64]) -> RateEstimate:
    """Join the subject bootstrap, from the rates (replicates,) of its draws."""
    ends = percentile_interval(rates, found.confidence)
    if ends is None:
        return found
    low, high = ends
    return found.model_copy(
        update={
            "low": min(found.low, low),
            "high": max(found.high, high),
            "bootstrap": Interval(low=low, high=high),
        }
    )


def naive_wilson(num_errors: float, num: float, confidence: float) -> tuple[float, float]:
    """Wilson's score interval for num_errors of num independent trials; both may be fractional."""
    if num <= 0:
        return 0.0, 1.0
    z = two_sided_z(confidence)
    rate, shrink = num_errors / num, 1 + z * z / num
    middle = (rate + z * z / (2 * num)) / shrink
    half = z * np.sqrt(rate * (1 - rate) / num + z * z / (4 * num * num)) / shrink
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def zero_error_bound(num: float, confidence: float) -> float:
    """Exact binomial upper bound after `num` independent trials without an error."""
    return 1.0 if num <= 0 else float(-np.expm1(np.log((1 - confidence) / 2) / num))


def two_sided_z(confidence: float) -> float:
    """Standard normal quantile of a two-sided interval: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


@dataclass(frozen=True, slots=True)
class _Counts:
    errors: NDArray[np.float64]
    """(num_clusters,)"""
    total: NDArray[np.float64]

    @property
    def rate(self) -> float:
        return float(self.errors.sum() / self.total.sum())

    @property
    def residuals(self) -> NDArray[np.float64]:
        return self.errors - self.rate * self.total

    def show_variance(self) -> bool:
        """Whether both errors and correct answers come from two clusters or more."""
        failing, passing = self.errors > 0, self.errors < self.total
        return bool(np.count_nonzero(failing) > 1 and np.count_nonzero(passing) > 1)


def _without_gaps(codes: Codes) -> tuple[Codes, int]:
    """Renumber codes >= 0 from 0 upwards, and say how many different ones there are."""
    num_cells = int(codes.max(initial=-1)) + 1
    if num_cells > 8 * len(codes):
        found, dense = np.unique(codes, return_inverse=True)
        return dense.astype(np.int64), len(found)
    # Sorting millions of codes takes seconds, marking them does not.
    present = np.zeros(num_cells, dtype=bool)
    present[codes] = True
    return (np.cumsum(present) - 1)[codes], int(np.count_nonzero(present))


def _counts(cluster: Codes, num_clusters: int, errors: Flags) -> _Counts:
    return _Counts(
        errors=np.bincount(cluster, errors, num_clusters).astype(np.float64),
        total=np.bincount(cluster, minlength=num_clusters).astype(np.float64),
    )


def _clustered_square(counts: _Counts) -> float:
    """V n^2 for FNMR."""
    return float(np.square(counts.residuals).sum()) if len(counts.total) else 0.0


def _dyadic_square(errors: Flags, dyads: Dyads, counts: _Counts) -> float:
    """V n^2 for FMR."""
    if len(errors) == 0:
        return 0.0
    residuals = errors - counts.rate
    by_subject = sum(
        np.bincount(side, weights=residuals, minlength=dyads.num_subjects)
        for side in (dyads.left, dyads.right)
    )
    within = float(np.square(counts.residuals).sum())
    return max(float(np.square(by_subject).sum()) - within, within)


def _effective(counts: _Counts, variance_times_n2: float) -> float:
    num_clusters = len(counts.total)
    if num_clusters == 0 or not counts.show_variance():
        return float(num_clusters)
    return effective_number(counts.rate, float(counts.total.sum()), variance_times_n2)
