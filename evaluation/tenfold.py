"""Accuracy of the LFW protocol, View 2 (Huang et al. 2007): ten folds, each held out once."""

import math

import numpy as np
from pydantic import BaseModel, ConfigDict

from data.pairs import Pairs
from evaluation.errors import ScoresError
from evaluation.metrics import accepted
from evaluation.scores import Flags, Scores


class TenfoldAccuracy(BaseModel):
    """Accuracy over the folds of a published protocol."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float
    std: float
    """Sample standard deviation over the folds (n - 1)."""
    standard_error: float
    """Of the mean, std / sqrt(folds), as the LFW protocol reports it."""
    fold_accuracies: tuple[float, ...]
    fold_thresholds: tuple[float, ...]
    """For each fold the threshold that is best on the others."""


def tenfold_accuracy(scores: Scores, pairs: Pairs) -> TenfoldAccuracy:
    """Mean accuracy over the folds, each judged with the threshold that is best on the others.

    Of several best thresholds the middle one is taken. A pair with a failed photo (-inf) is
    predicted different. Raises `ScoresError` where the pairs have no folds, or fewer than two.
    """
    fold = pairs.fold
    if fold is None or len(np.unique(fold)) < 2:
        raise ScoresError("the pairs have no folds; use the protocol's own pairs")
    names = np.unique(fold)
    thresholds = [best_threshold(scores[fold != k], pairs.genuine[fold != k]) for k in names]
    accuracies = [
        float(np.mean((scores[fold == k] >= threshold) == pairs.genuine[fold == k]))
        for k, threshold in zip(names, thresholds, strict=True)
    ]
    std = float(np.std(accuracies, ddof=1))
    return TenfoldAccuracy(
        mean=float(np.mean(accuracies)),
        std=std,
        standard_error=std / len(names) ** 0.5,
        fold_accuracies=tuple(accuracies),
        fold_thresholds=tuple(thresholds),
    )


def best_threshold(scores: Scores, genuine: Flags) -> float:
    """Threshold with the most correct answers, halfway between scores, the middle one of equals."""
    thresholds = _candidates(scores)
    accepted_genuine = accepted(scores[genuine], thresholds)
    accepted_impostor = accepted(scores[~genuine], thresholds)
    correct = accepted_genuine - accepted_impostor
    best = np.flatnonzero(correct == correct.max())
    return float(thresholds[best[len(best) // 2]])


def _candidates(scores: Scores) -> Scores:
    """One threshold for each way to divide the scores: all accepted, halfway between, none."""
    found = np.unique(scores[np.isfinite(scores)])
    if len(found) == 0:
        return np.array([1.0])
    between = np.maximum((found[:-1] + found[1:]) / 2, np.nextafter(found[:-1], np.inf))
    return np.concatenate([found[:1], between, [math.nextafter(float(found[-1]), math.inf)]])
