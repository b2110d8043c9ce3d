"""Judge the comparison with the champion: not worse by a margin, overall and on named slices.

Overall, a line passes where the upper end of the difference stays below the margin and fails where
the lower end lies above it; both ends are one-sided at (1 + confidence) / 2. For slices the
p-values of "worse by the margin or more" of all of them, FNMR and FMR together, are adjusted by
Holm, and those at most alpha pass. So are the p-values of "worse by no more than the margin", and
those at most alpha fail.

Samples still needed: the interval shrinks with the root of the comparisons, so at n (d / m)^2 of
them it ends on the margin, d being the distance of the value to the end that is in the way and m to
the margin.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evaluation.champion.comparison import ChampionComparison, PointCompared, RatesCompared
from evaluation.champion.difference import Difference
from evaluation.gate.decision import LineVerdict, RuleLine
from evaluation.gate.evidence import name_fits
from evaluation.gate.policy import ChampionRules
from evaluation.groups.slices import SIBLINGS
from evaluation.uncertainty.holm import holm

_ABSURD: Final = 1e15


@dataclass(frozen=True, slots=True)
class _Case:
    """One difference that has to stay in one margin."""

    metric: str
    slice: str | None
    margin: float
    found: Difference | None

    @property
    def name(self) -> str:
        return f"{self.slice}/{self.metric}"


def judge_champion(
    found: ChampionComparison | None, rules: ChampionRules, sources: Mapping[str, str]
) -> tuple[RuleLine, ...]:
    """Judge the comparison, or say what becomes of the rules without one."""
    if found is None:
        none = "no champion is pinned (evaluate.champion)"
        verdict: LineVerdict = "inconclusive" if rules.presence == "required" else "not_applicable"
        return _not_compared(rules, verdict, none, {})
    here = {**sources, "champion": found.champion.digest}
    point = found.points.get(rules.point)
    if point is None:
        missing = f"nobody compared at {rules.point}; it is not among {sorted(found.points)}"
        return _not_compared(rules, "inconclusive", missing, here)
    alpha = (1 - found.confidence) / 2 * (1 + 1e-9)
    overall = [_judge_overall(case, rules, here) for case in _overall_cases(point, rules)]
    return (*overall, *_judge_slices(list(_slice_cases(point, rules)), rules, alpha, here))


def _not_compared(
    rules: ChampionRules, verdict: LineVerdict, reason: str, sources: Mapping[str, str]
) -> tuple[RuleLine, ...]:
    """Lines over all comparisons; FMR's margin is a share of a target that is not known here."""
    miss, false_match = (
        _line(_Case(metric, None, rules.fnmr_margin, None), rules, verdict, reason, sources)
        for metric in ("fnmr", "fmr")
    )
    return miss, false_match.model_copy(update={"bound": None})


def _overall_cases(point: PointCompared, rules: ChampionRules) -> Iterator[_Case]:
    yield _Case("fnmr", None, rules.fnmr_margin, point.overall.fnmr)
    yield _Case("fmr", None, rules.fmr_margin * point.target_fmr, point.overall.fmr)


def _slice_cases(point: PointCompared, rules: ChampionRules) -> Iterator[_Case]:
    for pattern in rules.slices:
        names = sorted(name for name in point.slices if name_fits(name, pattern))
        for name in names or [pattern]:
            found = point.slices.get(name, RatesCompared(fmr=None, fnmr=None))
            if name != SIBLINGS:  # they are strangers, all of them
                yield _Case("fnmr", name, rules.slice_fnmr_margin, found.fnmr)
            yield _Case("fmr", name, rules.slice_fmr_margin * point.target_fmr, found.fmr)


def _judge_overall(case: _Case, rules: ChampionRules, sources: Mapping[str, str]) -> RuleLine:
    found = case.found
    if found is None or found.too_few:
        return _thin(case, rules, sources)
    if found.high < case.margin:
        return _line(case, rules, "pass", f"{_range(found)} stays below the margin", sources)
    if found.low > case.margin:
        return _line(case, rules, "fail", f"{_range(found)} lies above the margin", sources)
    return _line(case, rules, "inconclusive", f"{_range(found)} spans the margin", sources)


def _judge_slices(
    cases: list[_Case], rules: ChampionRules, alpha: float, sources: Mapping[str, str]
) -> Iterator[RuleLine]:
    enough = {
        case.name: (case.found, case.margin)
        for case in cases
        if case.found is not None and not case.found.too_few
    }
    beyond = holm({name: found.p_beyond(margin) for name, (found, margin) in enough.items()})
    within = holm({name: found.p_within(margin) for name, (found, margin) in enough.items()})
    for case in cases:
        if case.name not in enough:
            yield _thin(case, rules, sources)
            continue
        of = f"Holm over {len(enough)} comparisons"
        if beyond[case.name] <= alpha:
            reason = f"not worse by the margin (p <= {beyond[case.name]:.3g}, {of})"
            yield _line(case, rules, "pass", reason, sources)
        elif within[case.name] <= alpha:
            reason = f"worse by more than the margin (p <= {within[case.name]:.3g}, {of})"
            yield _line(case, rules, "fail", reason, sources)
        else:
            reason = f"{_range(enough[case.name][0])} does not settle it ({of})"
            yield _line(case, rules, "inconclusive", reason, sources)


def _thin(case: _Case, rules: ChampionRules, sources: Mapping[str, str]) -> RuleLine:
    if case.found is None:
        return _line(case, rules, "inconclusive", f"{case.metric} was not compared", sources)
    least = case.found.min_n
    reason = f"only {case.found.n} comparisons, {least} are the least that say anything"
    return _line(case, rules, "inconclusive", reason, sources)


def _line(
    case: _Case,
    rules: ChampionRules,
    verdict: LineVerdict,
    reason: str,
    sources: Mapping[str, str],
) -> RuleLine:
    found = case.found
    return RuleLine(
        kind="champion",
        metric=f"champion/{rules.point}/{case.metric}_difference",
        slice=case.slice,
        direction="at_most",
        bound=case.margin,
        use="confidence",
        n=found and found.n,
        value=found and found.value,
        low=found and found.low,
        high=found and found.high,
        verdict=verdict,
        reason=reason,
        samples_needed=_needed(found, case.margin) if found and verdict == "inconclusive" else None,
        sources=dict(sources),
    )


def _needed(found: Difference, margin: float) -> int | None:
    if found.too_few:
        return found.min_n - found.n
    gap = margin - found.value
    half = found.high - found.value if gap > 0 else found.value - found.low
    if gap == 0 or half <= abs(gap):
        return None
    total = found.n * (half / gap) ** 2
    return max(1, math.ceil(total - found.n)) if total < _ABSURD else None


def _range(found: Difference) -> str:
    return f"the difference {found.value:+.4g} ({found.low:+.4g} to {found.high:+.4g})"
