"""What the gate answers: a verdict, and a line for each condition with all it rests on."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from evaluation.champion.comparison import ChampionPin
from evaluation.gate.policy import Direction, GatePolicy

Verdict = Literal["pass", "fail", "inconclusive"]
LineVerdict = Literal["pass", "fail", "inconclusive", "not_applicable"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RuleLine(_Frozen):
    """What became of one rule on one measurement."""

    kind: Literal["rule", "champion"] = "rule"
    """Judged alone, or beside the champion; then `value` is candidate less champion."""
    metric: str
    slice: str | None
    direction: Direction
    bound: float | None
    """The limit, worked out where it is relative; None where that could not be done."""
    relative_to: str | None = None
    factor: float | None = None
    use: Literal["value", "confidence"]
    n: int | None
    """None where nothing was measured."""
    value: float | None
    low: float | None
    high: float | None
    verdict: LineVerdict
    reason: str
    samples_needed: int | None = None
    """Further comparisons that would settle an inconclusive rule at the rate seen so far; None
    where it is settled, or where no number of comparisons can be named."""
    sources: dict[str, str] = {}
    """SHA-256 of what it was measured on and with: bundle, report, protocol, calibration."""


class PolicyIdentity(_Frozen):
    """Which policy it was."""

    name: str
    description: str
    digest: str

    @classmethod
    def of(cls, policy: GatePolicy) -> "PolicyIdentity":
        """Name a policy."""
        return cls(name=policy.name, description=policy.description, digest=policy.digest)


class Decision(_Frozen):
    """The gate's answer."""

    verdict: Verdict
    policy: PolicyIdentity
    champion: ChampionPin | None
    """The model that it was compared with, or None."""
    lines: tuple[RuleLine, ...]

    @property
    def passed(self) -> bool:
        """Whether the model may be registered."""
        return self.verdict == "pass"


def verdict_of(lines: Iterable[RuleLine]) -> Verdict:
    """Fail if any line fails, else inconclusive if any is or none applies, else pass."""
    found = {line.verdict for line in lines} - {"not_applicable"}
    if "fail" in found:
        return "fail"
    return "pass" if found == {"pass"} else "inconclusive"
