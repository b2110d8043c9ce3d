"""Behaviour in the manner of CheckList (Ribeiro et al., ACL 2020): what was expected, what came.

A case keeps to an expectation where the whole interval at its worst condition does, see
`bound_verdict`; what was not measured never does. `evaluation.suites.changes` measures the
conditions.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from data.behaviour.metrics import BehaviourMetric, Expectation
from evaluation.measurement import Measurement
from evaluation.operating_points import OperatingPoint
from evaluation.suites.failure_modes import BoundVerdict, bound_verdict

_VERDICTS: Final[tuple[BoundVerdict, ...]] = (
    "exceeded",
    "not_measured",
    "inconclusive",
    "no_bound",
    "within",
)
"""The worst first."""
_ALWAYS: Final = ("genuine_flip_rate", "impostor_fmr", "impostor_new_matches")
"""Tracked for every change of photos, expected or not."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BehaviourCondition(_Frozen):
    """One change at one severity, or one other thing that was tried."""

    name: str
    """Such as `jpeg 0.39`."""
    num_photos: int
    """Photos that were changed."""
    refused: dict[str, int] = {}
    """Of them, by reject reason."""
    genuine_score_change: Measurement | None = None
    """Mean change of a person's cosine; for reading, no bound applies."""
    impostor_score_change: Measurement | None = None
    metrics: dict[str, Measurement]
    """By metric; one that nothing could be compared for is missing."""


class ExpectationReport(_Frozen):
    """What became of one expectation."""

    metric: BehaviourMetric
    bound: float
    """At this operating point."""
    measured: Measurement | None
    """At the worst condition; None where nothing could be compared."""
    worst: str | None = None
    """Which condition that was."""
    verdict: BoundVerdict


class BehaviourReport(_Frozen):
    """How one behaviour case stands."""

    kind: str
    how: str
    """How it was tried, in one line."""
    owner: str
    status: str
    point: str
    """Operating point of all decisions."""
    expectations: tuple[ExpectationReport, ...]
    conditions: tuple[BehaviourCondition, ...] = ()

    @property
    def verdict(self) -> BoundVerdict:
        """Of the worst expectation."""
        return min((one.verdict for one in self.expectations), key=_VERDICTS.index)

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """What is expected, and both sides' flips, at the worst condition: `<prefix>/<metric>`."""
        for metric in sorted({*(one.metric for one in self.expectations), *_ALWAYS}):
            _, measured = worst_condition(self.conditions, metric)
            if measured is not None:
                yield f"{prefix}/{metric}", measured


def expectations_of(
    expected: Sequence[Expectation],
    conditions: Sequence[BehaviourCondition],
    point: OperatingPoint,
) -> tuple[ExpectationReport, ...]:
    """Hold each expectation against its worst condition."""
    return tuple(_expectation(one, conditions, point) for one in expected)


def worst_condition(
    conditions: Sequence[BehaviourCondition], metric: str
) -> tuple[str | None, Measurement | None]:
    """Condition and value where a metric is highest; both None where it was never measured."""
    known = [(one.name, one.metrics[metric]) for one in conditions if metric in one.metrics]
    return max(known, key=lambda one: one[1].value) if known else (None, None)


def _expectation(
    expected: Expectation, conditions: Sequence[BehaviourCondition], point: OperatingPoint
) -> ExpectationReport:
    worst, measured = worst_condition(conditions, expected.metric)
    bound = expected.limit(point.target_fmr)
    return ExpectationReport(
        metric=expected.metric,
        bound=bound,
        measured=measured,
        worst=worst,
        verdict=bound_verdict(measured, bound),
    )


def measured_counts(counts: Mapping[str, tuple[int, int]]) -> dict[str, Measurement]:
    """Shares of finite lists, such as of junk pictures: (hits, tried) by metric, no interval.

    What was not tried is left out.
    """
    return {
        metric: Measurement(value=hits / tried, n=tried)
        for metric, (hits, tried) in counts.items()
        if tried
    }


def measured_largest(values: Mapping[str, Sequence[float]]) -> dict[str, Measurement]:
    """Largest of some values by metric, no interval: a promise that holds for each of them."""
    return {
        metric: Measurement(value=max(found), n=len(found))
        for metric, found in values.items()
        if found
    }
