"""Commands `models list|fetch|wrap`: pretrained models by pinned digest; embedders as bundles."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import onnx

from data.files import whole_folder
from pipelines import pretrained
from pipelines.catalogue import CATALOGUE, PretrainedEmbedder
from pipelines.detectors import install_detector
from pipelines.errors import ModelError
from pipelines.params import Params
from pipelines.pretrained import Kind, PretrainedModel, fetched_folder, locate
from pipelines.pretrained_detectors import detector_licence
from serving.bundle import seal
from serving.engine import EngineConfig, OnnxRuntimeEngine
from serving.graph import compose, write_graph
from serving.release import DETECTOR_FOLDER, EMBEDDER_FILE, Release, ReleaseDraft

__all__ = ["Listed", "fetch", "fetched_folder", "find", "listing", "verified", "wrap"]

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


def wrap(root: Path, name: str, destination: Path, params: Params) -> Release:
    """Make a candidate bundle of a pretrained embedder, with the detector of the parameters."""
    model = find(name, PretrainedEmbedder)
    embedder = onnx.load_model_from_string(verified(root, name))
    detector = params.align.detector
    with whole_folder(destination) as folder:
        graph = folder / EMBEDDER_FILE
        write_graph(compose(embedder, input_scaling=model.scaling), graph)
        install_detector(root, detector, folder / DETECTOR_FOLDER)
        draft = ReleaseDraft(
            name=f"{params.export.name}-{name.replace('_', '-')}",
            embedding_dim=OnnxRuntimeEngine(graph, EngineConfig()).embedding_dim,
            architecture=model.architecture,
            licence=model.licence,
            source=f"{model.origin}, file sha256 {model.sha256}",
            detector=detector,
            detector_licence=detector_licence(detector),
            landmarks=params.align.landmarks,
            face_policy=params.align.face_policy,
            quality_policy=params.align.quality_policy,
        )
        return seal(folder, draft)
