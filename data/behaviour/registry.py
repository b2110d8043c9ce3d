"""The registry: `data/behaviour/<id>.yaml`, one file for each behaviour that is expected.

After CheckList (Ribeiro et al., ACL 2020), for decisions over faces: `invariance` where a change
must not turn a decision, `direction` where more harm may only make a face harder to match,
`minimum` for what is beyond discussion. Each kind is asked of people and of strangers alike,
because a change that makes strangers match is worse than one that refuses somebody. README.md
beside this module says how to add a case.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from data.behaviour.junk import JunkName
from data.behaviour.metrics import (
    STEP_METRICS,
    Expectation,
    JunkMetric,
    PhotoMetric,
    ServerMetric,
)
from data.case_files import read_cases
from data.degrade.change import PhotoChange
from data.errors import DataError

FOLDER: Final = Path(__file__).parent
Text = Annotated[str, Field(min_length=1)]
Kind = Literal["invariance", "direction", "minimum"]
Faces = Literal["detected", "kept"]


class BehaviourCaseError(DataError):
    """A file of the registry cannot be read or says something that it may not."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChangedPhotos(PhotoChange):
    """Photos of the test split are changed on purpose."""

    kind: Literal["photos"]
    side: Literal["one", "both"]
    """Whether a changed photo is compared with all others as they are, or with changed ones."""
    faces: Faces = "detected"
    """`kept`: no face is looked for; the landmarks stay where they were before the change, as if
    the detector had been off by as much."""


class SamePhoto(_Frozen):
    """The server compares a photo with itself, and two photos in both orders."""

    kind: Literal["same_photo"]


class JunkPictures(_Frozen):
    """Pictures that show nobody."""

    kind: Literal["junk"]
    pictures: tuple[JunkName, ...] = Field(min_length=2)
    """See `data.behaviour.junk`."""
    faces: Literal["detected", "template"]
    """`detected`: through the whole path of the server. `template`: as crops, as if the detector
    had found a face that fills them."""


class BehaviourCase(_Frozen):
    """One behaviour that is expected."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Name of the file and of the metrics."""
    kind: Kind
    """What is expected, see above."""
    story: Text
    """What happens, and why the decision must, or must not, change."""
    origin: Text
    """Where the expectation comes from."""
    how: Annotated[ChangedPhotos | SamePhoto | JunkPictures, Field(discriminator="kind")]
    """How it is tried."""
    expect: tuple[Expectation, ...] = Field(min_length=1)
    """What must hold."""
    owner: Text
    """Role that answers for it."""
    status: Literal["open", "accepted", "fixed"]
    """`open`: to be worked on. `accepted`: known and lived with. `fixed`: must not come back."""

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        for one in self.expect:
            if one.metric not in _METRICS[self.how.kind]:
                raise ValueError(f"{self.how.kind} has no {one.metric}")
            if one.metric in STEP_METRICS and self.kind != "direction":
                raise ValueError(f"{one.metric} belongs to a direction")
        metrics = [one.metric for one in self.expect]
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"a metric is expected twice: {', '.join(metrics)}")
        return self


_METRICS: Final = {
    "photos": get_args(PhotoMetric),
    "same_photo": get_args(ServerMetric),
    "junk": get_args(JunkMetric),
}


def read_behaviour(folder: Path = FOLDER) -> tuple[BehaviourCase, ...]:
    """Read every file of the registry, sorted by id.

    Raises `BehaviourCaseError` that names file and key, also where a file is not named after its
    id.
    """
    return read_cases(folder, BehaviourCase, BehaviourCaseError)
