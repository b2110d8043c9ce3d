"""What is done to photos on purpose, as files of cases say it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.degrade.degrade import OperatorName

Severity = Annotated[float, Field(gt=0, le=1)]


class PhotoChange(BaseModel):
    """Operators and how much of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operators: tuple[OperatorName, ...] = Field(min_length=1)
    """What is done to a photo, each on its own; see `data.degrade`."""
    severities: tuple[Severity, ...] = Field(min_length=1)
    """How much of it; rising."""
    alike: bool = False
    """Whether all photos get the same draw, so that everybody wears the very same mask."""

    @field_validator("severities")
    @classmethod
    def _rise(cls, severities: tuple[float, ...]) -> tuple[float, ...]:
        if list(severities) != sorted(set(severities)):
            raise ValueError(f"the severities {list(severities)} do not rise")
        return severities
