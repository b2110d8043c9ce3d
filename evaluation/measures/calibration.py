"""How much a score is worth: likelihood ratios, and what they cost when they are wrong.

A score becomes a log-likelihood ratio (LLR, natural) by a line, slope * score + intercept, fitted
by logistic regression on the calibration split with both kinds weighted alike, so that the log odds
are the LLR itself. On the test split, in bits (Bruemmer and du Preez 2006):

    Cllr = 1/2 mean over genuine of log2(1 + exp(-LLR))
         + 1/2 mean over impostors of log2(1 + exp(LLR))

0 knows everything, 1 nothing, more misleads. Minimum Cllr is that of the best monotone map of the
same scores (pool adjacent violators, which is isotonic regression); the rest, the calibration loss,
is what the map costs. A comparison without a template has the score -inf, carries no evidence and
so has LLR 0: it costs one bit in both figures, and is left out of both fits.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import isotonic_regression  # type: ignore[import-untyped]

from evaluation.errors import TooFewComparisonsError
from evaluation.measurement import Measurement
from evaluation.measures.metrics import accepted, require_both
from evaluation.measures.resampled import resampled_rates
from evaluation.scores import ScoredSplit, Scores
from evaluation.uncertainty.bootstrap import (
    Floats,
    SubjectBootstrap,
    dyad_sums,
    percentile_interval,
    person_sums,
    shares,
)

_RIDGE: Final = 1e-8
"""Keeps the slope finite where the calibration split is separated without an error."""
_UNITS: Final = 2.0**16
"""Costs are summed as whole numbers of 1 / 65,536 bit: exact, whatever the order."""
_LEVELS: Final = 200
"""Thresholds at which the minimum is taken in each replicate of the bootstrap."""


class CalibrationReport(BaseModel):
    """The map of the calibration split, and what it costs on the test split."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    slope: float
    """Of the LLR over the cosine."""
    intercept: float
    num_calibration: int
    """Comparisons that the map was fitted on; those without a template are left out."""
    num_without_template: int
    """Comparisons of the test split whose LLR is 0 for want of a template."""
    cllr: Measurement
    min_cllr: Measurement
    loss: Measurement
    """cllr - min_cllr: what a better map of the same scores would save."""

    def measurements(self, prefix: str) -> list[tuple[str, Measurement]]:
        """All three by key."""
        return [(f"{prefix}/{name}", getattr(self, name)) for name in ("cllr", "min_cllr", "loss")]


@dataclass(frozen=True, slots=True)
class LlrMap:
    """A rising line from cosine to natural log-likelihood ratio."""

    slope: float
    intercept: float

    def llr(self, scores: Scores) -> Scores:
        """LLR of scores (n,); 0 where there was no template."""
        known = np.isfinite(scores)
        return np.where(known, self.slope * np.where(known, scores, 0) + self.intercept, 0.0)


def fit_llr(genuine: Scores, impostor: Scores) -> LlrMap:
    """Fit the map by logistic regression, both kinds with the same weight.

    Raises `TooFewComparisonsError` where either kind has no score but -inf.
    """
    genuine, impostor = genuine[np.isfinite(genuine)], impostor[np.isfinite(impostor)]
    require_both(genuine, impostor, "calibration")
    scores = np.concatenate([genuine, impostor])
    signs = np.repeat([1.0, -1.0], [len(genuine), len(impostor)])
    weights = np.repeat([0.5 / len(genuine), 0.5 / len(impostor)], [len(genuine), len(impostor)])

    # Sums instead of BLAS products: those depend on the number of threads in their last bits.
    def cost(line: Floats) -> tuple[float, Floats]:
        margins = signs * (line[0] * scores + line[1])
        pull = -weights * signs * expit(-margins)
        value = (weights * np.logaddexp(0, -margins)).sum() + _RIDGE * line[0] ** 2 / 2
        return float(value), np.array([(pull * scores).sum() + _RIDGE * line[0], pull.sum()])

    def curvature(line: Floats) -> Floats:
        sure = expit(line[0] * scores + line[1])
        mass = weights * sure * (1 - sure)
        cross = (mass * scores).sum()
        square = (mass * scores**2).sum() + _RIDGE
        return np.array([[square, cross], [cross, mass.sum() + 1e-12]])

    found = minimize(cost, np.zeros(2), jac=True, hess=curvature, method="trust-exact", tol=1e-9)
    return LlrMap(float(found.x[0]), float(found.x[1]))


def cllr(genuine_llr: Scores, impostor_llr: Scores) -> float:
    """Cost of natural log-likelihood ratios, in bits; safe for any size, infinite ones included.

    Raises `TooFewComparisonsError` where either is empty.
    """
    require_both(genuine_llr, impostor_llr, "Cllr")
    return float(_bits(-genuine_llr).mean() + _bits(impostor_llr).mean()) / 2


def min_cllr(genuine: Scores, impostor: Scores) -> float:
    """Cllr of the best monotone map of the scores (n,); raises `TooFewComparisonsError`."""
    require_both(genuine, impostor, "minimum Cllr")
    levels, where = np.unique(np.concatenate([genuine, impostor]), return_inverse=True)
    split_at = len(genuine)
    right = np.bincount(where[:split_at], minlength=len(levels)) / len(genuine)
    wrong = np.bincount(where[split_at:], minlength=len(levels)) / len(impostor)
    return _pooled_cost(right, wrong, known=np.isfinite(levels))


def calibrate(
    calibration: ScoredSplit, test: ScoredSplit, confidence: float, bootstrap: SubjectBootstrap
) -> CalibrationReport:
    """Fit the map on the calibration split and judge it on the test split.

    The intervals come from the subject bootstrap of the test split, the map being fixed. Raises
    `TooFewComparisonsError`.
    """
    line = fit_llr(calibration.genuine_scores, calibration.impostor_scores)
    cost = cllr(line.llr(test.genuine_scores), line.llr(test.impostor_scores))
    least = min_cllr(test.genuine_scores, test.impostor_scores)
    costs = _resampled_cllr(test, line, bootstrap)
    leasts = _resampled_min(test, least, bootstrap)
    num = min(len(test.genuine_scores), len(test.impostor_scores))
    known = np.isfinite(np.concatenate([calibration.genuine_scores, calibration.impostor_scores]))

    def measured(value: float, replicates: Floats) -> Measurement:
        ends = percentile_interval(replicates, confidence)
        if ends is None:
            return Measurement(value=value, n=num)
        low, high = min(ends[0], value), max(ends[1], value)
        return Measurement(value=value, n=num, low=low, high=high, confidence=confidence)

    return CalibrationReport(
        slope=line.slope,
        intercept=line.intercept,
        num_calibration=int(known.sum()),
        num_without_template=int(np.count_nonzero(~np.isfinite(test.scores))),
        cllr=measured(cost, costs),
        min_cllr=measured(least, leasts),
        loss=measured(cost - least, costs - leasts),
    )


def try_calibrate(
    calibration: ScoredSplit, test: ScoredSplit, confidence: float, bootstrap: SubjectBootstrap
) -> CalibrationReport | None:
    """`calibrate`, or None where the calibration split has too little to fit a map."""
    try:
        return calibrate(calibration, test, confidence, bootstrap)
    except TooFewComparisonsError:
        return None


def _bits(negative_margin: Scores) -> Scores:
    return np.asarray(np.logaddexp(0.0, negative_margin) / np.log(2))


def _resampled_cllr(test: ScoredSplit, line: LlrMap, bootstrap: SubjectBootstrap) -> Floats:
    subjects, genuine = test.subject_codes(), test.pairs.genuine
    weights = bootstrap.weights(int(subjects.max()) + 1)
    owners = subjects[test.pairs.left[genuine]]
    right = np.rint(_bits(-line.llr(test.genuine_scores)) * _UNITS)
    num = weights.shape[1]
    sums = person_sums(weights, np.bincount(owners, right, num).astype(np.float64))
    totals = person_sums(weights, np.bincount(owners, minlength=num).astype(np.float64))
    left, other = (subjects[side[~genuine]] for side in (test.pairs.left, test.pairs.right))
    wrong = np.rint(_bits(line.llr(test.impostor_scores)) * _UNITS)
    impostor = shares(dyad_sums(weights, left, other, wrong), dyad_sums(weights, left, other))
    return (shares(sums, totals) + impostor) / (2 * _UNITS)


def _resampled_min(test: ScoredSplit, least: float, bootstrap: SubjectBootstrap) -> Floats:
    """Minimum of each replicate, on coarse levels; moved by what the levels cost the whole."""
    scores = test.scores[np.isfinite(test.scores)]
    if len(scores) == 0:
        return np.full(bootstrap.replicates, np.nan)
    both = [part[np.isfinite(part)] for part in (test.genuine_scores, test.impostor_scores)]
    at = np.linspace(0, 1, _LEVELS // 2)
    levels = np.unique(np.concatenate([np.quantile(p, at, method="lower") for p in both if len(p)]))
    curves = resampled_rates(test, levels, bootstrap)
    found = np.array(
        [_coarse_min(m, n) for m, n in zip(curves.fmrs, 1 - curves.fnmrs, strict=True)]
    )
    genuine, impostor = test.genuine_scores, test.impostor_scores
    true_matches = accepted(genuine, curves.thresholds) / len(genuine)
    false_matches = accepted(impostor, curves.thresholds) / len(impostor)
    return found + (least - _coarse_min(false_matches, true_matches))


def _coarse_min(false_matches: Floats, true_matches: Floats) -> float:
    """Minimum Cllr from both accept rates at descending thresholds, the last of which takes all."""
    if not (np.isfinite(false_matches).all() and np.isfinite(true_matches).all()):
        return float("nan")
    wrong = np.append(np.diff(false_matches, prepend=0.0), 1 - false_matches[-1])[::-1]
    right = np.append(np.diff(true_matches, prepend=0.0), 1 - true_matches[-1])[::-1]
    known = np.arange(len(wrong)) > 0
    return _pooled_cost(np.maximum(right, 0), np.maximum(wrong, 0), known)


def _pooled_cost(right: Floats, wrong: Floats, known: NDArray[np.bool_]) -> float:
    """Cllr after pooling shares of genuine and of impostors (k,), given in rising order of score.

    Where not `known` there is no evidence, and the LLR is 0.
    """
    weight = right + wrong
    used = known & (weight > 0)
    lost = float(weight[~used].sum()) / 2
    if not used.any():
        return lost
    right, wrong, weight = right[used], wrong[used], weight[used]
    chance = np.clip(isotonic_regression(right / weight, sample_weight=weight), 0, 1)
    with np.errstate(divide="ignore"):
        yes, no = np.log2(chance), np.log2(1 - chance)
    cost_right = np.multiply(right, -yes, where=right > 0, out=np.zeros(len(right)))
    cost_wrong = np.multiply(wrong, -no, where=wrong > 0, out=np.zeros(len(wrong)))
    return lost + float(cost_right.sum() + cost_wrong.sum()) / 2
