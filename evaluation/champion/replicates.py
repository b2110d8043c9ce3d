"""Error rates of a model with other people, the threshold chosen anew each time.

Each replicate draws the people of the calibration split and those of the test split with
replacement (`evaluation.uncertainty.bootstrap`), takes the smallest threshold whose weighted FMR on
the calibration split is at most the target, ties refused, and counts the weighted errors of the
test split there. So a model is not taken for exact because one set of people happened to calibrate
it. The same draws serve any model: what differs between two models is then paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluation.scores import Codes, Flags, ScoredSplit
from evaluation.uncertainty.bootstrap import (
    Floats,
    SubjectBootstrap,
    Weights,
    dyad_sums,
    person_sums,
    shares,
)

_BLOCK_CELLS: Final = 1 << 22
"""Numbers held at once: 32 MB."""


@dataclass(frozen=True, slots=True)
class RateReplicates:
    """Rates of each part of the test split in each replicate; NaN where nothing was drawn."""

    fmr: Floats
    """(replicates, num_parts)"""
    fnmr: Floats
    """(replicates, num_parts)"""


def threshold_replicates(
    calibration: ScoredSplit, target_fmr: float, bootstrap: SubjectBootstrap
) -> Floats:
    """Threshold of each replicate at a target FMR: (replicates,), never below -1."""
    subjects = calibration.subject_codes()
    weights = bootstrap.weights(int(subjects.max(initial=-1)) + 1)
    impostor = np.flatnonzero(~calibration.pairs.genuine)
    left, right = _sides(calibration, subjects, impostor)
    budgets = target_fmr * dyad_sums(weights, left, right)
    order = np.argsort(-calibration.scores[impostor], kind="stable")
    # The highest scores settle it; how many of them it takes depends on who is drawn.
    num_top = int(2 * target_fmr * len(order)) + 100
    while True:
        top = order[:num_top]
        places = _first_beyond(weights, left[top], right[top], budgets)
        if num_top >= len(order) or (places < len(top)).all():
            break
        num_top *= 4
    refused = np.append(calibration.scores[impostor][top], -np.inf)[places]
    found: Floats = np.maximum(np.nextafter(refused, np.inf), -1.0)
    return found


@dataclass(frozen=True, slots=True)
class ResampledTest:
    """Draws of the people of a test split, and how much each part of it then weighs."""

    weights: Weights
    subjects: Codes
    genuine: Codes
    """Positions of the genuine pairs."""
    impostor: Codes
    parts: Flags
    """(num_pairs, num_parts): whether a pair is in a part."""
    genuine_totals: Floats
    """(replicates, num_parts)"""
    impostor_totals: Floats

    @classmethod
    def of(
        cls, test: ScoredSplit, members: Sequence[Flags], bootstrap: SubjectBootstrap
    ) -> "ResampledTest":
        """Draw the people of a test split; each part is given by its `members` (num_pairs,)."""
        subjects = test.subject_codes()
        num = int(subjects.max(initial=-1)) + 1
        weights = bootstrap.weights(num)
        genuine, impostor = np.flatnonzero(test.pairs.genuine), np.flatnonzero(~test.pairs.genuine)
        left, right = _sides(test, subjects, impostor)
        counts = [
            np.bincount(_owners(test, subjects, genuine[m[genuine]]), minlength=num)
            for m in members
        ]
        return cls(
            weights,
            subjects,
            genuine,
            impostor,
            np.stack(members, axis=1),
            person_sums(weights, np.stack(counts, axis=1).astype(np.float64)),
            np.stack(
                [dyad_sums(weights, left[m[impostor]], right[m[impostor]]) for m in members],
                axis=1,
            ),
        )

    def rates(self, test: ScoredSplit, thresholds: Floats) -> RateReplicates:
        """Rates of every part at the threshold of each replicate; `test` may be any model's."""
        # What no threshold accepts, or every one does, is no error whoever is drawn.
        accepted = self.impostor[test.scores[self.impostor] >= thresholds.min()]
        refused = self.genuine[test.scores[self.genuine] < thresholds.max()]
        false_match = np.zeros_like(self.impostor_totals)
        miss = np.zeros_like(self.genuine_totals)
        left, right = _sides(test, self.subjects, accepted)
        owners = _owners(test, self.subjects, refused)
        parts = self.parts[accepted].astype(np.float64), self.parts[refused].astype(np.float64)
        step = max(1, _BLOCK_CELLS // max(1, len(accepted), len(refused)))
        for start in range(0, len(thresholds), step):
            rows = slice(start, start + step)
            limits, weights = thresholds[rows, None], self.weights[rows].astype(np.float64)
            errors = weights[:, left] * weights[:, right] * (test.scores[accepted] >= limits)
            misses = weights[:, owners] * (test.scores[refused] < limits)
            false_match[rows], miss[rows] = errors @ parts[0], misses @ parts[1]
        return RateReplicates(
            shares(false_match, self.impostor_totals), shares(miss, self.genuine_totals)
        )


def _first_beyond(weights: Weights, left: Codes, right: Codes, budgets: Floats) -> Codes:
    """First comparison at which the summed weight exceeds the budget: (replicates,); or len."""
    found = np.empty(len(weights), dtype=np.int64)
    step = max(1, _BLOCK_CELLS // max(1, len(left)))
    for start in range(0, len(weights), step):
        part = weights[start : start + step].astype(np.int64)
        sums = np.cumsum(part[:, left] * part[:, right], axis=1)
        within = sums <= budgets[start : start + step, None] * (1 + 1e-12)
        found[start : start + step] = np.count_nonzero(within, axis=1)
    return found


def _sides(split: ScoredSplit, subjects: Codes, pairs: Codes) -> tuple[Codes, Codes]:
    return subjects[split.pairs.left[pairs]], subjects[split.pairs.right[pairs]]


def _owners(split: ScoredSplit, subjects: Codes, pairs: Codes) -> Codes:
    return subjects[split.pairs.left[pairs]]
