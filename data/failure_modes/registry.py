"""The registry: `data/failure_modes/<id>.yaml`, one file for each known failure mode.

An incident or an appeal that was right adds a file, or a severity to one, with its number under
`origin`; README.md beside this module says how. A bound may be tightened and never loosened.
"""

import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.case_files import read_cases
from data.degrade.change import PhotoChange
from data.errors import DataError
from data.failure_modes.metrics import FailureMetric

FOLDER: Final = Path(__file__).parent
Text = Annotated[str, Field(min_length=1)]
Side = Literal["probe", "reference", "both"]
Status = Literal["open", "accepted", "fixed"]


class FailureModeError(DataError):
    """A file of the registry cannot be read or says something that it may not."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Transform(PhotoChange):
    """Photos of the test split are degraded on purpose."""

    kind: Literal["transform"]
    side: Side
    """Which photo of a comparison is degraded: the one from the door, the one on file, or both."""


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
    return read_cases(folder, FailureMode, FailureModeError)
