"""Champion against challenger: two models on identical pairs, each at its own threshold.

Both thresholds are chosen on the same calibration split at the same FMR, so that one model does not
win by being laxer. Intervals are those of the paired subject bootstrap of
`evaluation.champion.replicates`, people of both splits drawn anew and the thresholds chosen again.
Margins, slices and verdict are the policy's, not this module's: see
`evaluation.gate.champion_rules`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from evaluation.champion.difference import TAILS, Difference, ends, no_parting_bound
from evaluation.champion.replicates import ResampledTest, threshold_replicates
from evaluation.errors import ScoresError
from evaluation.groups.slices import Slice
from evaluation.measurement import Measurement
from evaluation.operating_points import OperatingPoint, operating_points
from evaluation.scores import Codes, Flags, ScoredSplit
from evaluation.uncertainty.bootstrap import Floats, SubjectBootstrap

OVERALL: Final = "overall"


class ChampionPin(BaseModel):
    """The model in force, pinned to the byte."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Of the registered model."""
    version: str | None = None
    """Its version in the registry, for people; None for one that is in none."""
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the bundle; this alone decides what is fetched."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RatesCompared(_Frozen):
    """Both error rates of both models on one part of the comparisons; None without any."""

    fmr: Difference | None
    fnmr: Difference | None


class PointCompared(_Frozen):
    """Both models at one target FMR."""

    target_fmr: float
    candidate_threshold: float
    champion_threshold: float
    overall: RatesCompared
    slices: dict[str, RatesCompared]


class ChampionComparison(_Frozen):
    """How a candidate does beside the champion."""

    champion: ChampionPin
    num_replicates: int
    seed: int
    identical: bool
    """Whether all scores are the same, to the bit: one and the same model."""
    confidence: float
    """Of all two-sided intervals."""
    points: dict[str, PointCompared]
    flip_point: str
    """Operating point of the decisions that were counted as flipped."""
    flips: dict[str, int]
    """How many decisions flipped: `candidate_{false_match,false_non_match}`, and `champion_...` for
    those that only the champion gets wrong."""

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Differences over all comparisons by key."""
        for name, point in self.points.items():
            for metric, found in (("fmr", point.overall.fmr), ("fnmr", point.overall.fnmr)):
                if found is not None:
                    yield f"{prefix}/{name}/{metric}_difference", found.measurement()


@dataclass(frozen=True, slots=True)
class ModelScores:
    """What one model says to the calibration and the test pairs."""

    calibration: ScoredSplit
    test: ScoredSplit


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """How sure, how much is enough, and where flips are counted."""

    confidence: float
    min_impostor_pairs: int
    min_genuine_pairs: int
    flip_point: str
    """Operating point of the decisions that are counted and listed."""
    bootstrap: SubjectBootstrap


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures, and the decisions that flipped (see `flip_table`, and `point`)."""

    report: ChampionComparison
    flips: pd.DataFrame


def compare_models(
    candidate: ModelScores,
    champion: ModelScores,
    pin: ChampionPin,
    target_fmrs: Sequence[float],
    slices: Sequence[Slice],
    settings: ComparisonSettings,
) -> Comparison:
    """Compare two models at some target FMRs, on all pairs and on each slice.

    Raises `ScoresError` where the pairs differ, and what `operating_points` raises for either.
    """
    _check_identical_pairs(candidate, champion)
    everything = np.ones(len(candidate.test.pairs), dtype=bool)
    parts = {OVERALL: everything, **{part.name: part.members for part in slices}}
    drawn = ResampledTest.of(candidate.test, list(parts.values()), settings.bootstrap)
    points = [
        operating_points(model.calibration.impostor_scores, target_fmrs)
        for model in (candidate, champion)
    ]
    same = all(
        np.array_equal(one.scores, other.scores)
        for one, other in (
            (candidate.test, champion.test),
            (candidate.calibration, champion.calibration),
        )
    )
    both = _Both(candidate, champion, drawn, parts, same, settings)
    limits = tuple(one[settings.flip_point].threshold for one in points)
    flips = flip_table(candidate.test, champion.test, limits).assign(point=settings.flip_point)
    report = ChampionComparison(
        champion=pin,
        num_replicates=settings.bootstrap.replicates,
        seed=settings.bootstrap.seed,
        identical=same,
        confidence=settings.confidence,
        points={name: both.at(point, points[1][name]) for name, point in points[0].items()},
        flip_point=settings.flip_point,
        flips=_counted(flips),
    )
    return Comparison(report, flips)


def flip_table(
    candidate: ScoredSplit, champion: ScoredSplit, limits: tuple[float, ...]
) -> pd.DataFrame:
    """Decisions that one model gets right and the other wrong, the clearest first.

    Columns kind (`false_match`, `false_non_match`), wrong (`candidate`, `champion`),
    {left,right}_image_id, {left,right}_subject_id, score, threshold, champion_score,
    champion_threshold. `limits` are both thresholds. The clearest is the one whose scores lie
    furthest from them.
    """
    ours, theirs = candidate, champion
    wrong = [
        (split.scores >= limit) != split.pairs.genuine
        for split, limit in zip((ours, theirs), limits, strict=True)
    ]
    flipped = np.flatnonzero(wrong[0] != wrong[1])
    left, right = (ours.table.iloc[side[flipped]] for side in (ours.pairs.left, ours.pairs.right))
    table = pd.DataFrame(
        {
            "kind": np.where(ours.pairs.genuine[flipped], "false_non_match", "false_match"),
            "wrong": np.where(wrong[0][flipped], "candidate", "champion"),
            "left_image_id": _ids(left),
            "right_image_id": _ids(right),
            "left_subject_id": left["subject_id"].to_numpy(),
            "right_subject_id": right["subject_id"].to_numpy(),
            "score": ours.scores[flipped],
            "threshold": limits[0],
            "champion_score": theirs.scores[flipped],
            "champion_threshold": limits[1],
        }
    )
    apart = np.abs(table["score"] - limits[0]) + np.abs(table["champion_score"] - limits[1])
    return table.iloc[np.argsort(-apart.to_numpy(), kind="stable")].reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class _Both:
    """Two models on the same draws of people."""

    candidate: ModelScores
    champion: ModelScores
    drawn: ResampledTest
    parts: Mapping[str, Flags]
    same: bool
    settings: ComparisonSettings

    def at(self, ours: OperatingPoint, theirs: OperatingPoint) -> PointCompared:
        """Both at one target FMR."""
        bootstrap = self.settings.bootstrap
        # Another seed, or as many people would be drawn alike in both splits.
        calibrated = bootstrap.model_copy(update={"seed": bootstrap.seed + 1})
        one, other = (
            self.drawn.rates(
                model.test, threshold_replicates(model.calibration, ours.target_fmr, calibrated)
            )
            for model in (self.candidate, self.champion)
        )
        fmr, fnmr = one.fmr - other.fmr, one.fnmr - other.fnmr
        wrong = self._wrong(self.candidate, ours), self._wrong(self.champion, theirs)
        compared = {
            name: RatesCompared(
                fmr=self._difference(
                    members & ~self.candidate.test.pairs.genuine, wrong, fmr[:, k]
                ),
                fnmr=self._difference(
                    members & self.candidate.test.pairs.genuine, wrong, fnmr[:, k]
                ),
            )
            for k, (name, members) in enumerate(self.parts.items())
        }
        return PointCompared(
            target_fmr=ours.target_fmr,
            candidate_threshold=ours.threshold,
            champion_threshold=theirs.threshold,
            overall=compared.pop(OVERALL),
            slices=compared,
        )

    def _wrong(self, model: ModelScores, point: OperatingPoint) -> Flags:
        decided: Flags = model.test.scores >= point.threshold
        wrong: Flags = decided != model.test.pairs.genuine
        return wrong

    def _difference(
        self, members: Flags, wrong: tuple[Flags, Flags], replicates: Floats
    ) -> Difference | None:
        chosen = np.flatnonzero(members)
        if len(chosen) == 0:
            return None
        ours, theirs = wrong[0][chosen], wrong[1][chosen]
        slack = self._slack(chosen, ours != theirs)
        genuine = bool(self.candidate.test.pairs.genuine[chosen[0]])
        least = self.settings.min_genuine_pairs if genuine else self.settings.min_impostor_pairs
        value = float(ours.mean() - theirs.mean())
        outer = [self._ends(replicates, tail, slack) for tail in TAILS]
        low, high = self._ends(replicates, (1 - self.settings.confidence) / 2, slack)
        return Difference(
            candidate=float(ours.mean()),
            champion=float(theirs.mean()),
            value=value,
            low=min(low, value),
            high=max(high, value),
            confidence=self.settings.confidence,
            n=len(chosen),
            num_people=len(np.unique(self._couples(chosen))),
            num_worse=int(np.count_nonzero(ours & ~theirs)),
            num_better=int(np.count_nonzero(theirs & ~ours)),
            min_n=least,
            lows=tuple(min(end[0], value) for end in outer),
            highs=tuple(max(end[1], value) for end in outer),
        )

    def _slack(self, chosen: Codes, parted: Flags) -> int | None:
        """Clusters that bound how often decisions may part; None where replicates see a spread."""
        couples = self._couples(chosen)
        if self.same or len(np.unique(couples[:, parted], axis=1).T) > 1:
            return None
        return len(np.unique(couples, axis=1).T)

    def _couples(self, chosen: Codes) -> Codes:
        """(2, num_chosen): both people of each comparison, the lower number first."""
        pairs = self.candidate.test.pairs
        return np.sort(self.drawn.subjects[np.stack([pairs.left[chosen], pairs.right[chosen]])], 0)

    @staticmethod
    def _ends(replicates: Floats, tail: float, slack: int | None) -> tuple[float, float]:
        low, high = ends(replicates, tail)
        if slack is None:
            return low, high
        bound = no_parting_bound(slack, tail)
        return min(low, -bound), max(high, bound)


def _check_identical_pairs(candidate: ModelScores, champion: ModelScores) -> None:
    for one, other in (
        (candidate.calibration, champion.calibration),
        (candidate.test, champion.test),
    ):
        same = all(
            np.array_equal(getattr(one.pairs, side), getattr(other.pairs, side))
            for side in ("left", "right", "genuine")
        )
        if not same or not one.table["subject_id"].equals(other.table["subject_id"]):
            raise ScoresError("candidate and champion must be scored on identical pairs")


def _counted(flips: pd.DataFrame) -> dict[str, int]:
    counts = (flips["wrong"] + "_" + flips["kind"]).value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}


def _ids(rows: pd.DataFrame) -> "pd.Series[str]":
    column = rows["image_id"] if "image_id" in rows else rows.index.to_series().astype(str)
    return column.reset_index(drop=True)
