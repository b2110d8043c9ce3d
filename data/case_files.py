"""Folders of YAML files, one case each, named after its id."""

from pathlib import Path
from typing import Protocol, Self, TypeVar

import yaml
from pydantic import ValidationError

from data.errors import DataError


class Case(Protocol):
    """A pydantic model with an id."""

    @property
    def id(self) -> str:
        """Name of the file."""

    @classmethod
    def model_validate(cls, obj: object) -> Self:
        """Check what a file says."""


T = TypeVar("T", bound=Case)


def read_cases(folder: Path, model: type[T], error: type[DataError]) -> tuple[T, ...]:
    """Read every file of a folder, sorted by id.

    Raises `error`, which names file and key, also where a file is not named after its id.
    """
    return tuple(_read(path, model, error) for path in sorted(folder.glob("*.yaml")))


def _read(path: Path, model: type[T], error: type[DataError]) -> T:
    try:
        case = model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise error(f"{path}: cannot be read ({problem}); restore it from git") from problem
    except ValidationError as found:
        first = found.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise error(f"{path}: {where}: {first['msg']}; correct it") from found
    if case.id != path.stem:
        raise error(f"{path}: the id is {case.id!r}; name the file {case.id}.yaml")
    return case
