"""Published verification protocols: accuracy over folds, TAR at small FMR, accuracy by group.

These judge an embedder as papers do, on public sets and at thresholds chosen on the set itself, so
that a figure can be laid beside a published one. They say nothing about an operating point.

TAR at an FMR is that of the largest FMR not above the target; a target below one impostor pair is
left out. The intervals take the threshold as given.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from data.pairs import Pairs
from data.published_figures import Definition, PublishedFigure
from evaluation.errors import TooFewComparisonsError
from evaluation.measurement import Measurement
from evaluation.measures.metrics import auc, eer, require_both, threshold_at_fmr
from evaluation.measures.rates import ErrorRates
from evaluation.measures.tenfold import (
    TenfoldAccuracy,
    best_single_accuracy,
    best_threshold,
    tenfold_accuracy,
    tenfold_on_grid,
)
from evaluation.operating_points import point_name
from evaluation.scores import ScoredSplit, Scores
from evaluation.uncertainty.intervals import Dyads, RateEstimate, fmr_estimate, fnmr_estimate

TARGET_FMRS: Final = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TarAtFmr(_Frozen):
    """True accept rate, 1 - FNMR, at one false match rate of the set itself."""

    target_fmr: float
    threshold: float
    fmr: RateEstimate
    """Realised, never above the target."""
    fnmr: RateEstimate


class VerificationReport(_Frozen):
    """How an embedder does on one published set of pairs."""

    unit: str
    """`image` or `template`: what is compared."""
    num_units: int
    num_failures_to_extract: int
    """Of them; their pairs count as refused."""
    num_genuine_pairs: int
    num_impostor_pairs: int
    auc: float
    eer: float
    accuracy: TenfoldAccuracy | None
    """None for a set without folds."""
    accuracy_on_grid: TenfoldAccuracy | None
    """With the thresholds that InsightFace's evaluation tries."""
    best_single_accuracy: float
    """At the one threshold that is best on all pairs: optimistic."""
    tars: tuple[TarAtFmr, ...]

    def figure(self, definition: Definition) -> float | None:
        """Accuracy by one of the definitions that published figures have."""
        if definition == "best_single":
            return self.best_single_accuracy
        found = self.accuracy if definition == "tenfold" else self.accuracy_on_grid
        return None if found is None else found.mean

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Accuracy over the folds, EER, and TAR under `<prefix>/tar_at_<point>`."""
        num = self.num_genuine_pairs + self.num_impostor_pairs
        if self.accuracy is not None:
            yield f"{prefix}/accuracy", Measurement(value=self.accuracy.mean, n=num)
            yield f"{prefix}/accuracy_std", Measurement(value=self.accuracy.std, n=num)
        yield f"{prefix}/eer", Measurement(value=self.eer, n=num)
        for tar in self.tars:
            if (miss := Measurement.of_rate(tar.fnmr)) is not None:
                yield f"{prefix}/tar_at_{point_name(tar.target_fmr)}", miss.complement()


class GroupSpread(_Frozen):
    """How much accuracy depends on the group (Wang et al. 2019, Wang and Deng 2020)."""

    mean_accuracy: float
    """Every group counts alike."""
    std_accuracy: float
    """Sample standard deviation over the groups (n - 1)."""
    range_accuracy: float
    """Best less worst."""
    skewed_error_ratio: float | None
    """Error of the worst group over that of the best; None where the best makes no error."""
    common_threshold: float
    """The best on the pairs of all groups together: optimistic, and one for all."""
    at_common_threshold: dict[str, ErrorRates]
    """By group; a threshold of its own hides that one group is falsely matched more often."""


class FigureComparison(_Frozen):
    """A published figure and ours, made the same way."""

    figure: PublishedFigure
    ours: float
    agrees: bool
    """Whether ours, rounded to the published digits, is the published one."""
    pairs_apart: float
    """Ours less the published, in pairs of the set."""


class PublicProtocolReport(_Frozen):
    """A bundle on one published protocol."""

    protocol: str
    bundle_name: str
    bundle_digest: str
    faces: str
    """Where landmarks came from, and which faces and photos were taken."""
    sets: dict[str, VerificationReport]
    """By name; `<name>_mirrored` where the embedding of the mirrored crop was added."""
    spread: dict[str, GroupSpread] = {}
    """Over the sets as groups: under `plain` and, where it was asked for, `mirrored`."""
    published: tuple[FigureComparison, ...] = ()

    def measurements(self) -> dict[str, Measurement]:
        """All figures by key, `public/<set>/...`."""
        return {
            key: measured
            for name, found in self.sets.items()
            for key, measured in found.measurements(f"public/{name}")
        }


def judge_verification(split: ScoredSplit, unit: str, confidence: float) -> VerificationReport:
    """Judge one set; raises `TooFewComparisonsError` without genuine or without impostor pairs."""
    genuine, impostor = split.genuine_scores, split.impostor_scores
    require_both(genuine, impostor, "verification set")
    folds = split.pairs.fold is not None
    return VerificationReport(
        unit=unit,
        num_units=len(split.table),
        num_failures_to_extract=int(np.count_nonzero(~split.usable)),
        num_genuine_pairs=len(genuine),
        num_impostor_pairs=len(impostor),
        auc=auc(genuine, impostor),
        eer=eer(genuine, impostor),
        accuracy=tenfold_accuracy(split.scores, split.pairs) if folds else None,
        accuracy_on_grid=tenfold_on_grid(split.scores, split.pairs) if folds else None,
        best_single_accuracy=best_single_accuracy(split.scores, split.pairs.genuine),
        tars=tuple(_tars(split, confidence)),
    )


def group_spread(splits: Mapping[str, ScoredSplit], confidence: float) -> GroupSpread:
    """Compare groups, each a set of its own with folds; raises `ScoresError` where one has none."""
    accuracies = [tenfold_accuracy(split.scores, split.pairs).mean for split in splits.values()]
    errors = [1 - accuracy for accuracy in accuracies]
    threshold = best_threshold(
        np.concatenate([split.scores for split in splits.values()]),
        np.concatenate([split.pairs.genuine for split in splits.values()]),
    )
    return GroupSpread(
        mean_accuracy=float(np.mean(accuracies)),
        std_accuracy=float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0,
        range_accuracy=max(accuracies) - min(accuracies),
        skewed_error_ratio=max(errors) / min(errors) if min(errors) > 0 else None,
        common_threshold=threshold,
        at_common_threshold={
            name: _Sides.of(split).rates(threshold, confidence) for name, split in splits.items()
        },
    )


def compare_figures(
    figures: Sequence[PublishedFigure], sets: Mapping[str, VerificationReport]
) -> tuple[FigureComparison, ...]:
    """Lay published figures beside ours of the same set, made the same way."""
    found = []
    for figure in figures:
        report = sets.get(f"{figure.set}_mirrored" if figure.mirrored else figure.set)
        ours = None if report is None else report.figure(figure.definition)
        if report is None or ours is None:
            continue
        num = report.num_genuine_pairs + report.num_impostor_pairs
        found.append(
            FigureComparison(
                figure=figure,
                ours=ours,
                agrees=figure.agrees(ours),
                pairs_apart=(ours - figure.value) * num,
            )
        )
    return tuple(found)


class _Sides:
    """Genuine and impostor scores with their people, grouped once for all thresholds."""

    def __init__(self, subjects: np.ndarray, pairs: Pairs, scores: Scores) -> None:
        genuine = pairs.genuine
        self._owners = subjects[pairs.left[genuine]]
        self._dyads = Dyads.of(subjects[pairs.left[~genuine]], subjects[pairs.right[~genuine]])
        self._genuine, self._impostor = scores[genuine], scores[~genuine]

    @classmethod
    def of(cls, split: ScoredSplit) -> "_Sides":
        return cls(split.subject_codes(), split.pairs, split.scores)

    def rates(self, threshold: float, confidence: float) -> ErrorRates:
        return ErrorRates(
            fmr=fmr_estimate(self._impostor >= threshold, self._dyads, confidence),
            fnmr=fnmr_estimate(self._genuine < threshold, self._owners, confidence),
        )


def _tars(split: ScoredSplit, confidence: float) -> Iterator[TarAtFmr]:
    sides = _Sides.of(split)
    for target in TARGET_FMRS:
        try:
            threshold = threshold_at_fmr(split.impostor_scores, target)
        except TooFewComparisonsError:
            continue
        rates = sides.rates(threshold, confidence)
        yield TarAtFmr(target_fmr=target, threshold=threshold, fmr=rates.fmr, fnmr=rates.fnmr)
