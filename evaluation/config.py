"""What is measured, and on how much."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evaluation.intervals import DEFAULT_CONFIDENCE
from evaluation.operating_points import point_name
from evaluation.slices import DEFAULT_SLICE_COLUMNS, SliceColumn

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
    min_genuine_pairs: int = Field(default=100, ge=1)
    """A slice with fewer genuine pairs shows no FNMR."""
    min_impostor_pairs: int = Field(default=1_000, ge=1)
    """A slice with fewer impostor pairs shows no FMR."""
    slice_columns: tuple[SliceColumn, ...] = DEFAULT_SLICE_COLUMNS
    """Manifest columns to slice by."""
    failure_modes: FailureModesConfig = FailureModesConfig()
    """How the known failure modes are provoked."""

    @model_validator(mode="after")
    def _default_is_known(self) -> "EvaluationConfig":
        names = [point_name(target) for target in self.target_fmrs]
        if len(set(names)) < len(names):
            raise ValueError(f"target_fmrs name an operating point twice: {', '.join(names)}")
        if len(set(self.further_protocols)) < len(self.further_protocols):
            raise ValueError(f"further_protocols name one twice: {self.further_protocols}")
        if self.default_operating_point not in names:
            raise ValueError(
                f"default_operating_point {self.default_operating_point!r} is not one of:"
                f" {', '.join(names)}"
            )
        return self
