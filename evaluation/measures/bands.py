"""The DET curve with its bands: how sure both rates are, along the thresholds.

At each threshold both rates have their interval (the wider of clustered Wilson and subject
bootstrap). The simultaneous band holds the whole curve at once: its pointwise level is such that
the wanted share of the bootstrap's curves lies inside everywhere.
"""

from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.measures.curves import roc_curve
from evaluation.measures.resampled import resampled_rates
from evaluation.scores import ScoredSplit
from evaluation.uncertainty.bootstrap import Floats, SubjectBootstrap
from evaluation.uncertainty.intervals import (
    Dyads,
    Interval,
    RateEstimate,
    fmr_estimate,
    fnmr_estimate,
    widened,
)

MAX_BAND_POINTS: Final = 60


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DetBandPoint(_Frozen):
    """Both rates at one threshold."""

    threshold: float
    fmr: RateEstimate
    fnmr: RateEstimate
    fmr_simultaneous: Interval | None
    """Holds together with those of all other points; None where the replicates say nothing."""
    fnmr_simultaneous: Interval | None


class DetBand(_Frozen):
    """Points of the DET curve, from the strictest threshold to the laxest."""

    confidence: float
    points: tuple[DetBandPoint, ...]


def det_band(
    split: ScoredSplit,
    confidence: float,
    bootstrap: SubjectBootstrap,
    max_points: int = MAX_BAND_POINTS,
) -> DetBand:
    """Both rates with their bands, at thresholds even in log FMR.

    Raises `TooFewComparisonsError` without genuine or without impostor comparisons.
    """
    genuine, impostor = split.genuine_scores, split.impostor_scores
    thresholds = roc_curve(genuine, impostor, max_points)["threshold"].to_numpy()
    resampled = resampled_rates(split, thresholds, bootstrap)
    subjects, is_genuine = split.subject_codes(), split.pairs.genuine
    left, right = (subjects[side] for side in (split.pairs.left, split.pairs.right))
    dyads = Dyads.of(left[~is_genuine], right[~is_genuine])
    fmr_band = simultaneous_band(resampled.fmrs, confidence)
    fnmr_band = simultaneous_band(resampled.fnmrs, confidence)
    return DetBand(
        confidence=confidence,
        points=tuple(
            DetBandPoint(
                threshold=float(threshold),
                fmr=widened(
                    fmr_estimate(impostor >= threshold, dyads, confidence), resampled.fmrs[:, k]
                ),
                fnmr=widened(
                    fnmr_estimate(genuine < threshold, left[is_genuine], confidence),
                    resampled.fnmrs[:, k],
                ),
                fmr_simultaneous=fmr_band[k],
                fnmr_simultaneous=fnmr_band[k],
            )
            for k, threshold in enumerate(resampled.thresholds)
        ),
    )


def simultaneous_band(curves: Floats, confidence: float) -> tuple[Interval | None, ...]:
    """Band that holds a share `confidence` of curves (replicates, k) in all k places at once."""
    known = curves[np.isfinite(curves).all(axis=1)]
    if len(known) == 0:
        return (None,) * int(curves.shape[1])
    ordered = np.sort(known, axis=0)
    depth = np.min([_depth(ordered[:, k], known[:, k]) for k in range(known.shape[1])], axis=0)
    outermost = int(np.sort(depth)[int((1 - confidence) * len(known))])
    low, high = ordered[outermost], ordered[len(known) - 1 - outermost]
    return tuple(
        None if first == last else Interval(low=float(a), high=float(b))
        for first, last, a, b in zip(ordered[0], ordered[-1], low, high, strict=True)
    )


def _depth(ordered: Floats, values: Floats) -> Floats:
    """How many replicates lie further out than each, on the nearer side; ties do not count."""
    below = np.searchsorted(ordered, values, side="right") - 1
    above = len(ordered) - 1 - np.searchsorted(ordered, values, side="left")
    return np.minimum(below, above).astype(np.float64)
