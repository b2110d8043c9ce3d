"""Error rates of a verification system. A comparison is accepted where score >= threshold.

FMR is the share of impostor comparisons accepted, FNMR the share of genuine ones refused (ISO/IEC
19795-1). A photo that gave no template has the score -inf: it is never accepted and it stays in the
denominators. All scores are one-dimensional float arrays.
"""

import math

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.errors import EvaluationError, TooFewComparisonsError
from evaluation.scores import Flags, Scores
from evaluation.uncertainty.intervals import Interval


class FnmrAtFmr(BaseModel):
    """FNMR at the threshold that keeps FMR at a target on the same comparisons."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target_fmr: float
    threshold: float
    fmr: float
    """Realised, never above the target."""
    fnmr: float
    tar: float
    """True accept rate, 1 - FNMR."""
    interval: Interval | None = None
    """Of the FNMR, by the subject bootstrap with the threshold chosen anew in each replicate."""


def fmr(impostor: Scores, threshold: float) -> float:
    """False match rate at a threshold; raises `TooFewComparisonsError` where there are none."""
    return _share(impostor >= threshold, "FMR")


def fnmr(genuine: Scores, threshold: float) -> float:
    """False non-match rate at a threshold; raises `TooFewComparisonsError` where there are none."""
    return _share(genuine < threshold, "FNMR")


def threshold_at_fmr(impostor: Scores, target_fmr: float) -> float:
    """Return the smallest threshold whose FMR is at most the target.

    With ties at the edge none of the tied comparisons is accepted, so FMR never exceeds the target:
    the threshold is the next float above the highest score that must be refused. Raises
    `TooFewComparisonsError` below 1 / target comparisons, where the answer would say nothing, and
    `EvaluationError` for a target outside (0, 1).
    """
    if not 0 < target_fmr < 1:
        raise EvaluationError(f"target_fmr is {target_fmr}; it must lie between 0 and 1")
    num_allowed = _largest_count(target_fmr, len(impostor))
    if num_allowed == 0:
        raise TooFewComparisonsError(
            f"FMR {target_fmr:g}", len(impostor), math.ceil(1 / target_fmr)
        )
    position = len(impostor) - num_allowed - 1
    refused = float(np.partition(impostor, position)[position])
    return math.nextafter(refused, math.inf)


def fnmr_at_fmr(genuine: Scores, impostor: Scores, target_fmr: float) -> FnmrAtFmr:
    """FNMR where FMR is the largest reachable one that is not above the target.

    The threshold is chosen on the scores it is judged on: comparable with published tables, and
    optimistic. Raises `TooFewComparisonsError`.
    """
    threshold = threshold_at_fmr(impostor, target_fmr)
    miss = fnmr(genuine, threshold)
    return FnmrAtFmr(
        target_fmr=target_fmr,
        threshold=threshold,
        fmr=fmr(impostor, threshold),
        fnmr=miss,
        tar=1 - miss,
    )


def auc(genuine: Scores, impostor: Scores) -> float:
    """Share of genuine-impostor couples in which the genuine one scores higher; ties count half.

    This is the area under the ROC (Mann-Whitney). Raises `TooFewComparisonsError` where either is
    empty.
    """
    require_both(genuine, impostor, "AUC")
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, side="left").sum()
    not_above = np.searchsorted(ordered, genuine, side="right").sum()
    return float(below + not_above) / (2 * len(genuine) * len(impostor))


def eer(genuine: Scores, impostor: Scores) -> float:
    """Equal error rate: where FMR = FNMR on the line through the operating points.

    Raises `TooFewComparisonsError` where either is empty.
    """
    require_both(genuine, impostor, "EER")
    thresholds = np.unique(np.concatenate([genuine, impostor]))[::-1]
    false_match = np.concatenate([[0.0], accepted(impostor, thresholds) / len(impostor)])
    miss = np.concatenate([[1.0], 1 - accepted(genuine, thresholds) / len(genuine)])
    gap = false_match - miss
    after = int(np.argmax(gap >= 0))
    weight = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float((1 - weight) * false_match[after - 1] + weight * false_match[after])


def accepted(scores: Scores, thresholds: Scores) -> Scores:
    """How many scores reach each threshold, as floats of the shape of `thresholds`."""
    ordered = np.sort(scores)
    return (len(ordered) - np.searchsorted(ordered, thresholds, side="left")).astype(np.float64)


def _largest_count(rate: float, total: int) -> int:
    """Largest k with k / total <= rate in floating point, as whoever checks it will compute it."""
    count = math.floor(rate * total) + 1
    while count > 0 and count / total > rate:
        count -= 1
    return count


def _share(hits: Flags, what: str) -> float:
    if len(hits) == 0:
        raise TooFewComparisonsError(what, 0, 1)
    return int(np.count_nonzero(hits)) / len(hits)


def require_both(genuine: Scores, impostor: Scores, what: str) -> None:
    """Raise `TooFewComparisonsError`, naming the measure, where either kind is empty."""
    for name, scores in (("genuine", genuine), ("impostor", impostor)):
        if len(scores) == 0:
            raise TooFewComparisonsError(f"{what} ({name})", 0, 1)
