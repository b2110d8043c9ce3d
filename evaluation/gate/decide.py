"""The gate: a pure verdict over measurements, with one line for each rule.

A rule that uses the interval passes only if the end that is worse for the model meets the bound,
fails only if not even the better end does, and is inconclusive in between. Missing measurements
and too few comparisons are inconclusive, never a pass. The gate fails if any rule fails, else is
inconclusive if any rule is, else passes. A rule for `skin_tone_*` makes a line for each such slice,
and each must pass; where there is none it is inconclusive. Rules that do not concern a model, such
as parity with a checkpoint that it has not got, stay in the decision as not applicable.

Samples still needed. Wilson's interval at rate p has its end on the bound b where
(p - b)^2 = z^2 b (1 - b) / n, so at the rate seen so far n_eff = z^2 b (1 - b) / (p - b)^2
independent comparisons settle the rule; without any error it is n_eff = ln(alpha / 2) / ln(1 - b)
for an upper end (the exact binomial one). Both are multiplied by n / n_eff of the measurement, as
further comparisons will share people as much as the present ones do; and where the subject
bootstrap is the wider interval, by the square of how much wider it is.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from evaluation.champion.comparison import ChampionComparison
from evaluation.gate.champion_rules import judge_champion
from evaluation.gate.decision import Decision, LineVerdict, PolicyIdentity, RuleLine, verdict_of
from evaluation.gate.evidence import Candidate
from evaluation.gate.policy import GatePolicy, Rule
from evaluation.measurement import Measurement
from evaluation.report import slice_key
from evaluation.uncertainty.intervals import naive_wilson, two_sided_z

__all__ = ["Candidate", "Decision", "GatePolicy", "Rule", "RuleLine", "decide"]

_ABSURD: Final = 1e15
"""Nobody compares that often: the rate sits on the bound, as far as anyone will ever know."""
_TINY: Final = 1e-100


def decide(
    candidate: Candidate,
    champion: ChampionComparison | None,
    policy: GatePolicy,
    not_applicable: Mapping[str, str] | None = None,
) -> Decision:
    """Judge a candidate by a policy, alone and beside the champion where it is compared with one.

    `not_applicable` says for the beginning of a key why rules about it do not concern this model.
    """
    exempt = not_applicable or {}
    lines = [line for rule in policy.rules for line in _lines(rule, candidate, exempt)]
    if policy.champion is not None:
        lines += judge_champion(champion, policy.champion, candidate.sources_of("champion/"))
    return Decision(
        verdict=verdict_of(lines),
        policy=PolicyIdentity.of(policy),
        champion=champion and champion.champion,
        lines=tuple(lines),
    )


def _lines(
    rule: Rule, candidate: Candidate, not_applicable: Mapping[str, str]
) -> Iterator[RuleLine]:
    """One line for each measurement that a rule speaks of."""
    for beginning, reason in not_applicable.items():
        if rule.metric.startswith(beginning):
            yield _Judged(rule, rule.metric, rule.slice, candidate).line("not_applicable", reason)
            return
    for metric, part in _named(rule, candidate):
        yield _Judged(rule, metric, part, candidate).judge()


def _named(rule: Rule, candidate: Candidate) -> list[tuple[str, str | None]]:
    """Metric and slice of each measurement; the pattern itself where nothing fits it."""
    if rule.slice is not None and "*" in rule.slice:
        return [(rule.metric, name) for name in candidate.slices(rule.slice) or [rule.slice]]
    if rule.slice is None and "*" in rule.metric:
        return [(key, None) for key in candidate.keys(rule.metric) or [rule.metric]]
    return [(rule.metric, rule.slice)]


class _Judged:
    """One rule on one measurement."""

    def __init__(self, rule: Rule, metric: str, part: str | None, candidate: Candidate) -> None:
        self._rule, self._metric, self._slice = rule, metric, part
        self._key = metric if part is None else slice_key(part, metric)
        self._sources = candidate.sources_of(self._key)
        self._found = candidate.measurements.get(self._key)
        self._reference = candidate.measurements.get(rule.relative_to) if rule.relative_to else None

    def judge(self) -> RuleLine:
        """Pass, fail or inconclusive."""
        rule, found = self._rule, self._found
        if found is None:
            needed = rule.min_n if rule.min_n > 1 else None
            return self.line("inconclusive", f"{self._key} was not measured", needed)
        min_n = max(rule.min_n, found.min_n)
        if found.n < min_n:
            reason = f"only {found.n} comparisons, {min_n} are the least that say anything"
            return self.line("inconclusive", reason, min_n - found.n)
        if self._bound is None:
            reason = f"{rule.relative_to}, which the bound is relative to, was not measured"
            return self.line("inconclusive", reason)
        if rule.use == "value":
            verdict: LineVerdict = "pass" if self._meets(found.value) else "fail"
            return self.line(verdict, self._comparison("value", found.value, verdict))
        return self._judge_interval(found, self._bound)

    @property
    def _bound(self) -> float | None:
        """The limit; None where it is relative to what was not measured, or too thinly."""
        if self._rule.factor is None:
            return self._rule.bound
        if self._reference is None or self._reference.too_few:
            return None
        return self._rule.factor * self._reference.value

    def _judge_interval(self, found: Measurement, bound: float) -> RuleLine:
        if found.low is None or found.high is None:
            return self.line("inconclusive", "the measurement has no interval")
        at_most = self._rule.direction == "at_most"
        worse, better = (found.high, found.low) if at_most else (found.low, found.high)
        if self._meets(worse):
            return self.line("pass", self._comparison("the worse end", worse, "pass"))
        if not self._meets(better):
            return self.line("fail", self._comparison("even the better end", better, "fail"))
        reason = f"the interval {found.low:.6g} to {found.high:.6g} spans the bound {bound:.6g}"
        return self.line("inconclusive", reason, _samples_needed(bound, found))

    def _meets(self, value: float) -> bool:
        bound = self._bound
        if bound is None:
            return False
        return value <= bound if self._rule.direction == "at_most" else value >= bound

    def _comparison(self, what: str, value: float, verdict: LineVerdict) -> str:
        wanted = self._rule.direction.replace("_", " ")
        is_so = "is" if verdict == "pass" else "is not"
        rule, bound = self._rule, self._bound or 0.0
        of = f" = {rule.factor:g} x {rule.relative_to}" if rule.factor is not None else ""
        return f"{what} {value:.6g} {is_so} {wanted} {bound:.6g}{of}"

    def line(
        self, verdict: LineVerdict, reason: str, samples_needed: int | None = None
    ) -> RuleLine:
        """The line of the decision."""
        rule, found = self._rule, self._found
        return RuleLine(
            metric=self._metric,
            slice=self._slice,
            direction=rule.direction,
            bound=self._bound,
            relative_to=rule.relative_to,
            factor=rule.factor,
            use=rule.use,
            n=found and found.n,
            value=found and found.value,
            low=found and found.low,
            high=found and found.high,
            verdict=verdict,
            reason=reason,
            samples_needed=samples_needed,
            sources=self._sources,
        )


def _samples_needed(bound: float, found: Measurement) -> int | None:
    """Further comparisons that would settle a rule, or None where no sensible number would."""
    if found.confidence is None or not found.num_effective or not 0 < bound < 1:
        return None
    effective = _effective_needed(bound, found.value, found.confidence)
    total = effective * _widening(bound, found) * found.n / found.num_effective
    return max(1, math.ceil(total - found.n)) if total < _ABSURD else None


def _widening(bound: float, found: Measurement) -> float:
    """How many times fewer comparisons the wider of two intervals is worth than Wilson's."""
    if found.value in (0, 1) or not found.num_effective or found.confidence is None:
        return 1.0
    n = found.num_effective
    low, high = naive_wilson(found.value * n, n, found.confidence)
    ours, wilson = (found.high, high) if found.value <= bound else (found.low, low)
    if ours is None or wilson == found.value:
        return 1.0
    return max(1.0, ((ours - found.value) / (wilson - found.value)) ** 2)


def _effective_needed(bound: float, rate: float, confidence: float) -> float:
    """Independent comparisons after which the interval of this rate ends on the bound."""
    if rate == 0:
        return math.log((1 - confidence) / 2) / math.log1p(-bound)
    if rate == 1:
        return math.log((1 - confidence) / 2) / math.log(bound)
    z_per_distance = two_sided_z(confidence) / max(abs(rate - bound), _TINY)
    return z_per_distance * z_per_distance * bound * (1 - bound)
