"""What is watched for drift, and how sure one has to be."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_COLUMNS: Final = (
    "score",
    "quality",
    "sharpness_quality",
    "underexposure_quality",
    "overexposure_quality",
    "dynamic_range_quality",
    "eyes_visible_quality",
    "mouth_visible_quality",
)
Share = Annotated[float, Field(gt=0, lt=1)]


class DriftConfig(BaseModel):
    """Which columns are watched in which slices, and what counts as drift."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    columns: tuple[str, ...] = Field(default=DEFAULT_COLUMNS, min_length=1)
    """Numbers to watch. One that neither window has a value of is passed over."""
    categories: tuple[str, ...] = ("decision",)
    """Names to watch, such as the decision or the device."""
    slice_columns: tuple[str, ...] = ("site", "device")
    """Every value of these, as far as the last window has it, is a slice beside `all`."""
    alpha: Share = 0.05
    """Chance of a false alarm, over all slices and metrics of one report together."""
    num_resamples: int = Field(default=999, ge=99)
    """Windows drawn for each null. The smallest p is 1 / (num_resamples + 1)."""
    num_bins: int = Field(default=10, ge=2, le=100)
    """Of PSI, each with the same share of the reference."""
    min_rows: int = Field(default=20, ge=2)
    """People in a window or in its reference; a slice with fewer is not tested at all."""
    relevant_shift_sd: float = Field(default=0.5, gt=0)
    """A shift of the mean of this many standard deviations must not be missed."""
    power: Share = 0.8
    """Chance with which it must be found; a window too small for that is never called stable."""
    max_embeddings: int = Field(default=2_000, ge=10)
    """Embeddings compared, of both windows together; more are drawn from."""
    seed: int = Field(default=0, ge=0)
    """Of everything that is drawn."""

    @model_validator(mode="after")
    def _alpha_can_be_reached(self) -> "DriftConfig":
        if self.alpha * (self.num_resamples + 1) < 1:
            raise ValueError(
                f"num_resamples {self.num_resamples} cannot show a p of {self.alpha};"
                f" take {round(1 / self.alpha) + 1} or more"
            )
        return self
