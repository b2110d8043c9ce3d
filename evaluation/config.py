"""What is measured, and on how much."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluation.champion.comparison import ChampionPin
from evaluation.groups.fairness import FairnessConfig
from evaluation.groups.predicates import NamedSlice
from evaluation.groups.slices import DEFAULT_SLICE_COLUMNS, SliceColumn, family_name
from evaluation.operating_points import point_name
from evaluation.uncertainty.bootstrap import SubjectBootstrap
from evaluation.uncertainty.intervals import DEFAULT_CONFIDENCE

Rate = Annotated[float, Field(gt=0, lt=1)]
Protocol = Literal["standard", "official"]
FurtherProtocol = Literal["standard", "domain", "hard", "siblings", "templates"]


class FailureModesConfig(BaseModel):
    """On how many photos the known failure modes are provoked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_photos: int = Field(default=48, ge=0)
    """Photos of the test split that each mode degrades; 0 provokes none of them."""
    photos_per_subject: int = Field(default=3, ge=2)
    """At most so many of one person, so that both sides of a genuine pair can be degraded."""
    seed: int = Field(default=0, ge=0)
    """Of the choice of photos and of what is drawn onto them."""


class BehaviourConfig(BaseModel):
    """On how many photos the expected behaviour is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_photos: int = Field(default=20, ge=0)
    """Photos of the test split that each case changes; 0 tries none of them."""
    photos_per_subject: int = Field(default=2, ge=2)
    """At most so many of one person, so that both sides of a genuine pair can be changed."""
    seed: int = Field(default=0, ge=0)
    """Of the choice of photos and of what is drawn onto them."""


class MorningConfig(BaseModel):
    """An exam morning that is lived through for the error rates of whole transactions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidates: int = Field(default=0, ge=0)
    """Lines on all rolls; 0 leaves the morning out."""
    false_claim_share: float = Field(default=0.3, ge=0, le=0.9)
    """Lines for which somebody else comes: strangers, look-alikes and mix-ups, a third each. Far
    above what happens, because FAR rests on them alone."""
    seed: int = Field(default=0, ge=0)
    """Of the people and of what they do."""


class EvaluationConfig(BaseModel):
    """What the evaluation measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Protocol = "standard"
    """What the headline figures rest on. `standard`: every photo of the test split with every
    other. `official`: the pairs that were published with the data set, in its folds."""
    further_protocols: tuple[FurtherProtocol, ...] = ()
    """Judged at the same thresholds, on the test split; see `data.protocols`."""
    target_fmrs: tuple[Rate, ...] = Field(default=(1e-1, 1e-2, 1e-3), min_length=1)
    """False match rates to choose a threshold for, each an operating point."""
    default_operating_point: str = "fmr_1e-3"
    """The one that the server uses; must be one of the above."""
    confidence: Rate = DEFAULT_CONFIDENCE
    """Of two-sided intervals; 0.9 gives one-sided 95 % bounds."""
    bootstrap: SubjectBootstrap = SubjectBootstrap()
    """How often people are drawn anew for the second of both intervals."""
    min_genuine_pairs: int = Field(default=100, ge=1)
    """A slice with fewer genuine pairs shows no FNMR."""
    min_impostor_pairs: int = Field(default=1_000, ge=1)
    """A slice with fewer impostor pairs shows no FMR."""
    slice_columns: tuple[SliceColumn, ...] = DEFAULT_SLICE_COLUMNS
    """Manifest columns to slice by."""
    slice_crossings: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = ()
    """Columns of the above whose values are also crossed, such as gender with skin_tone."""
    named_slices: tuple[NamedSlice, ...] = ()
    """Slices by conditions of their own, such as photos of low quality."""
    fairness: FairnessConfig = FairnessConfig()
    """How often labels are dealt anew to see what chance makes of the groups."""
    champion: ChampionPin | None = None
    """The model in force, compared with on identical pairs; None for none."""
    failure_modes: FailureModesConfig = FailureModesConfig()
    """How the known failure modes are provoked."""
    behaviour: BehaviourConfig = BehaviourConfig()
    """How the expected behaviour is tried."""
    morning: MorningConfig = MorningConfig()
    """The morning behind `transactions/...`."""
    latency_photos: int = Field(default=300, ge=0)
    """Photos that are timed one by one; 0 times none. From 299 on the p99 has an interval."""

    @model_validator(mode="after")
    def _default_is_known(self) -> "EvaluationConfig":
        names = [point_name(target) for target in self.target_fmrs]
        if len(set(names)) < len(names):
            raise ValueError(f"target_fmrs name an operating point twice: {', '.join(names)}")
        if len(set(self.further_protocols)) < len(self.further_protocols):
            raise ValueError(f"further_protocols name one twice: {self.further_protocols}")
        self._crossings_are_known()
        if self.default_operating_point not in names:
            raise ValueError(
                f"default_operating_point {self.default_operating_point!r} is not one of:"
                f" {', '.join(names)}"
            )
        return self

    def _crossings_are_known(self) -> None:
        known = {column.column for column in self.slice_columns}
        for crossing in self.slice_crossings:
            if unknown := sorted(set(crossing) - known):
                raise ValueError(f"slice_crossings: {unknown[0]!r} is not among slice_columns")
            if len(set(crossing)) < len(crossing):
                raise ValueError(
                    f"slice_crossings: {family_name(crossing)} crosses one with itself"
                )

    @property
    def fairness_families(self) -> tuple[tuple[str, ...], ...]:
        """Columns and crossings whose values belong to people, not to single photos."""
        people = {column.column for column in self.slice_columns if column.usual is None}
        crossings = (one for one in self.slice_crossings if people.issuperset(one))
        return (*((c.column,) for c in self.slice_columns if c.usual is None), *crossings)
