"""The registry: `data/failure_modes/<id>.yaml`, one file for each known failure mode.

An incident or an appeal that was right adds a file, or a severity to one, with its number under
`origin`; README.md beside this module says how. A bound may be tightened and never loosened.
"""

import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data.degrade.degrade import OperatorName
from data.errors import DataError
from data.failure_modes.metrics import FailureMetric

FOLDER: Final = Path(__file__).parent
Text = Annotated[str, Field(min_length=1)]
Severity = Annotated[float, Field(gt=0, le=1)]
Side = Literal["probe", "reference", "both"]
Status = Literal["open", "accepted", "fixed"]


class FailureModeError(DataError):
    """A file of the registry cannot be read or says something that it may not."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Transform(_Frozen):
    """Photos of the test split are degraded on purpose."""

    kind: Literal["transform"]
    operators: tuple[OperatorName, ...] = Field(min_length=1)
    """What is done to a photo, each on its own; see `data.degrade`."""
    severities: tuple[Severity, ...] = Field(min_length=1)
    """How much of it; rising."""
    side: Side
    """Which photo of a comparison is degraded: the one from the door, the one on file, or both."""
    alike: bool = False
    """Whether all photos get the same draw, so that everybody wears the very same mask."""

    @field_validator("severities")
    @classmethod
    def _rise(cls, severities: tuple[float, ...]) -> tuple[float, ...]:
        if list(severities) != sorted(set(severities)):
            raise ValueError(f"the severities {list(severities)} do not rise")
        return severities


class Selection(_Frozen):
    """Comparisons that are hard as they are: a pair protocol, or a slice of the standard one."""

    kind: Literal["selection"]
    source: Literal["protocol", "slice"]
    """Where in the report the figures stand."""
    name: Text
    """Name of the protocol, such as `siblings`, or of the slice, such as `glasses_yes`."""


class FailureMode(_Frozen):
    """One known failure mode."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Name of the file and of the metrics."""
    story: Text
    """What happens, to whom, and what it costs."""
    origin: Text
    """Number of the incident or appeal; `foreseen` with its source where nobody was hurt yet."""
    first_seen: datetime.date | None
    """Day of the incident; null for a foreseen one."""
    how: Annotated[Transform | Selection, Field(discriminator="kind")]
    """How it is provoked."""
    metric: FailureMetric
    """What it is judged by, at its worst severity."""
    bound: Annotated[float, Field(ge=-1, le=1)] | None
    """The metric must not be above; null until one is agreed. May only become lower."""
    owner: Text
    """Role that answers for it."""
    status: Status
    """`open`: to be worked on. `accepted`: known and lived with. `fixed`: must not come back."""

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        if isinstance(self.how, Selection) and self.metric not in ("fnmr", "fmr"):
            raise ValueError(f"a selection has no {self.metric}; take fnmr or fmr")
        return self


def read_failure_modes(folder: Path = FOLDER) -> tuple[FailureMode, ...]:
    """Read every file of the registry, sorted by id.

    Raises `FailureModeError` that names file and key, also where a file is not named after its id.
    """
    return tuple(_read(path) for path in sorted(folder.glob("*.yaml")))


def _read(path: Path) -> FailureMode:
    try:
        mode = FailureMode.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FailureModeError(f"{path}: cannot be read ({error}); restore it from git") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "file"
        raise FailureModeError(f"{path}: {where}: {problem['msg']}; correct it") from error
    if mode.id != path.stem:
        raise FailureModeError(f"{path}: the id is {mode.id!r}; name the file {mode.id}.yaml")
    return mode
