"""What a change of photos does to decisions: flips, rises, and what the quality gate lets through.

The same comparisons before and after a change, at one frozen threshold. A flip is a decision that
is another one afterwards; its rate is taken apart for people and for strangers, of comparisons that
the quality gate let through, with the clustered intervals of `evaluation.uncertainty.intervals`. A
difference of two shares of the same comparisons joins theirs by MOVER, as in
`evaluation.suites.failure_modes`. A mean has the interval of Student's t over people (clusters):
with d_ij the differences of person i, V = S / (S - 1) sum_i (sum_j (d_ij - mean))^2 / n^2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from evaluation.errors import ScoresError
from evaluation.measurement import Measurement
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Codes, Flags, ScoredSplit
from evaluation.suites.behaviour import BehaviourCondition
from evaluation.suites.failure_modes import Degradation, difference_of
from evaluation.uncertainty.intervals import Dyads, RateEstimate, fmr_estimate, fnmr_estimate

Floats = NDArray[np.float64]
_COSINE_RANGE: Final = 2.0
_QUALITY_RANGE: Final = 100.0


@dataclass(frozen=True, slots=True)
class Change:
    """Comparisons before and after a change, and the quality of the photos that were changed."""

    degradation: Degradation
    quality_before: Floats
    """(num_changed,), 0 to 100; NaN where it is not known."""
    quality_after: Floats

    def __post_init__(self) -> None:
        num = int(np.count_nonzero(self.degradation.degraded))
        if self.quality_before.shape != (num,) or self.quality_after.shape != (num,):
            raise ScoresError(
                f"{num} photos were changed, and there is the quality of"
                f" {self.quality_before.shape} before and {self.quality_after.shape} after"
            )

    @property
    def name(self) -> str:
        """Such as `jpeg 0.39`."""
        return f"{self.degradation.operator} {self.degradation.severity:g}"


def judge_changes(
    changes: Sequence[Change], point: OperatingPoint, confidence: float
) -> tuple[BehaviourCondition, ...]:
    """Measure every change at one threshold; steps are taken along rising severities.

    Changes of one operator must be of the same comparisons; they are put in order of severity.
    """
    ordered = sorted(changes, key=lambda one: (one.degradation.operator, one.degradation.severity))
    previous: Change | None = None
    found = []
    for change in ordered:
        same = previous is not None and (
            previous.degradation.operator == change.degradation.operator
        )
        found.append(_condition(change, previous if same else None, point.threshold, confidence))
        previous = change
    return tuple(found)


def flipped_pairs(change: Change, threshold: float) -> pd.DataFrame:
    """Comparisons whose decision is another one after a change, the gravest first.

    Columns: condition, is_genuine, left_image_id (the changed photo), right_image_id, score_before,
    score_after. A stranger who now matches comes before everything else.
    """
    found = change.degradation
    before, after, pairs = found.before, found.after, found.after.pairs
    flipped = np.flatnonzero(
        _passed(after) & ((before.scores >= threshold) != (after.scores >= threshold))
    )
    names = before.table["image_id"].to_numpy()
    table = pd.DataFrame(
        {
            "condition": change.name,
            "is_genuine": pairs.genuine[flipped],
            "left_image_id": names[pairs.left[flipped]],
            "right_image_id": names[pairs.right[flipped]],
            "score_before": before.scores[flipped],
            "score_after": after.scores[flipped],
        }
    )
    new_match = ~table["is_genuine"] & (table["score_after"] >= threshold)
    size = (table["score_after"] - table["score_before"]).abs()
    order = np.lexsort((-size, ~new_match))
    return table.iloc[order].reset_index(drop=True)


def mean_change(
    differences: Floats, owners: Codes, confidence: float, limit: float
) -> Measurement | None:
    """Mean of differences (n,) with its interval over people; None where there are none.

    With one person alone there is no variance between people to see, and the interval is all that
    is possible, -limit to limit.
    """
    if len(differences) == 0:
        return None
    mean = float(differences.mean())
    people = np.unique(owners, return_inverse=True)[1]
    sums = np.bincount(people, weights=differences - mean)
    num_people, num = len(sums), len(differences)
    half = 2 * limit
    if num_people > 1:
        variance = num_people / (num_people - 1) * float(np.square(sums).sum()) / num**2
        quantile = float(stats.t.ppf((1 + confidence) / 2, num_people - 1))
        half = quantile * float(np.sqrt(variance))
    return Measurement(
        value=mean,
        n=num,
        low=max(-limit, mean - half),
        high=min(limit, mean + half),
        num_effective=float(num_people),
        confidence=confidence,
    )


class _Sides(NamedTuple):
    """What one change did, over comparisons that passed the gate before and after."""

    genuine: Flags
    impostor: Flags
    matched_before: Flags
    matched_after: Flags
    owners: Codes
    """(num_pairs,): person on the left, who is the person on both sides of a genuine pair."""
    others: Codes


def _condition(
    change: Change, previous: Change | None, threshold: float, confidence: float
) -> BehaviourCondition:
    found = change.degradation
    sides = _sides(found, threshold)
    moved = found.after.scores - found.before.scores
    metrics = {
        "genuine_flip_rate": _genuine_rate(sides, _flipped(sides), confidence),
        "impostor_flip_rate": _impostor_rate(sides, _flipped(sides), confidence),
        "impostor_new_matches": _impostor_rate(sides, _gained(sides), confidence),
        "impostor_fmr": _impostor_rate(sides, sides.matched_after, confidence),
    }
    differences = {
        "impostor_fmr_rise": _fmr_rise(sides, confidence),
        "genuine_score_rise": _score_rise(change, previous, confidence),
        "quality_rise": _quality_rise(change, previous, confidence),
        "silent_miss_excess": _silent_excess(found, threshold, confidence),
    }
    rates = {name: Measurement.of_rate(rate) for name, rate in metrics.items()}
    return BehaviourCondition(
        name=change.name,
        num_photos=int(np.count_nonzero(found.degraded)),
        refused=dict(found.reasons),
        genuine_score_change=_mean(moved, sides.genuine, sides, confidence),
        impostor_score_change=_mean(moved, sides.impostor, sides, confidence),
        metrics={
            name: measured
            for name, measured in {**rates, **differences}.items()
            if measured is not None
        },
    )


def _passed(split: ScoredSplit) -> Flags:
    found: Flags = split.usable[split.pairs.left] & split.usable[split.pairs.right]
    return found


def _sides(found: Degradation, threshold: float) -> _Sides:
    pairs, passed = found.after.pairs, _passed(found.after)
    people = found.after.subject_codes()
    return _Sides(
        genuine=passed & pairs.genuine,
        impostor=passed & ~pairs.genuine,
        matched_before=found.before.scores >= threshold,
        matched_after=found.after.scores >= threshold,
        owners=people[pairs.left],
        others=people[pairs.right],
    )


def _flipped(sides: _Sides) -> Flags:
    found: Flags = sides.matched_before != sides.matched_after
    return found


def _gained(sides: _Sides) -> Flags:
    return sides.matched_after & ~sides.matched_before


def _genuine_rate(sides: _Sides, errors: Flags, confidence: float) -> RateEstimate:
    return fnmr_estimate(errors[sides.genuine], sides.owners[sides.genuine], confidence)


def _impostor_rate(sides: _Sides, errors: Flags, confidence: float) -> RateEstimate:
    among = sides.impostor
    return fmr_estimate(
        errors[among], Dyads.of(sides.owners[among], sides.others[among]), confidence
    )


def _fmr_rise(sides: _Sides, confidence: float) -> Measurement | None:
    lost = sides.matched_before & ~sides.matched_after
    return difference_of(
        _impostor_rate(sides, _gained(sides), confidence), _impostor_rate(sides, lost, confidence)
    )


def _score_rise(change: Change, previous: Change | None, confidence: float) -> Measurement | None:
    """Over genuine comparisons that passed at both severities."""
    now = change.degradation.after
    then = change.degradation.before if previous is None else previous.degradation.after
    if len(then.pairs) != len(now.pairs):
        raise ScoresError(f"{change.name}: the severities are not of the same comparisons")
    both = _passed(now) & _passed(then) & now.pairs.genuine
    owners = now.subject_codes()[now.pairs.left[both]]
    return mean_change(now.scores[both] - then.scores[both], owners, confidence, _COSINE_RANGE)


def _quality_rise(change: Change, previous: Change | None, confidence: float) -> Measurement | None:
    then = change.quality_before if previous is None else previous.quality_after
    known = np.isfinite(then) & np.isfinite(change.quality_after)
    owners = change.degradation.after.subject_codes()[change.degradation.degraded][known]
    rise = change.quality_after[known] - then[known]
    return mean_change(rise, owners, confidence, _QUALITY_RANGE)


def _silent_excess(found: Degradation, threshold: float, confidence: float) -> Measurement | None:
    """Of people who matched before: newly missed by the matcher, less those the gate sent back."""
    matched = found.after.pairs.genuine & (found.before.scores >= threshold)
    owners = found.after.subject_codes()[found.after.pairs.left[matched]]
    passed = _passed(found.after)[matched]
    missed = passed & (found.after.scores[matched] < threshold)
    return difference_of(
        fnmr_estimate(missed, owners, confidence), fnmr_estimate(~passed, owners, confidence)
    )


def _mean(values: Floats, members: Flags, sides: _Sides, confidence: float) -> Measurement | None:
    return mean_change(values[members], sides.owners[members], confidence, _COSINE_RANGE)
