"""The gate: a pure verdict over measurements, with one line for each rule.

A rule that uses the interval passes only if the end that is worse for the model meets the bound,
fails only if not even the better end does, and is inconclusive in between. Missing measurements
and too few comparisons are inconclusive, never a pass. The gate fails if any rule fails, else is
inconclusive if any rule is, else passes.

Samples still needed. Wilson's interval at rate p has its end on the bound b where
(p - b)^2 = z^2 b (1 - b) / n, so at the rate seen so far n_eff = z^2 b (1 - b) / (p - b)^2
independent comparisons settle the rule; without any error it is n_eff = ln(alpha / 2) / ln(1 - b)
for an upper end (the exact binomial one). Both are multiplied by n / n_eff of the measurement, as
further comparisons will share people as much as the present ones do.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluation.intervals import two_sided_z
from evaluation.measurement import Measurement
from evaluation.report import slice_key

_ABSURD: Final = 1e15
"""Nobody compares that often: the rate sits on the bound, as far as anyone will ever know."""
_TINY: Final = 1e-100

Verdict = Literal["pass", "fail", "inconclusive"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rule(_Frozen):
    """One condition on one measurement."""

    metric: Annotated[str, Field(min_length=1)]
    """Key of the measurement, such as `fmr_1e-2/tar` or `overall/auc`."""
    slice: str | None = None
    """Name of a slice, such as `glasses_yes`; None for the whole test split."""
    direction: Literal["at_least", "at_most"]
    """Which side of the bound is good."""
    bound: float
    """The limit; reaching it exactly is good."""
    use: Literal["value", "confidence"] = "value"
    """`value`: the point estimate alone. `confidence`: the end of the interval that is worse."""
    min_n: int = Field(default=1, ge=1)
    """Fewer comparisons than this are inconclusive, whatever they say."""

    @property
    def key(self) -> str:
        """Key of the measurement that it judges."""
        return self.metric if self.slice is None else slice_key(self.slice, self.metric)


class GatePolicy(_Frozen):
    """What a model must show before it may be registered."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    """All of them must pass; a gate without rules is refused."""


class RuleLine(_Frozen):
    """What became of one rule."""

    metric: str
    slice: str | None
    direction: Literal["at_least", "at_most"]
    bound: float
    use: Literal["value", "confidence"]
    n: int | None
    """None where nothing was measured."""
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    reason: str
    samples_needed: int | None = None
    """Further comparisons that would settle an inconclusive rule at the rate seen so far; None
    where it is settled, or where no number of comparisons can be named."""


class Decision(_Frozen):
    """The gate's answer."""

    verdict: Verdict
    lines: tuple[RuleLine, ...]

    @property
    def passed(self) -> bool:
        """Whether the model may be registered."""
        return self.verdict == "pass"


def decide(measurements: Mapping[str, Measurement], policy: GatePolicy) -> Decision:
    """Judge measurements by a policy.

    Give it `EvaluationReport.measurements()` together with whatever else the policy asks for, such
    as the parity of the exported graph, under a key of its own.
    """
    lines = tuple(_judge(rule, measurements.get(rule.key)) for rule in policy.rules)
    return Decision(verdict=_worst([line.verdict for line in lines]), lines=lines)


def _worst(verdicts: list[Verdict]) -> Verdict:
    if "fail" in verdicts:
        return "fail"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def _judge(rule: Rule, found: Measurement | None) -> RuleLine:
    if found is None:
        needed = rule.min_n if rule.min_n > 1 else None
        return _line(rule, found, "inconclusive", f"{rule.key} was not measured", needed)
    min_n = max(rule.min_n, found.min_n)
    if found.n < min_n:
        reason = f"only {found.n} comparisons, {min_n} are the least that say anything"
        return _line(rule, found, "inconclusive", reason, min_n - found.n)
    if rule.use == "value":
        verdict: Verdict = "pass" if _meets(rule, found.value) else "fail"
        return _line(rule, found, verdict, _comparison(rule, "value", found.value, verdict))
    return _judge_interval(rule, found)


def _judge_interval(rule: Rule, found: Measurement) -> RuleLine:
    if found.low is None or found.high is None:
        return _line(rule, found, "inconclusive", "the measurement has no interval")
    at_most = rule.direction == "at_most"
    worse, better = (found.high, found.low) if at_most else (found.low, found.high)
    if _meets(rule, worse):
        return _line(rule, found, "pass", _comparison(rule, "the worse end", worse, "pass"))
    if not _meets(rule, better):
        return _line(rule, found, "fail", _comparison(rule, "even the better end", better, "fail"))
    reason = f"the interval {found.low:.6g} to {found.high:.6g} spans the bound {rule.bound:.6g}"
    return _line(rule, found, "inconclusive", reason, _samples_needed(rule, found))


def _meets(rule: Rule, value: float) -> bool:
    return value <= rule.bound if rule.direction == "at_most" else value >= rule.bound


def _comparison(rule: Rule, what: str, value: float, verdict: Verdict) -> str:
    wanted = rule.direction.replace("_", " ")
    is_so = "is" if verdict == "pass" else "is not"
    return f"{what} {value:.6g} {is_so} {wanted} {rule.bound:.6g}"


def _samples_needed(rule: Rule, found: Measurement) -> int | None:
    """Further comparisons that would settle a rule, or None where no sensible number would."""
    if found.confidence is None or not found.num_effective or not 0 < rule.bound < 1:
        return None
    effective = _effective_needed(rule.bound, found.value, found.confidence)
    total = effective * found.n / found.num_effective
    return max(1, math.ceil(total - found.n)) if total < _ABSURD else None


def _effective_needed(bound: float, rate: float, confidence: float) -> float:
    """Independent comparisons after which the interval of this rate ends on the bound."""
    if rate == 0:
        return math.log((1 - confidence) / 2) / math.log1p(-bound)
    if rate == 1:
        return math.log((1 - confidence) / 2) / math.log(bound)
    z_per_distance = two_sided_z(confidence) / max(abs(rate - bound), _TINY)
    return z_per_distance * z_per_distance * bound * (1 - bound)


def _line(
    rule: Rule,
    found: Measurement | None,
    verdict: Verdict,
    reason: str,
    samples_needed: int | None = None,
) -> RuleLine:
    return RuleLine(
        metric=rule.metric,
        slice=rule.slice,
        direction=rule.direction,
        bound=rule.bound,
        use=rule.use,
        n=None if found is None else found.n,
        value=None if found is None else found.value,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        verdict=verdict,
        reason=reason,
        samples_needed=samples_needed,
    )
