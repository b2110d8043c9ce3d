"""Commands `models wrap|wrap-checkpoint`: embedders that were not trained here, as candidates.

A bundle gets the detector and the policies of the parameters in force.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx

from data.files import sha256_file, whole_folder
from pipelines.catalogue import PretrainedEmbedder
from pipelines.detectors import install_detector
from pipelines.errors import ModelError
from pipelines.models import find, verified
from pipelines.params import Params
from pipelines.pretrained_detectors import detector_licence
from serving.bundle import seal
from serving.engine import EngineConfig, OnnxRuntimeEngine
from serving.graph import compose, write_graph
from serving.release import DETECTOR_FOLDER, EMBEDDER_FILE, Release, ReleaseDraft
from training.network.export import export_embedder
from training.network.pretrained import load_backbone

_NAME: Final = re.compile(r"[\w.-]+", re.ASCII)
"""A part of the name of a registered model."""


def wrap(root: Path, name: str, destination: Path, params: Params) -> Release:
    """Make a candidate bundle of an embedder of the catalogue.

    Raises `ModelError` where it is unknown, absent, or not the pinned one.
    """
    model = find(name, PretrainedEmbedder)
    network = onnx.load_model_from_string(verified(root, name))
    embedder = _Embedder(
        name=name,
        graph=compose(network, input_scaling=model.scaling),
        architecture=model.architecture,
        licence=model.licence,
        source=f"{model.origin}, file sha256 {model.sha256}",
    )
    return _seal(root, embedder, destination, params)


def wrap_checkpoint(
    root: Path, file: Path, name: str, licence: str, destination: Path, params: Params
) -> Release:
    """Make a candidate bundle of an arcface_torch backbone or of a checkpoint of ours.

    The licence is that of the weights, as their source states it. Raises `CheckpointError` for a
    file that holds no iResNet, `ModelError` for a name that no registry takes, or
    without a licence.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(f"name {name!r}: take letters, digits, dots, dashes and underscores")
    if not licence.strip():
        raise ModelError(f"{file}: say under which licence its weights are; the release states it")
    model = load_backbone(file)
    embedder = _Embedder(
        name=name,
        graph=compose(export_embedder(model)),
        architecture=model.config.architecture,
        licence=licence.strip(),
        source=f"file {file.name}, sha256 {sha256_file(file)}",
    )
    return _seal(root, embedder, destination, params)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Embedder:
    """The whole graph from picture to embedding, and what a release says of its origin."""

    name: str
    """Joined to that of the parameters' model."""
    graph: onnx.ModelProto
    architecture: str
    licence: str
    """Under which the weights may be used, as their source states it."""
    source: str
    """Where the weights came from, with the digest of their file."""


def _seal(root: Path, embedder: _Embedder, destination: Path, params: Params) -> Release:
    detector = params.align.detector
    with whole_folder(destination) as folder:
        graph = folder / EMBEDDER_FILE
        write_graph(embedder.graph, graph)
        install_detector(root, detector, folder / DETECTOR_FOLDER)
        draft = ReleaseDraft(
            name=f"{params.export.name}-{embedder.name.replace('_', '-')}",
            embedding_dim=OnnxRuntimeEngine(graph, EngineConfig()).embedding_dim,
            architecture=embedder.architecture,
            licence=embedder.licence,
            source=embedder.source,
            detector=detector,
            detector_licence=detector_licence(detector),
            landmarks=params.align.landmarks,
            face_policy=params.align.face_policy,
            quality_policy=params.align.quality_policy,
        )
        return seal(folder, draft)
