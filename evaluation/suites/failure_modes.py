"""Known failure modes in figures: the same comparisons before and after something went wrong.

A photo that the quality gate refuses is sent back for another one; it is no silent error. So FNMR
and FMR are taken over the comparisons that the gate let through, each beside the baseline of the
very same comparisons undegraded, and `fnmr_with_refusals` counts everybody who did not get in.

The rise of FNMR is p10 - p01, newly missed less newly found. Its interval joins the clustered
Wilson intervals of both shares by MOVER (Zou and Donner 2008), as if they were independent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict

from data.failure_modes.metrics import FailureMetric
from evaluation.errors import ScoresError
from evaluation.measurement import Measurement
from evaluation.measures.rates import error_rates
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Flags, ScoredSplit
from evaluation.uncertainty.intervals import RateEstimate, fnmr_estimate

BoundVerdict = Literal["within", "exceeded", "inconclusive", "no_bound", "not_measured"]
METRICS: Final = get_args(FailureMetric)


@dataclass(frozen=True, slots=True)
class Least:
    """How few comparisons still say something."""

    impostor: int
    genuine: int

    def of(self, metric: FailureMetric) -> int:
        """For one metric; a share of photos has no such limit."""
        if metric == "refused_share":
            return 1
        return self.impostor if metric == "fmr" else self.genuine


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DegradedRates(_Frozen):
    """One operating point under one degradation."""

    fmr: RateEstimate
    baseline_fmr: RateEstimate
    """Of the same comparisons before."""
    fnmr: RateEstimate
    baseline_fnmr: RateEstimate
    fnmr_rise: Measurement | None
    """None where the gate let no genuine comparison through."""
    fnmr_with_refusals: RateEstimate


class ConditionReport(_Frozen):
    """One operator at one severity."""

    operator: str
    severity: float
    num_photos: int
    """Photos that were degraded; all of them were usable before."""
    refused: dict[str, int]
    """Of them, by reject reason."""
    refused_share: RateEstimate
    points: dict[str, DegradedRates]

    @property
    def name(self) -> str:
        """Such as `mask 0.5`."""
        return f"{self.operator} {self.severity:g}"

    def measurement(self, metric: FailureMetric, point: str, least: Least) -> Measurement | None:
        """One metric at one operating point; None where nothing was compared."""
        min_n = least.of(metric)
        if metric == "refused_share":
            return Measurement.of_rate(self.refused_share, min_n)
        if metric == "fnmr_rise":
            rise = self.points[point].fnmr_rise
            return rise and rise.model_copy(update={"min_n": min_n})
        return Measurement.of_rate(getattr(self.points[point], metric), min_n)


class FailureModeReport(_Frozen):
    """How one known failure mode stands."""

    how: str
    """How it was provoked, in one line."""
    origin: str
    owner: str
    status: str
    metric: FailureMetric
    bound: float | None
    point: str
    """Operating point of `measured`."""
    measured: Measurement | None
    """The metric at its worst; None where nothing could be compared."""
    worst: str | None = None
    """Where that was: an operator and severity, a protocol or a slice."""
    verdict: BoundVerdict
    conditions: tuple[ConditionReport, ...] = ()

    def measurements(self, prefix: str, least: Least) -> Iterator[tuple[str, Measurement]]:
        """Every metric at its worst, by key."""
        if not self.conditions and self.measured is not None:
            yield f"{prefix}/{self.metric}", self.measured
        for metric in METRICS if self.conditions else ():
            _, found = worst_of(self.conditions, metric, self.point, least)
            if found is not None:
                yield f"{prefix}/{metric}", found


@dataclass(frozen=True, slots=True)
class Degradation:
    """Comparisons before and after, over the same rows and pairs."""

    operator: str
    severity: float
    before: ScoredSplit
    after: ScoredSplit
    degraded: Flags
    """(num_rows,): which rows are degraded photos; the rest is what they are compared with."""
    reasons: Mapping[str, int]
    """Refusals among them by reject reason."""

    def __post_init__(self) -> None:
        same = self.before.pairs is self.after.pairs and len(self.degraded) == len(
            self.before.table
        )
        if not same or not self.before.usable.all():
            raise ScoresError(
                "before and after must be the same comparisons of photos that were usable before"
            )


def judge_degradation(
    found: Degradation, points: Mapping[str, OperatingPoint], confidence: float
) -> ConditionReport:
    """Compare what the matcher says before and after, at each frozen threshold."""
    after, before = found.after, found.before
    pairs = after.pairs
    passed = after.usable[pairs.left] & after.usable[pairs.right]
    everything = np.ones(len(pairs), dtype=bool)
    rates = error_rates(after, passed, points, confidence)
    baseline = error_rates(before, passed, points, confidence)
    with_refusals = error_rates(after, everything, points, confidence)
    refused = ~after.usable[found.degraded]
    return ConditionReport(
        operator=found.operator,
        severity=found.severity,
        num_photos=int(np.count_nonzero(found.degraded)),
        refused=dict(found.reasons),
        refused_share=fnmr_estimate(refused, after.subject_codes()[found.degraded], confidence),
        points={
            name: DegradedRates(
                fmr=rates[name].fmr,
                baseline_fmr=baseline[name].fmr,
                fnmr=rates[name].fnmr,
                baseline_fnmr=baseline[name].fnmr,
                fnmr_rise=_rise(found, passed, point.threshold, confidence),
                fnmr_with_refusals=with_refusals[name].fnmr,
            )
            for name, point in points.items()
        },
    )


def worst_of(
    conditions: Sequence[ConditionReport], metric: FailureMetric, point: str, least: Least
) -> tuple[str | None, Measurement | None]:
    """Condition and value where a metric is highest; both None where nothing was compared.

    A condition that left too few comparisons to say anything counts only where all of them did.
    """
    found = [(one.name, one.measurement(metric, point, least)) for one in conditions]
    known = [(name, measured) for name, measured in found if measured is not None]
    enough = [(name, measured) for name, measured in known if not measured.too_few]
    return max(enough or known, key=lambda one: one[1].value) if known else (None, None)


def bound_verdict(measured: Measurement | None, bound: float | None) -> BoundVerdict:
    """Whether a metric keeps its bound; only a whole interval on one side of it decides."""
    if measured is None:
        return "not_measured"
    if bound is None:
        return "no_bound"
    low = measured.value if measured.low is None else measured.low
    high = measured.value if measured.high is None else measured.high
    if measured.too_few or low <= bound < high:
        return "inconclusive"
    return "within" if high <= bound else "exceeded"


def difference_of(more: RateEstimate, less: RateEstimate) -> Measurement | None:
    """Difference of two shares of the same comparisons, by MOVER; None where there were none."""
    if more.rate is None or less.rate is None:
        return None
    up, down = more.rate, less.rate
    return Measurement(
        value=up - down,
        n=more.num_comparisons,
        low=max(-1.0, up - down - float(np.hypot(up - more.low, less.high - down))),
        high=min(1.0, up - down + float(np.hypot(more.high - up, down - less.low))),
        num_effective=min(more.num_effective, less.num_effective),
        confidence=more.confidence,
    )


def _rise(
    found: Degradation, passed: Flags, threshold: float, confidence: float
) -> Measurement | None:
    genuine = passed & found.after.pairs.genuine
    owners = found.after.subject_codes()[found.after.pairs.left[genuine]]
    missed_before = found.before.scores[genuine] < threshold
    missed_after = found.after.scores[genuine] < threshold
    return difference_of(
        fnmr_estimate(missed_after & ~missed_before, owners, confidence),
        fnmr_estimate(missed_before & ~missed_after, owners, confidence),
    )
