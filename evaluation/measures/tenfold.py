"""Accuracy of the LFW protocol, View 2 (Huang et al. 2007): ten folds, each held out once.

The protocol wants the threshold of each fold to be chosen on the other nine, and says nothing of
which thresholds are tried. `tenfold_accuracy` tries every one that divides the scores in another
way. `tenfold_on_grid` tries those of InsightFace's `verification.py`: squared distances of unit
vectors 0.00, 0.01, ... 3.99, the first of equals. Published figures mostly come from the grid; on
6,000 pairs the two differ by a few pairs, which is below the standard error of either.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from data.pairs import Pairs
from evaluation.errors import ScoresError
from evaluation.measures.metrics import accepted
from evaluation.scores import Flags, Scores

_GRID_COSINES: Final = tuple(1 - square / 2 for square in (step / 100 for step in range(400)))


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
    return _over_folds(scores, pairs, best_threshold)


def tenfold_on_grid(scores: Scores, pairs: Pairs) -> TenfoldAccuracy:
    """As `tenfold_accuracy`, with the thresholds that InsightFace's evaluation tries.

    A pair matches where its squared distance 2 - 2 cos is below the threshold. Raises
    `ScoresError` where the pairs have no folds, or fewer than two.
    """
    return _over_folds(scores, pairs, _best_of_grid)


def best_single_accuracy(scores: Scores, genuine: Flags) -> float:
    """Accuracy at the one threshold that is best on these very pairs: optimistic.

    Some published figures are of this kind. Raises `ScoresError` without any pair.
    """
    if len(scores) == 0:
        raise ScoresError("there are no pairs to be right about")
    threshold = best_threshold(scores, genuine)
    return float(np.mean((scores >= threshold) == genuine))


def best_threshold(scores: Scores, genuine: Flags) -> float:
    """Threshold with the most correct answers, halfway between scores, the middle one of equals."""
    thresholds = _candidates(scores)
    best = _most_correct(scores, genuine, thresholds)
    return float(thresholds[best[len(best) // 2]])


def _best_of_grid(scores: Scores, genuine: Flags) -> float:
    """The first of the grid's best; a cosine has to be above it, not at it."""
    thresholds = np.nextafter(np.array(_GRID_COSINES), np.inf)
    return float(thresholds[_most_correct(scores, genuine, thresholds)[0]])


def _most_correct(scores: Scores, genuine: Flags, thresholds: Scores) -> np.ndarray:
    correct = accepted(scores[genuine], thresholds) - accepted(scores[~genuine], thresholds)
    return np.flatnonzero(correct == correct.max())


def _over_folds(
    scores: Scores, pairs: Pairs, choose: Callable[[Scores, Flags], float]
) -> TenfoldAccuracy:
    fold = pairs.fold
    if fold is None or len(np.unique(fold)) < 2:
        raise ScoresError("the pairs have no folds; use the protocol's own pairs")
    names = np.unique(fold)
    thresholds = [choose(scores[fold != k], pairs.genuine[fold != k]) for k in names]
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


def _candidates(scores: Scores) -> Scores:
    """One threshold for each way to divide the scores: all accepted, halfway between, none."""
    found = np.unique(scores[np.isfinite(scores)])
    if len(found) == 0:
        return np.array([1.0])
    between = np.maximum((found[:-1] + found[1:]) / 2, np.nextafter(found[:-1], np.inf))
    return np.concatenate([found[:1], between, [math.nextafter(float(found[-1]), math.inf)]])
