"""Both error rates at many thresholds in every replicate of the subject bootstrap.

One draw of people serves all thresholds, so each replicate is a whole curve: bands, and thresholds
chosen anew in each replicate, follow from the same table.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluation.measures.metrics import FnmrAtFmr
from evaluation.scores import Codes, ScoredSplit, Scores
from evaluation.uncertainty.bootstrap import (
    Floats,
    SubjectBootstrap,
    dyad_level_sums,
    dyad_sums,
    percentile_interval,
    person_sums,
    shares,
)
from evaluation.uncertainty.intervals import Interval

_NEAR_RANKS: Final = 96
_FAR_RANKS: Final = 32


@dataclass(frozen=True, slots=True)
class ResampledRates:
    """Error rates of each replicate at descending thresholds."""

    thresholds: Scores
    """(k,), descending."""
    fmrs: Floats
    """(replicates, k); NaN where a replicate drew no comparison."""
    fnmrs: Floats


def resampled_rates(
    split: ScoredSplit, thresholds: Scores, bootstrap: SubjectBootstrap
) -> ResampledRates:
    """Draw people anew and count again, at thresholds (k,) in any order."""
    levels = np.unique(thresholds)[::-1]
    subjects = split.subject_codes()
    weights = bootstrap.weights(int(subjects.max(initial=-1)) + 1)
    genuine = split.pairs.genuine
    owners = subjects[split.pairs.left[genuine]]
    passed = _by_level(split.genuine_scores, levels)
    counts = _counted(owners, passed, weights.shape[1], len(levels))
    totals = person_sums(weights, np.bincount(owners, minlength=weights.shape[1]).astype(float))
    hits = person_sums(weights, np.cumsum(counts, axis=1))
    left, right = (subjects[side[~genuine]] for side in (split.pairs.left, split.pairs.right))
    level = _by_level(split.impostor_scores, levels)
    near = level < len(levels)
    false_matches = dyad_level_sums(weights, left[near], right[near], level[near], len(levels))
    return ResampledRates(
        levels,
        shares(np.cumsum(false_matches, axis=1), dyad_sums(weights, left, right)[:, None]),
        1 - shares(hits, totals[:, None]),
    )


def with_interval(
    found: FnmrAtFmr, split: ScoredSplit, confidence: float, bootstrap: SubjectBootstrap
) -> FnmrAtFmr:
    """Add the interval of the FNMR, its threshold chosen anew in each replicate.

    Each replicate takes the lowest of some 128 thresholds whose FMR is not above the target, most
    of them within a factor 3 of it.
    """
    resampled = resampled_rates(split, _candidates(split.impostor_scores, found), bootstrap)
    allowed = np.nan_to_num(resampled.fmrs, nan=np.inf) <= found.target_fmr
    last = np.maximum(allowed.sum(axis=1) - 1, 0)
    fnmrs = np.take_along_axis(resampled.fnmrs, last[:, None], axis=1)[:, 0]
    ends = percentile_interval(np.where(allowed.any(axis=1), fnmrs, np.nan), confidence)
    if ends is None:
        return found
    interval = Interval(low=min(ends[0], found.fnmr), high=max(ends[1], found.fnmr))
    return found.model_copy(update={"interval": interval})


def _candidates(impostor: Scores, found: FnmrAtFmr) -> Scores:
    """Thresholds around the chosen one, closer to each other where replicates choose."""
    num_allowed = max(1.0, found.target_fmr * len(impostor))
    far = np.geomspace(1, 10 * num_allowed, _FAR_RANKS)
    near = num_allowed * np.geomspace(1 / 3, 3, _NEAR_RANKS)
    ranks = np.unique(np.concatenate([[0], far, near]).astype(np.int64))
    ordered = np.sort(impostor)[::-1]
    scores = ordered[ranks[ranks < len(ordered)]]
    above: Scores = np.nextafter(scores[np.isfinite(scores)], np.inf)
    return np.append(above, found.threshold)


def _by_level(scores: Scores, levels: Scores) -> Codes:
    """First of the descending levels that each score reaches; as many as there are for none."""
    found = len(levels) - np.searchsorted(levels[::-1], scores, side="right")
    return np.asarray(found, dtype=np.int64)


def _counted(owners: Codes, level: Codes, num_subjects: int, num_levels: int) -> Floats:
    """Genuine comparisons by person and level: (num_subjects, num_levels)."""
    known = level < num_levels
    cells = owners[known] * num_levels + level[known]
    counted = np.bincount(cells, minlength=num_subjects * num_levels)
    return counted.reshape(num_subjects, num_levels).astype(np.float64)
