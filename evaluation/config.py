"""What is measured, and on how much."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.pairs import DEFAULT_MAX_IMPOSTOR_PAIRS
from evaluation.intervals import DEFAULT_CONFIDENCE
from evaluation.operating_points import point_name
from evaluation.slices import DEFAULT_SLICE_COLUMNS, SliceColumn

Rate = Annotated[float, Field(gt=0, lt=1)]
Protocol = Literal["cross", "lfw"]


class EvaluationConfig(BaseModel):
    """What the evaluation measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Protocol = "cross"
    """`cross`: every photo of the test split with every other. `lfw`: the pairs of pairs.txt."""
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
    max_impostor_pairs: int = Field(default=DEFAULT_MAX_IMPOSTOR_PAIRS, ge=1)
    """More impostor pairs than this are sampled."""
    slice_columns: tuple[SliceColumn, ...] = DEFAULT_SLICE_COLUMNS
    """Manifest columns to slice by."""
    seed: int = Field(default=0, ge=0)
    """Of the sampling of impostor pairs."""

    @model_validator(mode="after")
    def _default_is_known(self) -> "EvaluationConfig":
        names = [point_name(target) for target in self.target_fmrs]
        if len(set(names)) < len(names):
            raise ValueError(f"target_fmrs name an operating point twice: {', '.join(names)}")
        if self.default_operating_point not in names:
            raise ValueError(
                f"default_operating_point {self.default_operating_point!r} is not one of:"
                f" {', '.join(names)}"
            )
        return self
