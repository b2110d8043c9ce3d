"""What others published for weights at hand, `published_figures.yaml`, to set beside ours.

A figure belongs to one file of weights, by its SHA-256; a figure of other weights of the same
architecture says nothing about these.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from data.errors import DataError

FILE: Final = Path(__file__).with_name("published_figures.yaml")
Definition = Literal["tenfold", "tenfold_grid", "best_single"]
"""How a figure was made: see the head of the file."""


class PublishedFigureError(DataError):
    """The file of published figures cannot be read or says something that it may not."""


class PublishedFigure(BaseModel):
    """One figure that somebody published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the file of weights."""
    set: Annotated[str, Field(min_length=1)]
    """Name of the verification set, such as `lfw`."""
    percent: Annotated[str, Field(pattern=r"^\d{1,3}\.\d+$")]
    """Accuracy as printed."""
    definition: Definition
    mirrored: bool
    """Whether the embedding of the mirrored crop was added."""
    source: Annotated[str, Field(min_length=1)]
    """Where it stands."""
    remark: str
    """What else it rests on."""

    @property
    def value(self) -> float:
        """As a share of one."""
        return float(Decimal(self.percent) / 100)

    def agrees(self, value: float) -> bool:
        """Whether a share of one, rounded to as many digits, is this figure."""
        num_digits = len(self.percent.partition(".")[2])
        return round(Decimal(value) * 100, num_digits) == Decimal(self.percent)


def read_published_figures(path: Path = FILE) -> tuple[PublishedFigure, ...]:
    """Read the file; raises `PublishedFigureError` that names it and the key."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(tuple[PublishedFigure, ...]).validate_python(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PublishedFigureError(
            f"{path}: cannot be read ({error}); restore it from git"
        ) from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "file"
        raise PublishedFigureError(f"{path}: {where}: {problem['msg']}; correct it") from error
