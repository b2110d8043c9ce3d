"""Small false match rates beyond the data, by a model of the highest impostor scores.

Peaks over a threshold u follow a generalised Pareto law, whatever the law of all scores, the better
the higher u is (Pickands 1975; ISO/IEC 5152 takes it for false match rates):

    FMR(t) = share_u (1 + shape (t - u) / scale)^(-1 / shape)      for t >= u

Shape and scale come from probability-weighted moments (Hosking and Wallis 1987), the intervals from
the subject bootstrap. All of this is `model_based`: it stands beside the empirical bound and never
in its place. Whether to believe it the stability table says, where shape and rates should not
depend on u, and the quantile plot, which should be straight.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.measurement import Measurement
from evaluation.operating_points import OperatingPoint, point_name
from evaluation.scores import ScoredSplit, Scores
from evaluation.uncertainty.bootstrap import (
    Floats,
    SubjectBootstrap,
    dyad_sums,
    percentile_interval,
)
from evaluation.uncertainty.intervals import Interval

TAIL_SHARES: Final = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
TAIL_TARGETS: Final = (1e-4, 1e-5, 1e-6)
MIN_EXCEEDANCES: Final = 500
MAX_EXCEEDANCES: Final = 10_000
QQ_POINTS: Final = 40
_FEW_EXCEEDANCES: Final = 100
_BLOCK_CELLS: Final = 1 << 22
_EXPONENTIAL: Final = 1e-9
"""Shapes this close to 0 are the exponential law."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelledRate(_Frozen):
    """FMR at one threshold, by the model."""

    threshold: float
    fmr: float
    interval: Interval | None
    observed_errors: int
    """Impostor comparisons that really reach the threshold."""


class ModelledThreshold(_Frozen):
    """Threshold for one FMR, by the model."""

    target_fmr: float
    threshold: float | None
    """None where the model wants more than a cosine can be."""
    interval: Interval | None
    """Ends are cut at 1."""
    fnmr: float | None
    """Share of genuine comparisons below that threshold: what the target would cost."""


class StabilityRow(_Frozen):
    """The fit above one threshold."""

    share: float
    """Of all impostor comparisons, above the threshold."""
    threshold: float
    num_exceedances: int
    shape: float
    shape_interval: Interval | None
    fmr_at_strictest: float
    """By the model, at the strictest operating point."""


class QuantilePoint(_Frozen):
    """One point of the quantile plot of exceedances."""

    model: float
    observed: float


class TailReport(_Frozen):
    """The tail of the impostor scores."""

    model_based: Literal[True] = True
    threshold: float
    """u, the score above which the model holds."""
    share: float
    """Of all impostor comparisons, above u."""
    num_exceedances: int
    shape: float
    """Below 0 the scores have an end, above 0 a heavy tail."""
    scale: float
    points: dict[str, ModelledRate]
    """By operating point; only those above u."""
    targets: dict[str, ModelledThreshold]
    stability: tuple[StabilityRow, ...]
    quantiles: tuple[QuantilePoint, ...]

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Modelled rates and thresholds by key, under a prefix that says they are modelled."""
        for name, rate in self.points.items():
            yield f"{prefix}/{name}/fmr", self._measured(rate.fmr, rate.interval)
        for name, level in self.targets.items():
            if level.threshold is not None:
                yield f"{prefix}/{name}/threshold", self._measured(level.threshold, level.interval)

    def _measured(self, value: float, interval: Interval | None) -> Measurement:
        if interval is None:
            return Measurement(value=value, n=self.num_exceedances)
        low, high = min(interval.low, value), max(interval.high, value)
        return Measurement(value=value, n=self.num_exceedances, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Tail:
    """Generalised Pareto laws over one threshold; arrays (replicates,), or single numbers."""

    threshold: float
    share: Floats
    shape: Floats
    scale: Floats

    def fmr(self, threshold: float) -> Floats:
        """FMR at a threshold not below `self.threshold`; 0 beyond the end of the scores."""
        excess = (threshold - self.threshold) / self.scale
        exponential = np.abs(self.shape) < _EXPONENTIAL
        shape = np.where(exponential, 1.0, self.shape)
        inside = np.maximum(1 + shape * excess, 0)
        with np.errstate(divide="ignore"):
            survival = np.where(exponential, np.exp(-excess), inside ** (-1 / shape))
        return np.asarray(self.share * np.where(inside > 0, survival, 0.0))

    def threshold_at(self, fmr: float) -> Floats:
        """Threshold for an FMR below the share of the tail."""
        ratio = np.maximum(self.share / fmr, 1.0)
        exponential = np.abs(self.shape) < _EXPONENTIAL
        shape = np.where(exponential, 1.0, self.shape)
        excess = np.where(exponential, np.log(ratio), (ratio**shape - 1) / shape)
        return np.asarray(self.threshold + self.scale * excess)


def fit_tail(exceedances: Floats, weights: Floats, share: Floats, threshold: float) -> Tail:
    """Fit by weighted probability-weighted moments.

    `exceedances` (k,) ascend from 0 on; `weights` (replicates, k) say how often each counts;
    `share` (replicates,) of all comparisons lies above `threshold`. NaN where a replicate has no
    spread to see.
    """
    total = weights.sum(axis=1)
    rank = np.cumsum(weights, axis=1) - weights / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        first = weights @ exceedances / total
        second = ((total[:, None] - rank) * weights) @ exceedances / total**2
        gap = first - 2 * second
        return Tail(threshold, share, 2 - first / gap, 2 * first * second / gap)


def tail_report(
    split: ScoredSplit,
    points: Mapping[str, OperatingPoint],
    confidence: float,
    bootstrap: SubjectBootstrap,
    targets: Sequence[float] = TAIL_TARGETS,
) -> TailReport | None:
    """Model the tail of the impostor scores; None where too few comparisons are in any tail.

    u is the score that the smallest of `TAIL_SHARES` with `MIN_EXCEEDANCES` above it exceeds.
    """
    tails: dict[float, _Fits] = {}
    for share in TAIL_SHARES:
        if _FEW_EXCEEDANCES <= share * len(split.impostor_scores) <= MAX_EXCEEDANCES:
            fits = _exceeding(split, share, bootstrap)
            tails |= {} if fits is None else {share: fits}
    large = [s for s, fits in tails.items() if len(fits.exceedances) >= MIN_EXCEEDANCES]
    if not large:
        return None
    found = tails[min(large)]
    strictest = max(point.threshold for point in points.values())
    genuine, impostor = split.genuine_scores, split.impostor_scores
    return TailReport(
        threshold=found.best.threshold,
        share=float(found.best.share[0]),
        num_exceedances=len(found.exceedances),
        shape=float(found.best.shape[0]),
        scale=float(found.best.scale[0]),
        points={
            name: ModelledRate(
                threshold=point.threshold,
                fmr=float(found.best.fmr(point.threshold)[0]),
                interval=_interval(found.drawn.fmr(point.threshold), confidence),
                observed_errors=int(np.count_nonzero(impostor >= point.threshold)),
            )
            for name, point in points.items()
            if point.threshold >= found.best.threshold
        },
        targets={
            point_name(target): _modelled(found, target, genuine, confidence)
            for target in targets
            if target < float(found.best.share[0])
        },
        stability=tuple(
            _stability(tails[share], strictest, confidence) for share in sorted(tails, reverse=True)
        ),
        quantiles=_quantiles(found),
    )


@dataclass(frozen=True, slots=True)
class _Fits:
    exceedances: Floats
    best: Tail
    """Of the data, with arrays (1,)."""
    drawn: Tail
    """Of the replicates."""


def _exceeding(split: ScoredSplit, share: float, bootstrap: SubjectBootstrap) -> _Fits | None:
    impostor = np.flatnonzero(~split.pairs.genuine)
    scores = split.scores[impostor]
    num = int(share * len(scores))
    threshold = float(np.partition(scores, len(scores) - num - 1)[len(scores) - num - 1])
    above = np.flatnonzero(scores > threshold)
    if not np.isfinite(threshold) or len(above) < _FEW_EXCEEDANCES:
        return None
    above = above[np.argsort(scores[above], kind="stable")]
    exceedances = scores[above] - threshold
    subjects = split.subject_codes()
    left, right = (subjects[side[impostor]] for side in (split.pairs.left, split.pairs.right))
    once = np.ones((1, len(above)))
    best = fit_tail(exceedances, once, np.array([len(above) / len(scores)]), threshold)
    if not (np.isfinite(best.shape[0]) and best.scale[0] > 0):
        return None
    draws = bootstrap.weights(int(subjects.max()) + 1)
    totals = np.maximum(dyad_sums(draws, left, right), 1)
    step = max(1, _BLOCK_CELLS // len(above))
    parts = []
    for start in range(0, len(draws), step):
        block = draws[start : start + step].astype(np.float64)
        weights = block[:, left[above]] * block[:, right[above]]
        reached = weights.sum(axis=1) / totals[start : start + step]
        parts.append(fit_tail(exceedances, weights, reached, threshold))
    return _Fits(exceedances, best, _joined(parts))


def _joined(parts: Sequence[Tail]) -> Tail:
    share, shape, scale = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("share", "shape", "scale")
    )
    # Not every draw of people has a tail of this law; those that have none say nothing.
    lost = ~(scale > 0)
    return Tail(parts[0].threshold, share, *(np.where(lost, np.nan, v) for v in (shape, scale)))


def _modelled(found: _Fits, target: float, genuine: Scores, confidence: float) -> ModelledThreshold:
    level = float(found.best.threshold_at(target)[0])
    ends = _interval(np.minimum(found.drawn.threshold_at(target), 1.0), confidence)
    if level > 1:
        return ModelledThreshold(target_fmr=target, threshold=None, interval=ends, fnmr=None)
    missed = float(np.count_nonzero(genuine < level)) / len(genuine) if len(genuine) else None
    return ModelledThreshold(target_fmr=target, threshold=level, interval=ends, fnmr=missed)


def _stability(found: _Fits, strictest: float, confidence: float) -> StabilityRow:
    best = found.best
    return StabilityRow(
        share=float(best.share[0]),
        threshold=best.threshold,
        num_exceedances=len(found.exceedances),
        shape=float(best.shape[0]),
        shape_interval=_interval(found.drawn.shape, confidence),
        fmr_at_strictest=float(best.fmr(max(strictest, best.threshold))[0]),
    )


def _quantiles(found: _Fits) -> tuple[QuantilePoint, ...]:
    total = len(found.exceedances)
    at = np.unique(np.geomspace(1, total, QQ_POINTS).astype(int))[::-1]
    share = float(found.best.share[0])
    return tuple(
        QuantilePoint(
            model=float(found.best.threshold_at(share * (rank - 0.5) / total)[0]),
            observed=found.best.threshold + float(found.exceedances[total - rank]),
        )
        for rank in at.tolist()
    )


def _interval(replicates: Floats, confidence: float) -> Interval | None:
    ends = percentile_interval(replicates, confidence)
    return None if ends is None else Interval(low=ends[0], high=ends[1])
