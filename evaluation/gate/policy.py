"""What a model must show before it may be registered, as data: rules that the gate judges by."""

import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluation.report import slice_key

Direction = Literal["at_least", "at_most"]
Margin = Annotated[float, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rule(_Frozen):
    """One condition on one measurement, or on that of every slice of some name."""

    metric: Annotated[str, Field(min_length=1)]
    """Key of the measurement, such as `fmr_1e-2/tar` or `overall/auc`; with `*` every key of that
    form, such as `failure_modes/*/fmr`."""
    slice: str | None = None
    """Name of a slice, such as `glasses_yes`, or of many, such as `skin_tone_*`, each of which must
    keep the rule; None for the whole test split."""
    direction: Direction
    """Which side of the bound is good."""
    bound: float | None = None
    """The limit; reaching it exactly is good."""
    relative_to: str | None = None
    """Instead of `bound`: key of the measurement that, times `factor`, is the limit. Its value is
    taken as known, so let it rest on far more comparisons than what is judged."""
    factor: Annotated[float, Field(gt=0)] | None = None
    """See `relative_to`."""
    use: Literal["value", "confidence"] = "value"
    """`value`: the point estimate alone. `confidence`: the end of the interval that is worse."""
    min_n: int = Field(default=1, ge=1)
    """Fewer comparisons than this are inconclusive, whatever they say."""

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        if (self.bound is None) == (self.relative_to is None):
            raise ValueError(f"{self.metric}: give either bound or relative_to with factor")
        if (self.relative_to is None) != (self.factor is None):
            raise ValueError(f"{self.metric}: relative_to and factor go together")
        return self

    @property
    def key(self) -> str:
        """Key of the measurement that it judges; a pattern where it has a `*`."""
        return self.metric if self.slice is None else slice_key(self.slice, self.metric)


class ChampionRules(_Frozen):
    """How much worse than the champion a model may be: non-inferiority, each side at its own FMR.

    A margin is passed where the one-sided bound of the difference stays below it. Slices are named
    here, before anybody has looked, and are judged together by Holm's procedure.
    """

    presence: Literal["required", "optional"]
    """Without a pinned champion `required` is inconclusive, `optional` does not apply."""
    point: str
    """Operating point at which both are compared."""
    fnmr_margin: Margin
    """FNMR may be higher by less than this, over all comparisons."""
    fmr_margin: Margin
    """FMR may be higher by less than this share of the point's target FMR, over all comparisons."""
    slices: tuple[str, ...] = ()
    """Names of slices, or patterns such as `gender_*`."""
    slice_fnmr_margin: Margin
    """As `fnmr_margin`, for a slice."""
    slice_fmr_margin: Margin
    """As `fmr_margin`, for a slice."""


class GatePolicy(_Frozen):
    """Rules under a name."""

    name: str = Field(min_length=1)
    """As decisions call it."""
    description: str = Field(min_length=1)
    """For whom it is, in a sentence or two."""
    rules: tuple[Rule, ...] = Field(min_length=1)
    """All of them must pass; a gate without rules is refused."""
    champion: ChampionRules | None = None
    """What the comparison with the champion must show; None asks for none."""

    @property
    def digest(self) -> str:
        """SHA-256 of what it says; comments and the order of keys in its file do not matter."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
