"""Commands `models list|fetch`: pretrained models by pinned digest."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipelines import pretrained
from pipelines.catalogue import CATALOGUE
from pipelines.errors import ModelError
from pipelines.pretrained import Kind, PretrainedModel, fetched_folder, locate

__all__ = ["Listed", "fetch", "fetched_folder", "find", "listing", "verified"]

AnyModel = TypeVar("AnyModel", bound=PretrainedModel)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `models list`."""

    name: str
    kind: Kind
    licence: str
    origin: str
    at_hand: bool


def listing(root: Path) -> list[Listed]:
    """Every model of the catalogue, and whether its file is at hand."""
    return [
        Listed(name, model.kind, model.licence, model.origin, locate(root, model) is not None)
        for name, model in CATALOGUE.items()
    ]


def find(name: str, kind: type[AnyModel] = PretrainedModel) -> AnyModel:  # type: ignore[assignment]  # the default is the bound
    """Entry of the catalogue; raises `ModelError` that lists the known names of that kind."""
    model = CATALOGUE.get(name)
    if not isinstance(model, kind):
        known = ", ".join(n for n, other in CATALOGUE.items() if isinstance(other, kind))
        what = getattr(kind, "kind", "model")
        raise ModelError(f"no {what} {name!r}; known are {known}")
    return model


def fetch(root: Path, name: str) -> Path:
    """Make sure that a model is at hand, download it if need be, and check its digest."""
    return pretrained.fetch(root, name, find(name))


def verified(root: Path, name: str) -> bytes:
    """Content of a model's file, fetched if need be, its digest checked."""
    return pretrained.verified(root, name, find(name))
