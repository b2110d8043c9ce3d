"""Recipes as overlays: a file says what differs from the file that it `extends`.

Mappings are merged key by key, in any depth; everything else, lists too, is replaced whole. What
stands for one of several kinds (`ingest.source`, `align.detector`, `train.head`) is replaced whole
where its kind changes, because the keys of another kind mean nothing to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from pipelines.errors import ParamsError
from pipelines.params import Params

EXTENDS: Final = "extends"
WRITTEN_OUT: Final = "# Recipe "
"""How a `params.yaml` begins that a recipe was written to; nothing may be built on such a one."""

Content = Mapping[str, Any]
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file of a chain says."""

    path: Path
    content: Content
    """Without `extends`."""


def load_recipe(path: Path) -> Params:
    """Resolve a recipe and check it.

    Raises `ParamsError` that names the file of the chain and the key where something is wrong, and
    for a chain that leads to a missing file, to itself, or to a recipe that was written out.
    """
    layers = read_layers(path)
    try:
        return Params.model_validate(merged([layer.content for layer in layers]))
    except ValidationError as error:
        _refuse(error, layers)


def read_layers(path: Path) -> list[Layer]:
    """Every file that a recipe is made of, the one that extends nothing first."""
    layers: list[Layer] = []
    seen: list[Path] = []
    below: Path | None = path
    while below is not None:
        if below.resolve() in seen:
            chain = " -> ".join(found.name for found in [*seen, below])
            raise ParamsError(f"{path}: {EXTENDS} goes round in a circle ({chain})")
        seen.append(below.resolve())
        content = _read(below, None if below == path else layers[-1].path)
        layers.append(Layer(below, {k: v for k, v in content.items() if k != EXTENDS}))
        below = _extended(below, content)
    return layers[::-1]


def merged(contents: Sequence[Content]) -> dict[str, Any]:
    """Contents laid over each other, the first one lowest."""
    result: dict[str, Any] = {}
    for content in contents:
        result = _merged(result, content, ())
    return result


def _merged(below: Content, above: Content, place: Place) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        known, here = below.get(key), (*place, key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[key] = _merged(_of_one_kind(known, value, here), value, here)
        else:
            result[key] = value
    return result


def _of_one_kind(below: Content, above: Content, place: Place) -> Content:
    """What is below, or nothing where the upper one is of another kind."""
    tag = _tags().get(place)
    return below if tag is None or above.get(tag) in (None, below.get(tag)) else {}


@cache
def _tags() -> dict[Place, str]:
    """Where one of several kinds stands, and the key that says which."""
    return dict(_tagged(Params, ()))


def _tagged(model: type[BaseModel], place: Place) -> Iterator[tuple[Place, str]]:
    for name, field in model.model_fields.items():
        here = (*place, name)
        if isinstance(field.discriminator, str):
            yield here, field.discriminator
        for inner in _models_of(field):
            yield from _tagged(inner, here)


def _models_of(field: FieldInfo) -> Iterator[type[BaseModel]]:
    """The configs that may stand in a field, as itself or in a union."""
    annotation = field.annotation
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def _read(path: Path, extended_by: Path | None) -> dict[str, Any]:
    by = f" (extended by {extended_by})" if extended_by else ""
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ParamsError(f"{path}{by}: cannot be read ({error})") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ParamsError(f"{path}{by}: is not a parameter file; it has no keys at its top")
    if extended_by and text.startswith(WRITTEN_OUT):
        raise ParamsError(
            f"{path}{by}: is a recipe that was written out, and would be mixed with this one;"
            f" `git checkout {path.name}`, or extend the recipe itself"
        )
    return content


def _extended(path: Path, content: Content) -> Path | None:
    if EXTENDS not in content:
        return None
    name = content[EXTENDS]
    if not isinstance(name, str) or not name:
        raise ParamsError(f"{path}: {EXTENDS}: {name!r} is no file; give one relative to this file")
    return path.parent / name


def _refuse(error: ValidationError, layers: Sequence[Layer]) -> NoReturn:
    lines = "\n".join(
        f"  {_blamed(layers, problem['loc'])}, {'.'.join(map(str, problem['loc'])) or 'file'}:"
        f" {problem['msg']}"
        for problem in error.errors()
    )
    raise ParamsError(f"{layers[-1].path} is not a parameter file:\n{lines}") from error


def _blamed(layers: Sequence[Layer], loc: Sequence[str | int]) -> str:
    """The uppermost file that says most of a place; a file that says nothing of it has no fault."""
    reached = [(_reach(layer.content, loc), place) for place, layer in enumerate(layers)]
    return str(layers[max(reached)[1]].path)


def _reach(content: object, loc: Sequence[str | int]) -> int:
    """How many keys of a place a file has; pydantic puts kinds among them, which no file has.

    What lies inside a list is not counted, because the uppermost list stands alone.
    """
    steps = 0
    for key in loc:
        if isinstance(content, Mapping) and key in content:
            content, steps = content[str(key)], steps + 1
    return steps
