"""Who does it fail for most, how sure is that, and would chance have done the same?

Groups are the values of a column that belongs to people, such as gender, or the cells of a crossing
of such columns. A group's FMR is of its own strangers only, its FNMR of its own genuine pairs (NIST
IR 8280). Intervals of groups are simultaneous by Bonferroni: with G groups each end is off with a
G-th of the error that one alone would have, so that the worst one may be picked after looking.
Summaries and their null are those of `evaluation.groups.disparity`. Groups with too few comparisons
are in no summary; they are named, and a gate takes the summary for not measured while there are
any.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from evaluation.groups.disparity import DealtLabels, Floats, GroupCounts, Statistic, disparities
from evaluation.groups.slices import cells_of
from evaluation.measurement import Measurement
from evaluation.measures.rates import ErrorRates, error_rates
from evaluation.operating_points import OperatingPoint
from evaluation.scores import Codes, Flags, ScoredSplit
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import RateEstimate

Metric = Literal["fmr", "fnmr"]


class FairnessConfig(BaseModel):
    """How chance is asked what it makes of the groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    permutations: int = Field(default=1000, ge=19)
    """Dealings of the labels; the smallest p-value is 1 / (1 + permutations)."""
    seed: int = Field(default=0, ge=0)
    """Of the dealings."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Null(_Frozen):
    """What a summary is where labels mean nothing."""

    median: float
    high: float
    """95 % of the dealings stay at or below it."""
    p_value: float
    """Chance of a summary at least as unequal as the one seen."""


class Summary(_Frozen):
    """One number for the inequality of all groups."""

    value: float
    low: float | None = None
    """Simultaneous interval, where there is one; the overall rate is taken as known."""
    high: float | None = None
    null: Null


class GroupRates(_Frozen):
    """One metric at one operating point over all groups of a family."""

    groups: dict[str, RateEstimate]
    """Groups with enough comparisons, with simultaneous intervals."""
    left_out: dict[str, int]
    """Comparisons of the groups that have too few to say anything."""
    overall: float
    """Rate of all groups together, each pair within its group."""
    worst: str
    """The group with the highest rate."""
    summaries: dict[Statistic, Summary]

    @property
    def smallest(self) -> int:
        """Comparisons of the smallest group, those left out too."""
        return min([*self.left_out.values(), *(r.num_comparisons for r in self.groups.values())])

    def measurements(self, prefix: str, min_n: int) -> Iterator[tuple[str, Measurement]]:
        """Every summary by key, with `_p` for its p-value; `worst_high` is the gate's bound."""
        for name, found in self.summaries.items():
            measured = self._measurement(found.value, min_n, found)
            yield f"{prefix}/{name}", measured
            yield f"{prefix}/{name}_p", self._measurement(found.null.p_value, min_n)
        worst_high = max(estimate.high for estimate in self.groups.values())
        yield f"{prefix}/worst_high", self._measurement(worst_high, min_n)

    def _measurement(self, value: float, min_n: int, ends: Summary | None = None) -> Measurement:
        worst = self.groups[self.worst]
        return Measurement(
            value=value,
            n=self.smallest,
            min_n=min_n,
            low=ends and ends.low,
            high=ends and ends.high,
            confidence=worst.confidence if ends and ends.low is not None else None,
        )


class FairnessPoint(_Frozen):
    """Both metrics at one operating point; None where fewer than two groups have enough."""

    fmr: GroupRates | None
    fnmr: GroupRates | None

    @property
    def garbe(self) -> float | None:
        """Mean of the Gini coefficients of FMR and FNMR; None without either."""
        if self.fmr is None or self.fnmr is None:
            return None
        return (self.fmr.summaries["garbe"].value + self.fnmr.summaries["garbe"].value) / 2


class FairnessReport(_Frozen):
    """How one family of groups does, at each operating point."""

    columns: tuple[str, ...]
    num_people: int
    """With a label."""
    min_impostor_pairs: int
    min_genuine_pairs: int
    points: dict[str, FairnessPoint]

    def measurements(self, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Summaries of all points by key."""
        for name, point in self.points.items():
            where = f"{prefix}/{name}"
            if point.fmr is not None:
                yield from point.fmr.measurements(f"{where}/fmr", self.min_impostor_pairs)
            if point.fnmr is not None:
                yield from point.fnmr.measurements(f"{where}/fnmr", self.min_genuine_pairs)
            if point.garbe is not None:
                yield f"{where}/garbe", self._mean(point.garbe, point)

    def _mean(self, value: float, point: FairnessPoint) -> Measurement:
        """Of both metrics; too few of either are too few."""
        both = ((point.fmr, self.min_impostor_pairs), (point.fnmr, self.min_genuine_pairs))
        found = [(rates.smallest, least) for rates, least in both if rates is not None]
        n, least = min(found, key=lambda one: one[0] / one[1])
        return Measurement(value=value, n=n, min_n=least)


class FairnessSettings(_Frozen):
    """How sure, and how much is enough."""

    confidence: float
    """Of the two-sided interval of one group alone; see the module for many."""
    min_impostor_pairs: int
    min_genuine_pairs: int
    bootstrap: SubjectBootstrap | None = None
    chance: FairnessConfig = FairnessConfig()


def judge_fairness(
    split: ScoredSplit,
    columns: Sequence[str],
    points: Mapping[str, OperatingPoint],
    settings: FairnessSettings,
) -> FairnessReport:
    """Compare the groups of a column or crossing; raises `SliceError` for an unknown column."""
    cells = pd.factorize(cells_of(split.table, columns), sort=True)
    codes, names = np.asarray(cells[0], dtype=np.int64), [str(name) for name in cells[1]]
    estimates = _estimates(split, codes, names, points, settings)
    false_match = _compared(split, "fmr", codes, estimates, points, settings)
    miss = _compared(split, "fnmr", codes, estimates, points, settings)
    return FairnessReport(
        columns=tuple(columns),
        num_people=len(np.unique(split.subject_codes()[codes >= 0])),
        min_impostor_pairs=settings.min_impostor_pairs,
        min_genuine_pairs=settings.min_genuine_pairs,
        points={name: FairnessPoint(fmr=false_match[name], fnmr=miss[name]) for name in points},
    )


def _estimates(
    split: ScoredSplit,
    codes: Codes,
    names: Sequence[str],
    points: Mapping[str, OperatingPoint],
    settings: FairnessSettings,
) -> dict[str, dict[str, ErrorRates]]:
    """Rates of each group with simultaneous intervals."""
    confidence = 1 - (1 - settings.confidence) / max(1, len(names))
    left, right = codes[split.pairs.left], codes[split.pairs.right]
    return {
        name: error_rates(
            split, (left == group) & (right == group), points, confidence, settings.bootstrap
        )
        for group, name in enumerate(names)
    }


def _compared(
    split: ScoredSplit,
    metric: Metric,
    codes: Codes,
    estimates: Mapping[str, Mapping[str, ErrorRates]],
    points: Mapping[str, OperatingPoint],
    settings: FairnessSettings,
) -> dict[str, GroupRates | None]:
    """One metric at every operating point; labels are dealt once for all of them."""
    if len(estimates) < 2:
        return dict.fromkeys(points)
    least = settings.min_impostor_pairs if metric == "fmr" else settings.min_genuine_pairs
    chosen = np.flatnonzero(split.pairs.genuine == (metric == "fnmr"))
    chance = settings.chance
    dealt = DealtLabels.of(split, chosen, codes, chance.permutations, chance.seed)
    enough = dealt.totals[0] >= least
    if np.count_nonzero(enough) < 2:
        return dict.fromkeys(points)
    found: dict[str, GroupRates | None] = {}
    for point, chosen_point in points.items():
        accepted = split.scores[chosen] >= chosen_point.threshold
        counts = dealt.counts(accepted if metric == "fmr" else ~accepted)
        rates = {name: getattr(of[point], metric) for name, of in estimates.items()}
        found[point] = _group_rates(rates, enough, counts.of(np.flatnonzero(enough)))
    return found


def _group_rates(
    rates: Mapping[str, RateEstimate], enough: Flags, counts: GroupCounts
) -> GroupRates:
    """Put estimates and dealings together; of `counts` the first row is what was seen."""
    kept = {name: rate for (name, rate), is_in in zip(rates.items(), enough, strict=True) if is_in}
    left_out = {name: rate.num_comparisons for name, rate in rates.items() if name not in kept}
    overall = float(counts.errors[0].sum() / counts.totals[0].sum())
    low = max(rate.low for rate in kept.values())
    high = max(rate.high for rate in kept.values())
    ends: dict[Statistic, tuple[float, float]] = {"worst": (low, high)}
    if overall > 0:
        ends["worst_over_overall"] = low / overall, high / overall
    return GroupRates(
        groups=kept,
        left_out=left_out,
        overall=overall,
        worst=max(kept, key=lambda name: (kept[name].rate or 0.0, kept[name].high)),
        summaries={
            name: _summary(values, ends.get(name)) for name, values in disparities(counts).items()
        },
    )


def _summary(values: Floats, ends: tuple[float, float] | None) -> Summary:
    """The first value is the one seen, the others are what chance made of it."""
    seen, dealt = float(values[0]), np.sort(values[1:])
    as_unequal = int(np.count_nonzero(dealt >= seen * (1 - 1e-12)))
    return Summary(
        value=seen,
        low=ends and ends[0],
        high=ends and ends[1],
        null=Null(
            median=float(np.quantile(dealt, 0.5)),
            high=float(np.quantile(dealt, 0.95, method="higher")),
            p_value=(1 + as_unequal) / (1 + len(dealt)),
        ),
    )
