"""Files of pretrained models: found or fetched, and checked against their pinned digest.

None of them is part of this project. A file is taken from what was fetched before, from the weights
folder, or from the public address or npm package that carries it. Its digest is checked before a
byte of it is parsed.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from data.errors import WeightsError
from data.files import sha256_bytes, whole_file
from pipelines.downloads import from_npm, from_url
from pipelines.environment import weights_dir
from pipelines.errors import ModelError

Kind = Literal["embedder", "detector", "attribute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedModel:
    """What is known of a model of any kind."""

    kind: ClassVar[Kind]
    file: str
    """Path below the weights folder."""
    sha256: str
    licence: str
    """As its source states it."""
    origin: str
    """Who published it."""
    architecture: str
    url: str | None = None
    """Public address of the very file; None where none is known."""
    npm_package: str | None = None
    """`name@version` of the public npm package that carries it; None where none does."""
    npm_member: str | None = None
    """Path of the file inside that package."""


def fetched_folder(root: Path) -> Path:
    """Where fetched files are kept."""
    return root / "var/weights"


def locate(root: Path, model: PretrainedModel) -> Path | None:
    """Path of a model's file, fetched or in the weights folder, or None; digest unchecked."""
    places = [fetched_folder(root)]
    with suppress(WeightsError):  # no such folder on this machine: only what was fetched counts
        places.append(weights_dir(root))
    return next((p / model.file for p in places if (p / model.file).is_file()), None)


def fetch(root: Path, name: str, model: PretrainedModel) -> Path:
    """Make sure that a model is at hand, download it if need be, and check its digest.

    Raises `ModelError` where no address is known, none answers, or the bytes are other ones.
    """
    place = locate(root, model)
    if place is None:
        place = fetched_folder(root) / model.file
        content = _download(name, model)
        _check_digest(name, model, content)
        with whole_file(place) as partial:
            partial.write_bytes(content)
    else:
        _check_digest(name, model, place.read_bytes())
    return place


def verified(root: Path, name: str, model: PretrainedModel) -> bytes:
    """Content of a model's file, fetched if need be; what is returned is what was checked."""
    content = fetch(root, name, model).read_bytes()
    _check_digest(name, model, content)
    return content


def _check_digest(name: str, model: PretrainedModel, content: bytes) -> None:
    found = sha256_bytes(content)
    if found != model.sha256:
        raise ModelError(f"{name}: sha256 is {found}, pinned is {model.sha256}; remove the file")


def _download(name: str, model: PretrainedModel) -> bytes:
    remedy = f"put its file as {model.file} into the folder named by EXAMGATE_WEIGHTS_DIR"
    try:
        if model.url is not None:
            return from_url(model.url)
        if model.npm_package is not None and model.npm_member is not None:
            return from_npm(model.npm_package, model.npm_member)
    except ModelError as error:
        raise ModelError(f"{name}: {error}; {remedy}") from error
    raise ModelError(f"{name}: no public address is known; {remedy}")
